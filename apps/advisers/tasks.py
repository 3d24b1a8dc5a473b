"""The tick of call tasks."""

from celery import shared_task

from apps.advisers.actions import ending
from apps.core import clock

AT_ONCE = 500  # tasks a transaction


@shared_task
def expire() -> int:
    total = 0
    while ended := ending.expire(at=clock.now(), limit=AT_ONCE):
        total += ended
    return total
