"""What the clock starts for the clients' pages."""

from celery import shared_task

from apps.core import clock
from apps.landing.actions import joining


@shared_task
def forget_visitors() -> int:
    """Forget browsers that were not seen for long."""
    return joining.forget_visitors(at=clock.now())
