"""The ticks of webhooks: events become messages, messages go out, old ones are forgotten."""

import random
import time

from celery import shared_task
from django.db import transaction

from apps.core import clock
from apps.webhooks.actions import outbox, sending

QUEUED = 5_000  # events a transaction
CLAIMED = 80  # messages a claim
SHIFT = 60  # seconds; a claim begun within them ends well inside what a task may take


@shared_task
def queue_deliveries() -> int:
    total = 0
    while queued := outbox.queue_deliveries(at=clock.now(), limit=QUEUED):
        total += queued
    if total:
        transaction.on_commit(deliver_due.delay)
    return total


@shared_task
def deliver_due() -> int:
    total, stop_at = 0, time.monotonic() + SHIFT
    while claimed := sending.deliver_due(at=clock.now(), limit=CLAIMED, dice=random.random):
        total += claimed
        if time.monotonic() > stop_at:
            transaction.on_commit(deliver_due.delay)
            break
    return total


@shared_task
def forget_deliveries() -> int:
    return outbox.forget_deliveries(at=clock.now())
