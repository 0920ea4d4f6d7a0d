import django
from django.conf import settings

settings.configure(SECRET_KEY="change-me", ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, USE_TZ=True,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}},
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
    MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware",
                "django.contrib.auth.middleware.AuthenticationMiddleware"])
django.setup()

from django.contrib.auth import authenticate, get_user_model, login
from django.core.management import call_command, execute_from_command_line
from django.http import HttpResponse
from django.urls import path


def home(request):
    request.session["num_visits"] = request.session.get("num_visits", 0) + 1
    return HttpResponse(f"Django: {request.user}, visit {request.session['num_visits']}\n")


def sign_in(request):
    login(request, authenticate(username="ann", password="secret"))
    return HttpResponse("Django: signed in as ann\n")


urlpatterns = [path("", home), path("login/", sign_in)]

if __name__ == "__main__":
    import sys
    call_command("migrate", verbosity=0)
    if not get_user_model().objects.filter(username="ann").exists():
        get_user_model().objects.create_user("ann", password="secret")
    execute_from_command_line([sys.argv[0], "runserver", "--noreload", sys.argv[1]])
