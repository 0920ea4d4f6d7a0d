"""The bench's routes on Django, one file: `gunicorn bench_site:application`. BENCH_ENGINE names the session engine."""

import os

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.db.backends.signals import connection_created
from django.http import HttpResponse
from django.urls import path

on_redis = os.environ["BENCH_ENGINE"] == "redis"

# Django has a Redis cache of its own from version 4 on; before that it was this package.
redis_backend = (
    "django.core.cache.backends.redis.RedisCache" if django.VERSION >= (4,) else "django_redis.cache.RedisCache"
)

settings.configure(
    SECRET_KEY="the bench has no secrets",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["django.contrib.sessions"],
    MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware"],
    SESSION_ENGINE="django.contrib.sessions.backends." + ("cache" if on_redis else "db"),
    CACHES={"default": {"BACKEND": redis_backend, "LOCATION": os.environ["BENCH_REDIS"]}} if on_redis else {},
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": os.environ["BENCH_SQLITE"],
            "CONN_MAX_AGE": None,
            "OPTIONS": {"timeout": 20},
        }
    },
)
django.setup()


def same_durability(connection, **_):
    """The settings in which coatcheck opens SQLite."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = NORMAL")


connection_created.connect(same_durability)


def none(request):
    return HttpResponse("Ada Lovelace")


def read(request):
    return HttpResponse(request.session["name"])


def write(request):
    visits = request.session["visits"] = request.session.get("visits", 0) + 1
    return HttpResponse(str(visits))


def fill(request):
    request.session.update({"name": "Ada Lovelace", "visits": 0, "basket": "x" * (int(request.GET["bytes"]) - 50)})
    return HttpResponse("filled")


urlpatterns = [path(view.__name__, view) for view in (none, read, write, fill)]
application = WSGIHandler()

if __name__ == "__main__":
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
