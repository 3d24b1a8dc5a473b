"""Calls that nobody is to make any more: withdrawn, or too late."""

from datetime import datetime

from django.db import transaction
from django.db.models import Q, QuerySet

from apps.advisers.models import CallTask
from apps.events.actions import Fact, record

State = CallTask.State
REASON_LENGTH = 500  # of the column


def not_on_the_phone(at: datetime) -> Q:
    """Leave out whom an adviser speaks with right now: what comes of that is not lost."""
    return ~Q(state=State.TAKEN, shown_at__isnull=False, leased_until__gte=at)


@transaction.atomic
def withdraw(tasks: QuerySet[CallTask], *, reason: str, at: datetime) -> int:
    """Let nobody make some calls any more, and tell so; return how many there were."""
    waiting = tasks.filter(state__in=CallTask.UNFINISHED).order_by("pk")  # as who takes one does
    ended = list(waiting.select_for_update(of=("self",)))
    CallTask.objects.filter(pk__in=[task.pk for task in ended]).update(
        state=State.WITHDRAWN, reason=reason[:REASON_LENGTH], ended_at=at, leased_until=None
    )
    record([told(task, "withdrawn", at=at) for task in ended])
    return len(ended)


@transaction.atomic
def expire(*, at: datetime, limit: int) -> int:
    """End the calls whose news is old by now; return how many."""
    late = list(
        CallTask.objects.unfinished()
        .filter(not_on_the_phone(at), expires_at__lt=at)
        .order_by("pk")
        .select_for_update(skip_locked=True)[:limit]
    )
    CallTask.objects.filter(pk__in=[task.pk for task in late]).update(
        state=State.EXPIRED, ended_at=at, leased_until=None
    )
    record([told(task, "expired", at=at) for task in late])
    return len(late)


def told(task: CallTask, code: str, *, at: datetime) -> Fact:
    """Write the timeline's entry for what came of a task; one for each time that it was taken."""
    return Fact(
        client_id=task.client_id,
        kind=f"call.{code}",
        subject=f"call:{task.pk}",
        occurred_at=at,
        source_key=f"call:{task.pk}:{task.takes}:{code}",
        properties={"task": task.pk, "key": task.key, "source": task.source, "about": task.about},
    )
