"""Every tick of the beat table rings a task that exists."""

import pytest
from django_celery_beat.models import PeriodicTask
from django_celery_beat.schedulers import ModelEntry

from config.celery import app


def test_every_tick_names_a_task_that_a_worker_knows():
    app.loader.import_default_modules()
    assert {entry["task"] for entry in app.conf.beat_schedule.values()} <= set(app.tasks)


@pytest.mark.django_db
def test_beat_copies_the_table_to_the_schedules_that_operations_may_change():
    for name, entry in app.conf.beat_schedule.items():
        ModelEntry.from_entry(name, app=app, **entry)
    tick = PeriodicTask.objects.get(task="apps.products.tasks.evaluate_due")
    assert (tick.interval.every, tick.expire_seconds) == (60, 60)
