"""What the clock starts in events."""

from celery import shared_task

from apps.core import clock
from apps.events import actions


@shared_task
def open_months() -> None:
    """Open this month and the next one of the timeline."""
    actions.open_months(at=clock.now())
