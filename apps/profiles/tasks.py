"""What the clock starts in profiles."""

from celery import shared_task

from apps.core import clock
from apps.profiles.actions import merging


@shared_task
def follow_merges() -> int:
    """Move what came to merged clients from those who still knew them."""
    return merging.follow_merges(at=clock.now())
