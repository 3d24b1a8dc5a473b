"""What the clock does for data protection: gather exports, drop old ones, finish erasures."""

from celery import shared_task

from apps.core import clock
from apps.privacy.actions import erasing, exports


@shared_task
def gather_exports() -> int:
    return exports.gather_queued(at=clock.now())


@shared_task
def drop_exports() -> int:
    return exports.drop_old(at=clock.now())


@shared_task
def complete_erasures() -> int:
    return erasing.complete_due(at=clock.now())
