"""What the clock starts in events, and what the door rings for."""

import time

from celery import shared_task

from apps.core import clock
from apps.events import actions
from apps.events.actions import arrivals, merges

DRAINED = 10_000  # events a transaction
SHIFT = 60  # seconds, half of what a task may take


@shared_task
def open_months() -> None:
    """Open this month and the next one of the timeline."""
    actions.open_months(at=clock.now())


@shared_task
def drain() -> int:
    """Put what has arrived on timelines."""
    total, stop_at = 0, time.monotonic() + SHIFT
    while taken := arrivals.drain(at=clock.now(), limit=DRAINED):
        total += taken
        if time.monotonic() > stop_at:
            break
    return total


@shared_task
def join_strays() -> int:
    """Put events on the timelines of clients who have come since."""
    total = 0
    while found := arrivals.join_strays(at=clock.now(), limit=DRAINED):
        total += found
    return total


@shared_task
def join_all_strays() -> int:
    """Look through all events that wait, for clients who came unseen."""
    total = 0
    while found := arrivals.join_strays(at=clock.now(), limit=DRAINED, lately=arrivals.EVER):
        total += found
    return total


@shared_task
def forget_strays() -> int:
    """Delete events that waited for their clients in vain."""
    return arrivals.forget_strays(at=clock.now())


@shared_task
def record_merges() -> int:
    """Tell merges of clients on their timelines."""
    return merges.record_merges(at=clock.now())
