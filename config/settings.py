"""Settings of every environment, read from environment variables; .env.example lists them all.

The defaults are safe: no debug, no secret, no outside address. `manage.py demo` and the tests set
what they need before this module is read.
"""

import os
import re
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import django_stubs_ext
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _
from kombu import Queue
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from config import (
    back_office,
    celery,  # noqa: F401 (shared tasks find their app)
    embedded,
)

django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent


def env_flag(name: str) -> bool:
    return os.environ.get(name, "").lower() in {"1", "true", "yes", "on"}


def env_list(name: str, default: str = "") -> list[str]:
    return [item.strip() for item in os.environ.get(name, default).split(",") if item.strip()]


def postgres(url: str) -> dict[str, object]:
    """Read postgresql://user:password@host:port/name?option=value, as PostgreSQL itself does."""
    if not url.startswith(("postgresql://", "postgres://")):
        raise ImproperlyConfigured("DATABASE_URL must start with postgresql://")
    try:
        options: dict[str, object] = dict(conninfo_to_dict(url))
    except ProgrammingError as error:
        raise ImproperlyConfigured(f"DATABASE_URL is wrong: {error}") from None
    parts = {
        key: str(options.pop(name, ""))
        for key, name in {
            "NAME": "dbname",
            "USER": "user",
            "PASSWORD": "password",
            "HOST": "host",
            "PORT": "port",
        }.items()
    }
    if pool := int(os.environ.get("DB_POOL", "0")):
        options["pool"] = {"min_size": 1, "max_size": pool, "timeout": 10}
    return parts | {
        "ENGINE": "django.db.backends.postgresql",
        "OPTIONS": options,
        # Workers keep their connection; the pool of the web process replaces it.
        "CONN_MAX_AGE": 0 if pool else None,
        # Both ask before use whether it still lives: a restarted database costs nobody an error.
        "CONN_HEALTH_CHECKS": True,
    }


def celery_broker(url: str) -> str:
    """Write a unix:// Redis address the way Celery wants it."""
    if url.startswith("unix://"):
        return url.replace("unix://", "redis+socket://", 1).replace("?db=", "?virtual_host=")
    return url


def cache_location(url: str) -> str:
    """Return the Redis database after the queue's: clearing the cache must not empty the queue."""
    pattern = r"(?<=[?&]db=)\d+" if url.startswith("unix://") else r"(?<=[^/]/)\d+$"
    moved, count = re.subn(pattern, lambda found: str(int(found[0]) + 1), url)
    if not count:
        raise ImproperlyConfigured(
            "REDIS_URL must end with the number of its database: redis://host:6379/0"
        )
    return moved


# --- the process ---------------------------------------------------------------------------------

DEBUG = env_flag("DEBUG")
DEMO = env_flag("TIDINGS_DEMO")
SECRET_KEY = os.environ.get("SECRET_KEY", "")
SECRET_KEY_FALLBACKS = env_list("SECRET_KEY_FALLBACKS")
# Personal links are derived with this key; changing SECRET_KEY then breaks no link already sent.
LINK_KEY = os.environ.get("LINK_KEY", "") or SECRET_KEY
LINK_KEY_FALLBACKS = env_list("LINK_KEY_FALLBACKS")  # older keys: their links stay as they were
ALLOWED_HOSTS = env_list("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = env_list("CSRF_TRUSTED_ORIGINS")
# Where clients' links lead: scheme and host, no slash at the end.
PUBLIC_URL = os.environ.get("PUBLIC_URL", "http://localhost:8000").rstrip("/")
# A domain of few letters that leads to the same server, for links in messages; it may stay empty.
SHORT_URL = os.environ.get("SHORT_URL", "").rstrip("/")
# Here lies what was seen of links until it is in the database, a second or two.
HITS_DIR = os.environ.get("HITS_DIR") or BASE_DIR / "var" / "hits"
CONVERSION_KINDS = env_list("CONVERSION_KINDS", "purchase.made")  # events that links lead to
# The demo lives on the days of its prices: its moment = the real one + this many seconds.
CLOCK_OFFSET = timedelta(seconds=int(os.environ.get("CLOCK_OFFSET_SECONDS", "0")))

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "unfold.contrib.import_export",
    "config.apps.BackOfficeConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "csp",
    "import_export",
    "django_celery_beat",
    "ninja",
    "apps.core",
    "apps.profiles",
    "apps.events",
    "apps.products",
    "apps.files",
    "apps.webhooks",
    "apps.advisers",
    "apps.messaging",
    "apps.landing",
    "apps.privacy",
    "apps.demo",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "apps.core.middleware.audited",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# --- database, cache, queue ----------------------------------------------------------------------

DATABASE_URL = os.environ.get("DATABASE_URL") or embedded.database_url(BASE_DIR)
REDIS_URL = os.environ.get("REDIS_URL") or embedded.redis_url(BASE_DIR)

DATABASES = {"default": postgres(DATABASE_URL)}
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": os.environ.get("CACHE_URL") or cache_location(REDIS_URL),
        "KEY_PREFIX": "tidings",
    }
}
SESSION_ENGINE = "django.contrib.sessions.backends.db"

CELERY_BROKER_URL = celery_broker(REDIS_URL)
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
# A worker serves both, unless it is told otherwise; one of its own for the second keeps what must
# be quick from waiting behind files and evaluations that take minutes.
CELERY_TASK_QUEUES = [Queue("celery"), Queue("prompt")]
CELERY_TASK_ROUTES = {
    "apps.events.tasks.drain": {"queue": "prompt"},
    "apps.messaging.tasks.drain_hits": {"queue": "prompt"},
}
CELERY_TASK_SOFT_TIME_LIMIT = 240
CELERY_TASK_TIME_LIMIT = 270
# Longer than a task may run, so that no running task is delivered a second time.
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 300}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
# Connections are kept over tasks; config.celery drops the dead ones before each task.
CELERY_DB_REUSE_MAX = 1000
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULER = "config.beat:Scheduler"

# --- people and languages ------------------------------------------------------------------------

# Of pages before anybody has chosen, and of the reasons that workers write down.
LANGUAGE_CODE = os.environ.get("LANGUAGE_CODE", "en")
LANGUAGES = [("en", _("English")), ("ru", _("Russian"))]
FORMAT_MODULE_PATH = ["config.formats"]
# The second one has what the packages of the back office leave in English.
LOCALE_PATHS = [BASE_DIR / "locale", BASE_DIR / "locale" / "packages"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = os.environ.get("TIME_ZONE", "UTC")
ISSUER_NAME = os.environ.get("ISSUER_NAME", "Tidings")

PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"

# --- back office ---------------------------------------------------------------------------------

UNFOLD = back_office.UNFOLD

# --- static files --------------------------------------------------------------------------------

STATIC_URL = "static/"
# Servers give the folder of `collectstatic`; the demo and the tests serve files where they lie.
STATIC_ROOT = os.environ.get("STATIC_ROOT") or None
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = STATIC_ROOT is None
WHITENOISE_MAX_AGE = 3600
if STATIC_ROOT:
    STORAGES = {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
    }

# --- prices --------------------------------------------------------------------------------------

# A close that moves further than this in one step is held for a second person.
QUOTE_JUMP = Decimal(os.environ.get("QUOTE_JUMP", "0.25"))

# --- files ---------------------------------------------------------------------------------------

# Received files lie here, readable by nobody else; never below what a web server gives away.
FILES_DIR = os.environ.get("FILES_DIR") or BASE_DIR / "var" / "files"
# Watched folders lie below this one.
FILES_DROP = os.environ.get("FILES_DROP") or BASE_DIR / "var" / "drop"
FILES_MOST_BYTES = int(os.environ.get("FILES_MOST_MB", "1024")) * 2**20
# More changed phones or e-mails of one file wait for a second person: a swapped column would send
# portfolios to strangers.
FILES_CONTACT_CHANGES = int(os.environ.get("FILES_CONTACT_CHANGES", "50"))
# A file that a person uploads and that would change more records needs a second one.
FILES_ALONE = int(os.environ.get("FILES_ALONE", "100000"))
# Days for which what a file would change can still be looked at one by one.
FILES_STAGED_DAYS = int(os.environ.get("FILES_STAGED_DAYS", "7"))

# --- the API -------------------------------------------------------------------------------------

# Of one key; more are told to come back later.
API_REQUESTS_A_MINUTE = int(os.environ.get("API_REQUESTS_A_MINUTE", "120"))

# --- webhooks ------------------------------------------------------------------------------------

# Networks that webhooks may be sent to although they are not public, and there without TLS too.
WEBHOOK_NETWORKS = env_list("WEBHOOK_NETWORKS")

# --- data protection -----------------------------------------------------------------------------

# How long a law wants contracts and payments kept after the last of them ended.
RETENTION_YEARS = int(os.environ.get("RETENTION_YEARS", "10"))

# --- security ------------------------------------------------------------------------------------

# TLS is the rule. Only a machine that talks to itself (the demo, tests) goes without.
INSECURE_HTTP = DEBUG or DEMO or env_flag("INSECURE_HTTP")
SECURE_SSL_REDIRECT = not INSECURE_HTTP
SESSION_COOKIE_SECURE = not INSECURE_HTTP
CSRF_COOKIE_SECURE = not INSECURE_HTTP
SECURE_HSTS_SECONDS = 0 if INSECURE_HTTP else 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = not INSECURE_HTTP
SECURE_HSTS_PRELOAD = not INSECURE_HTTP
if env_flag("BEHIND_TLS_PROXY"):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SESSION_COOKIE_HTTPONLY = True
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        # The hash is that of the empty style element which plotly.js adds and then fills by rule.
        "style-src": [SELF, "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

# --- channels ------------------------------------------------------------------------------------

EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
EMAIL_HOST = os.environ.get("EMAIL_HOST", "localhost")
EMAIL_PORT = int(os.environ.get("EMAIL_PORT", "25"))
EMAIL_HOST_USER = os.environ.get("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = os.environ.get("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = env_flag("EMAIL_USE_TLS")
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = os.environ.get("DEFAULT_FROM_EMAIL", "tidings@localhost")
# Letters that come back do so to name+<key>@host, and are read there by IMAP.
BOUNCE_ADDRESS = os.environ.get("BOUNCE_ADDRESS", "")
BOUNCE_MAILBOX = os.environ.get("BOUNCE_MAILBOX", "")

SMS_GATEWAY_URL = os.environ.get("SMS_GATEWAY_URL", "")
SMS_GATEWAY_TOKEN = os.environ.get("SMS_GATEWAY_TOKEN", "")
SMS_SENDER = os.environ.get("SMS_SENDER", "Tidings")
# Providers whose row names an environment are used only in the one that is named so. Clients are
# written to where LIVE says so, by providers whose row names this environment; elsewhere only the
# addresses of the test list are; the demo has everybody there and speaks with itself alone.
LIVE = env_flag("LIVE")
ENVIRONMENT = os.environ.get("ENVIRONMENT", "")
TEST_RECIPIENTS = env_list("TEST_RECIPIENTS")
# What providers know us by: PROVIDER_SECRET_SMS_GATEWAY is that of the provider "sms-gateway".
PROVIDER_SECRETS = {
    name.removeprefix("PROVIDER_SECRET_").lower().replace("_", "-"): secret
    for name, secret in os.environ.items()
    if name.startswith("PROVIDER_SECRET_")
}
# A service that looks phone numbers up with the networks; empty: none are looked up.
NUMBER_CHECK_URL = os.environ.get("NUMBER_CHECK_URL", "")
NUMBER_CHECK_TOKEN = os.environ.get("NUMBER_CHECK_TOKEN", "")
# What a number costs, and what a day may cost, in minor units.
NUMBER_CHECK_PRICE = int(os.environ.get("NUMBER_CHECK_PRICE", "1"))
NUMBER_CHECK_BUDGET = int(os.environ.get("NUMBER_CHECK_BUDGET", "0"))
NUMBER_CHECK_CURRENCY = os.environ.get("NUMBER_CHECK_CURRENCY", "EUR")
NUMBER_CHECK_DAYS = int(os.environ.get("NUMBER_CHECK_DAYS", "180"))  # then it is asked again
# Browsers subscribe to our push key: whoever changes it loses all of them. Empty: made of LINK_KEY.
PUSH_KEY = os.environ.get("PUSH_KEY", "")
PUSH_CONTACT = os.environ.get("PUSH_CONTACT", f"mailto:{DEFAULT_FROM_EMAIL}")
# The push services of browsers; a name that begins with a dot stands for all below it.
PUSH_SERVICES = env_list(
    "PUSH_SERVICES",
    "fcm.googleapis.com,updates.push.services.mozilla.com,web.push.apple.com,.notify.windows.com",
)
# By which providers sign what they send us: RECEIPT_SECRET_SMS_GATEWAY is that of "sms-gateway"; a
# new one may stand beside the old one for a while.
RECEIPT_SECRETS = {
    name.removeprefix("RECEIPT_SECRET_").lower().replace("_", "-"): env_list(name)
    for name in os.environ
    if name.startswith("RECEIPT_SECRET_")
}
# Clients without a time zone of their own are told in this one, inside these local hours.
DEFAULT_CLIENT_TIME_ZONE = os.environ.get("DEFAULT_CLIENT_TIME_ZONE", "Europe/Moscow")

# --- logs ----------------------------------------------------------------------------------------

LOG_LEVEL = os.environ.get("LOG_LEVEL", "INFO")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "discreet": {
            "()": "config.logs.Discreet",
            "format": "%(asctime)s %(levelname)s %(name)s %(message)s",
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "discreet"}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        # One line a message otherwise, with the gateway's address in it.
        "httpx2": {"level": "WARNING"},
        # Its own handlers would write the addresses of clients' pages as they are.
        "gunicorn.access": {"handlers": ["console"], "propagate": False},
        "gunicorn.error": {"handlers": ["console"], "propagate": False},
    },
}
