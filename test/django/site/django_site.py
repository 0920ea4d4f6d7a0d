"""A Django site for the tests. `python3 django_site.py migrate` makes its tables; gunicorn serves `application`."""
import json
import os
import random
import sys
import time
from urllib.parse import urlsplit

import django
from django.conf import settings

ENGINES = {"postgres": "postgresql", "mysql": "mysql", "sqlite": "sqlite3"}


def database(url):
    parts = urlsplit(url)
    engine = "django.db.backends." + ENGINES[parts.scheme]
    if parts.scheme == "sqlite":
        return {"ENGINE": engine, "NAME": parts.path}
    return {
        "ENGINE": engine,
        "HOST": parts.hostname,
        "PORT": parts.port,
        "USER": parts.username,
        "PASSWORD": parts.password or "",
        "NAME": parts.path[1:],
    }


settings.configure(
    SECRET_KEY=os.environ["SITE_SECRET"],
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    DATABASES={"default": database(os.environ["SITE_DATABASE"])},
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "django.contrib.messages",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    ],
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "OPTIONS": {
                "loaders": [
                    ("django.template.loaders.locmem.Loader", {"registration/login.html": "{{ csrf_token }}"})
                ],
            },
        }
    ],
    MESSAGE_STORAGE="django.contrib.messages.storage.session.SessionStorage",
    CSRF_USE_SESSIONS=True,
    LOGIN_URL="/login/",
    LOGIN_REDIRECT_URL="/do/",
    USE_TZ=os.environ.get("SITE_USE_TZ", "on") == "on",
    TIME_ZONE=os.environ.get("SITE_TIME_ZONE", "UTC"),
    SESSION_COOKIE_AGE=int(os.environ.get("SITE_COOKIE_AGE", 1209600)),
    # Hashing on purpose slowly would only make the tests slow.
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
)
# Django does this itself where its settings are a module.
os.environ["TZ"] = settings.TIME_ZONE
time.tzset()
django.setup()

from django.contrib import messages  # noqa: E402
from django.contrib.auth import get_user_model  # noqa: E402
from django.contrib.auth.decorators import login_required  # noqa: E402
from django.contrib.auth.views import LoginView, LogoutView  # noqa: E402
from django.core.management import call_command, execute_from_command_line  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.http import HttpResponse, JsonResponse  # noqa: E402
from django.urls import path  # noqa: E402
from django.views.decorators.csrf import csrf_exempt  # noqa: E402


def gate(file):
    """Tells that the request has come here, and waits until it may go on."""
    open(file + ".arrived", "w").close()
    for _ in range(12000):
        if os.path.exists(file + ".open"):
            return
        time.sleep(0.005)
    raise TimeoutError(file)


def carry_out(request, step, *given):
    session = request.session
    if step == "set":
        session[given[0]] = given[1]
    elif step == "pop":
        session.pop(given[0], None)
    elif step == "count":
        session[given[0]] = session.get(given[0], 0) + 1
    elif step == "literal":
        session[given[0]] = eval(given[1])
    elif step == "gate":
        session.get("anything")
        gate(given[0])
    elif step == "password":
        user = get_user_model().objects.get(username=given[0])
        user.set_password(given[1])
        user.save()
    elif step == "active":
        get_user_model().objects.filter(username=given[0]).update(is_active=given[1])
    elif step == "clearsessions":
        call_command("clearsessions")
    else:
        getattr(session, step)(*given)


@csrf_exempt
def do(request):
    for step in json.loads(request.body or "[]"):
        carry_out(request, *step)
    user = request.user
    return JsonResponse(
        {
            "user": user.get_username() if user.is_authenticated else None,
            "data": {key: value for key, value in request.session.items() if not key.startswith("_")},
            "messages": [str(message) for message in messages.get_messages(request)],
            "age": request.session.get_expiry_age(),
            "untilClose": request.session.get_expire_at_browser_close(),
            "testCookie": request.session.test_cookie_worked(),
            "text": json.dumps(dict(request.session.items()), separators=(",", ":")),
        }
    )


def queue(request):
    messages.info(request, request.GET["text"])
    return HttpResponse("")


@login_required
def secret(request):
    return HttpResponse("the secret of " + request.user.get_username())


class Text:
    """A serializer that leaves the JSON as it is."""

    def dumps(self, text):
        return text.encode("latin-1")

    def loads(self, data):
        return data.decode("latin-1")


SALT = "django.contrib.sessions.SessionStore"
LEAVES = [
    lambda r: r.choice([None, True, False, float("nan"), float("inf"), -float("inf")]),
    lambda r: r.randint(-(10**r.randint(1, 30)), 10**r.randint(1, 30)),
    lambda r: r.choice([1.0, 1e16, 1e-07, 0.1, -0.0, 1e300]) * r.choice([1, 3, -7]),
    lambda r: "".join(chr(r.choice([r.randint(0, 127), r.randint(0, 0xFFFF), r.randint(0, 0x10FFFF)])) for _ in range(r.randint(0, 12))),
]


def value(r, depth):
    kind = r.randint(0, 5)
    if depth == 0 or kind < 4:
        return r.choice(LEAVES)(r)
    if kind == 4:
        return [value(r, depth - 1) for _ in range(r.randint(0, 4))]
    return {LEAVES[3](r): value(r, depth - 1) for _ in range(r.randint(0, 4))}


@csrf_exempt
def dictionaries(request):
    """Makes so many sessions with random data, and answers with their keys and the JSON in each."""
    from django.contrib.sessions.models import Session

    r = random.Random(1)
    store = Session.get_session_store_class()
    made = {}
    rows = []
    for _ in range(int(request.GET["count"])):
        data = {LEAVES[3](r) or str(n): value(r, 3) for n in range(r.randint(1, 5))}
        key = store()._get_new_session_key()
        made[key] = json.dumps(data, separators=(",", ":"))
        rows.append(Session(session_key=key, session_data=store().encode(data), expire_date=store().get_expiry_date()))
    Session.objects.bulk_create(rows)
    return JsonResponse(made)


@csrf_exempt
def texts(request):
    """The JSON in the sessions with these keys, as it is signed, and again as Django's own decoding and encoding makes it."""
    from django.contrib.sessions.models import Session
    from django.core import signing

    rows = Session.objects.in_bulk(json.loads(request.body))
    return JsonResponse(
        {
            key: [
                signing.loads(row.session_data, salt=SALT, serializer=Text),
                json.dumps(row.get_decoded(), separators=(",", ":")),
            ]
            for key, row in rows.items()
        }
    )


urlpatterns = [
    path("dictionaries/", dictionaries),
    path("texts/", texts),
    path("login/", LoginView.as_view()),
    path("logout/", LogoutView.as_view(next_page="/do/")),
    path("do/", do),
    path("secret/", secret),
    path("queue/", queue),
]

application = get_wsgi_application()

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
    for name in ("ann", "bob"):
        get_user_model().objects.create_user(name, password="the password of " + name)
