"""What the clock starts in products."""

from contextlib import suppress

from celery import shared_task
from django.db import transaction
from kombu.exceptions import OperationalError

from apps.core import clock
from apps.products.actions import deadlines, evaluation, lifecycle, moves, restatement
from apps.products.actions.restatement import foreseeing


@shared_task
def evaluate_due(*, is_helping: bool = False) -> int:
    """Evaluate all observations that are due, calling for help with many; return how many were."""
    at = clock.now()
    if not is_helping:
        for _place in range(evaluation.helpers(at=at)):
            # Help that nobody took before the next tick is not worth running.
            evaluate_due.apply_async(kwargs={"is_helping": True}, expires=60)
    return evaluation.evaluate_due(at=at)


@shared_task
def restate_due() -> int:
    """Carry out what restatements order; return how many strategies were looked at."""
    return restatement.restate_due(at=clock.now())


@shared_task
def record_milestones() -> int:
    """Write to the timelines what dates have brought; return how many events were new."""
    return lifecycle.record_milestones(at=clock.now())


@shared_task
def record_moves() -> int:
    """Tell clients what moved far, once a day's closes are in; return how many events were new."""
    return moves.record_moves(at=clock.now())


@shared_task
def record_deadlines() -> int:
    """Tell clients of deadlines that have come near; return how many events were new."""
    return deadlines.record_deadlines(at=clock.now())


# Taken back to the queue by nobody: many strategies take minutes, and the page asks anew.
@shared_task(acks_late=False, soft_time_limit=3600, time_limit=3600)
def foresee_due() -> int:
    """Work out what restatements would change; return how many were."""
    return foreseeing.foresee_due(at=clock.now())


def ring() -> None:
    """Have a worker begin as soon as this transaction is done; the tick finds what nobody heard."""
    transaction.on_commit(_ring)


def _ring() -> None:
    with suppress(OperationalError):
        foresee_due.apply_async(retry=False)
