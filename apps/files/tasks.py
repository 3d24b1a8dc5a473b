"""Celery entry points: each reads the clock and calls one action."""

from contextlib import suppress
from functools import partial

from celery import shared_task
from django.db import transaction
from kombu.exceptions import OperationalError

from apps.core import clock
from apps.files.actions import resuming, watching, working

HOURS = 6 * 3600  # of one file; a large one takes minutes, and is taken up again by the tick


# Taken back to the queue by nobody: the tick finds what a killed worker has left.
@shared_task(acks_late=False, soft_time_limit=HOURS, time_limit=HOURS)
def work(batch_id: int) -> bool:
    return working.work(batch_id, at=clock.now())


@shared_task(acks_late=False, soft_time_limit=HOURS, time_limit=HOURS)
def resume() -> int:
    return resuming.resume(at=clock.now())


@shared_task
def purge() -> int:
    return resuming.purge(at=clock.now())


@shared_task
def take_files() -> int:
    taken = watching.take_files(at=clock.now())
    for batch_id in taken:
        work.delay(batch_id)
    return len(taken)


def nudge(batch_id: int) -> None:
    """Have a worker begin with a batch as soon as this transaction is done."""
    transaction.on_commit(partial(_ring, batch_id))


def _ring(batch_id: int) -> None:
    with suppress(OperationalError):  # without a broker the tick finds it
        work.apply_async((batch_id,), retry=False)
