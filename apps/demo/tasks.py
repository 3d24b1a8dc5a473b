"""What the clock starts in the demo's world."""

from celery import shared_task
from django.conf import settings

from apps.core import clock
from apps.demo.actions import feed


@shared_task
def receive_quotes() -> int:
    """Feed the closes of sessions that have ended; return of how many days."""
    return feed.receive_closes(at=clock.now()) if settings.DEMO else 0
