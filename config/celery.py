"""The Celery application. The beat table is kept by django-celery-beat; see each app's ticks."""

import os

from celery import Celery
from celery.signals import task_prerun

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("tidings")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@task_prerun.connect
def drop_dead_connections(**_: object) -> None:
    # CELERY_DB_REUSE_MAX keeps connections over tasks; without this one dropped connection
    # fails every later task.
    from django.db import close_old_connections  # noqa: PLC0415 (needs the settings)

    close_old_connections()
