"""What the advisers' desk asks and shows: what stands against a call, and what the queue holds."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Count, F, Min, Q, QuerySet
from django.utils.timezone import get_current_timezone
from django.utils.translation import gettext as _

from apps.advisers.models import QUEUED, CallTask
from apps.profiles.models import Channel, Client, ContactPoint, Suppression
from apps.profiles.queries.consents import consents
from apps.profiles.queries.suppressions import suppressions

State = CallTask.State
REACHABLE = {ContactPoint.State.VALID, ContactPoint.State.UNCONFIRMED}


@dataclass(frozen=True)
class Objection:
    """Why a client is not to be called, as an adviser reads it; `until` where it passes."""

    reason: str
    until: datetime | None = None


# What an app above asks before somebody calls; the desk passes it in.
Ask = Callable[[CallTask], Objection | None]


def objection_to(task: CallTask) -> Objection | None:
    """Say what stands against a call by what is known of the client himself."""
    point = task.contact_point
    if point.client_id != task.client_id or point.state not in REACHABLE:
        return Objection(_("The number is not the client's any more, or nobody is reached at it."))
    if stopped := suppressions([point]).get(point.pk):
        why = Suppression.Reason(stopped).label
        return Objection(_("The number is stopped: %(why)s.") % {"why": why})
    asked = (task.client_id, Channel.CALL)
    if task.purpose and asked not in set(consents([task.client_id], task.purpose)):
        return Objection(_("The client does not agree to such calls (any more)."))
    return None


def promise_to(task: CallTask, *, at: datetime) -> Objection | None:
    """Say until when news waits for whom another call is promised to; what he asks for does not."""
    if not task.purpose:
        return None
    others = CallTask.objects.promised(at=at).filter(client=task.client_id).exclude(pk=task.pk)
    if (until := others.aggregate(first=Min("call_after"))["first"]) is None:
        return None
    return Objection(_("The client has asked to be called later, and is called then."), until)


@dataclass(frozen=True)
class Queue:
    """How the queue stands at a moment."""

    waiting: int
    overdue: int
    taken: int
    later: int
    oldest: timedelta | None


def queue(*, at: datetime) -> Queue:
    """Count the unfinished calls; one query."""
    free = Q(state=State.OPEN) | Q(state=State.TAKEN, leased_until__lt=at)
    now = free & Q(call_after__lte=at)
    found = CallTask.objects.unfinished().aggregate(
        waiting=Count("pk", filter=now),
        overdue=Count("pk", filter=Q(due_at__lt=at)),
        taken=Count("pk", filter=Q(state=State.TAKEN, leased_until__gte=at)),
        later=Count("pk", filter=free & Q(call_after__gt=at)),
        first=Min("opened_at", filter=now),
    )
    first = found.pop("first")
    return Queue(**found, oldest=at - first if first else None)


def overdue(*, at: datetime) -> QuerySet[CallTask]:
    """Return the calls that should have been made by now, the latest first."""
    return CallTask.objects.unfinished().filter(due_at__lt=at).order_by("due_at", "pk")


def task_of(user: AbstractBaseUser, *, at: datetime) -> CallTask | None:
    """Return the call that an adviser has in hand: whom he speaks with, else the most urgent one.

    What he was given for a moment to come keeps him from nothing until then.
    """
    mine = CallTask.objects.filter(
        state=State.TAKEN, taken_by=user.pk, leased_until__gte=at, call_after__lte=at
    )
    return mine.order_by(F("shown_at").desc(nulls_last=True), *QUEUED, "pk").first()


def zone_of(client: Client) -> tzinfo:
    """Return the zone in which a client's appointments are made: his, else our own."""
    return ZoneInfo(client.time_zone) if client.time_zone else get_current_timezone()
