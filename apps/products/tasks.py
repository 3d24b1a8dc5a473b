"""What the clock starts in products."""

from celery import shared_task

from apps.core import clock
from apps.products.actions import evaluation, lifecycle, restatement


@shared_task
def evaluate_due() -> int:
    """Evaluate all observations that are due; return how many were."""
    return evaluation.evaluate_due(at=clock.now())


@shared_task
def restate_due() -> int:
    """Carry out what restatements order; return how many strategies were looked at."""
    return restatement.restate_due(at=clock.now())


@shared_task
def record_milestones() -> int:
    """Write to the timelines what dates have brought; return how many events were new."""
    return lifecycle.record_milestones(at=clock.now())
