"""Checking phone numbers: which are due, within a budget a day, and what follows.

A check is a row with its price before the network is asked, so that two ticks never pay for one
number and a killed one is counted. A number that somebody else has now gets nothing of its former
owner's money any more.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet, Sum, Value
from django.db.models.functions import Coalesce

from apps.messaging.channels import numbers
from apps.messaging.channels.numbers import Found
from apps.messaging.models.numbers import NumberCheck
from apps.profiles.actions.suppressions import suppress
from apps.profiles.models import NEVER, Channel, ContactPoint, Suppression

State = NumberCheck.State
AT_ONCE = 100  # numbers of one request
LOST = timedelta(hours=1)  # an answer that has not come by then is none
AGAIN = timedelta(days=1)  # after no answer
BUYING = 0xB1D6E7  # the advisory lock; any number that nobody else uses


@dataclass(frozen=True)
class Estimate:
    """How many numbers are due, what they cost, and how many today's budget still pays for.

    None of it is counted further than was asked for.
    """

    due: int
    cost: int
    payable: int


def due_numbers(*, at: datetime) -> QuerySet[ContactPoint]:
    """Return the phones in use that were never looked up, or not for long."""
    recent = NumberCheck.objects.filter(
        Q(state__in=[State.ASKED, State.UNKNOWN], asked_at__gt=at - AGAIN),
        contact_point=OuterRef("pk"),
    )
    old = at - timedelta(days=settings.NUMBER_CHECK_DAYS)
    return (
        ContactPoint.objects.filter(channel=Channel.SMS, state=ContactPoint.State.VALID)
        .annotate(looked_up_at=Coalesce("checked_at", Value(NEVER)))
        .filter(~Exists(recent), looked_up_at__lt=old)
        .order_by("looked_up_at", "pk")
    )


def estimate(*, at: datetime, most: int) -> Estimate:
    """Say what checking what is due would cost, in minor units, before anything is asked."""
    due = due_numbers(at=at)[:most].count()  # in their order: so their index is read
    return Estimate(due, due * settings.NUMBER_CHECK_PRICE, min(due, _payable(at)))


def check_numbers(*, at: datetime) -> int:
    """Look up the numbers that are due and that today's budget pays for; return how many answered."""
    _give_up(at)
    answered = 0
    while settings.NUMBER_CHECK_URL and (asked := _ask(at)):
        found = {each.number: each for each in numbers.look_up([*asked])}
        for number, checks in asked.items():
            for check in checks:
                answered += _note(check, found.get(number), at=at)
    return answered


def _payable(at: datetime) -> int:
    midnight = datetime.combine(at.astimezone(UTC), time(), UTC)
    spent = NumberCheck.objects.filter(asked_at__gte=midnight).aggregate(sum=Sum("cost"))["sum"]
    left: int = settings.NUMBER_CHECK_BUDGET - (spent or 0)
    return max(left // max(settings.NUMBER_CHECK_PRICE, 1), 0)


@transaction.atomic
def _ask(at: datetime) -> dict[str, list[NumberCheck]]:
    """Put down what will be asked, with its price; by number, since several clients may share one.

    Two ticks that saw the same budget would both spend it: the second waits for the first's rows.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [BUYING])
    limit = min(AT_ONCE, _payable(at))
    points = due_numbers(at=at).select_for_update(skip_locked=True)[:limit]
    checks = NumberCheck.objects.bulk_create(
        NumberCheck(contact_point=point, asked_at=at, cost=settings.NUMBER_CHECK_PRICE)
        for point in points
    )
    asked: dict[str, list[NumberCheck]] = {}
    for check in checks:
        asked.setdefault(check.contact_point.address, []).append(check)
    return asked


@transaction.atomic
def _note(check: NumberCheck, found: Found | None, *, at: datetime) -> bool:
    """Keep an answer and do what follows; False where there is none, or it was given up."""
    mine = NumberCheck.objects.filter(pk=check.pk, state=State.ASKED)
    if found is None:
        mine.update(state=State.UNKNOWN, answered_at=at)
        return False
    point = check.contact_point
    known = (point.verified_at or point.created_at).date()
    changed = found.owner_since is not None and found.owner_since > known
    state = State.CHANGED if changed else State(found.state)
    if not mine.update(
        state=state,
        network=found.network,
        ported_from=found.ported_from,
        owner_since=found.owner_since,
        answered_at=at,
    ):
        return False
    ContactPoint.objects.filter(pk=point.pk).update(checked_at=at)
    if state in {State.CHANGED, State.INVALID}:
        _let_go(point, check, at=at)
    return True


def _let_go(point: ContactPoint, check: NumberCheck, *, at: datetime) -> None:
    """Write to this client at the number no more; whoever has it now may be a client too."""
    ContactPoint.objects.filter(pk=point.pk, state=ContactPoint.State.VALID).update(
        state=ContactPoint.State.UNREACHABLE
    )
    suppress(
        point.channel,
        point.address,
        reason=Suppression.Reason.WRONG_PERSON,
        source=f"number check:{check.pk}",
        at=at,
        client=point.client,
    )


def _give_up(at: datetime) -> int:
    lost = NumberCheck.objects.filter(state=State.ASKED, asked_at__lt=at - LOST)
    return lost.update(state=State.UNKNOWN, answered_at=at)
