import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = get_wsgi_application()
# Else what a page rings for would be rung at a broker of nobody's.
from config import celery  # noqa: E402, F401

_ = settings.SECRET_KEY  # without one the server refuses to start, not the first page to open
