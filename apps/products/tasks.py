"""What the clock starts in products."""

from celery import shared_task

from apps.core import clock
from apps.products.actions import evaluation


@shared_task
def evaluate_due() -> int:
    """Evaluate all observations that are due; return how many were."""
    return evaluation.evaluate_due(at=clock.now())
