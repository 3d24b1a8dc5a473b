"""Every tick of the beat table rings a task that exists, and beat ends when it is asked to."""

import signal

import pytest
from django.db import connection, transaction
from django_celery_beat.models import PeriodicTask
from django_celery_beat.schedulers import ModelEntry

from apps.demo import programs
from apps.demo.supervisor import start
from config.celery import app
from config.servers import wait_for

WAITING = """
SELECT EXISTS (
    SELECT FROM pg_locks
    WHERE NOT granted AND relation = 'django_celery_beat_periodictasks'::regclass
)
"""


def somebody_waits():
    with connection.cursor() as cursor:
        cursor.execute(WAITING)
        return cursor.fetchone()[0]


def test_every_tick_names_a_task_that_a_worker_knows():
    app.loader.import_default_modules()
    assert {entry["task"] for entry in app.conf.beat_schedule.values()} <= set(app.tasks)


@pytest.mark.django_db
def test_beat_copies_the_table_to_the_schedules_that_operations_may_change():
    for name, entry in app.conf.beat_schedule.items():
        ModelEntry.from_entry(name, app=app, **entry)
    tick = PeriodicTask.objects.get(task="apps.products.tasks.evaluate_due")
    assert (tick.interval.every, tick.expire_seconds) == (60, 60)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_beat_ends_when_it_is_interrupted_amid_a_statement(tmp_path, settings, monkeypatch, number):
    database = settings.DATABASES["default"]
    url = f"postgresql://postgres@/{database['NAME']}?host={database['HOST']}"
    monkeypatch.setenv("DATABASE_URL", url)
    beat = start(programs.beat(tmp_path / "beat.log"))
    try:
        assert wait_for(lambda: PeriodicTask.objects.count() >= len(app.conf.beat_schedule), 60)
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("LOCK django_celery_beat_periodictasks IN ACCESS EXCLUSIVE MODE")
            assert wait_for(somebody_waits, 60)
            beat.send_signal(number)
            beat.wait(60)  # seconds; raises where it has not ended
    finally:
        beat.kill()
        beat.wait()
