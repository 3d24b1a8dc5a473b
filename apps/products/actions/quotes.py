"""Closing prices: taken in once, doubted where they are odd, decided by a second person."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from apps.products.actions.intake import Intake, QuoteReport, QuoteRow, Verdict
from apps.products.actions.restatement.ordering import restate
from apps.products.models.markets import Quote, Underlying

__all__ = [
    "QuoteReport",
    "QuoteRow",
    "Verdict",
    "confirm_quotes",
    "record_quotes",
    "reject_quotes",
]


@transaction.atomic
def record_quotes(
    rows: Iterable[QuoteRow],
    *,
    source: str,
    at: datetime,
    by: AbstractBaseUser | None = None,
) -> QuoteReport:
    """Record raw closes received at `at`; a handful of statements whatever their number.

    A new close is CONFIRMED, or HELD where it is odd against the confirmed close before it, known
    splits considered; so is every later one until a person has looked, for the jump may be a split
    that nobody has entered. The same close again changes nothing. A different one replaces a close
    that is held or came before the exchange closed (the old row stays as a former version); where
    the day has a confirmed close it is HELD beside it, as a restatement for a person to decide.
    Rows that are refused stand in the report; the caller decides whether the others land.
    `by` is who brings them, and may not confirm them; nobody for a feed.
    """
    batch = list(rows)
    intake = Intake.of(batch, source=source, at=at, by=by)
    # Per share in order of days, so that each close is compared with the one before it.
    for place in sorted(range(len(batch)), key=lambda n: (batch[n].ticker, batch[n].day, n)):
        intake.take(place, batch[place])
    intake.write()
    return intake.report()


@transaction.atomic
def confirm_quotes(ids: Sequence[int], *, by: AbstractBaseUser | None, at: datetime) -> list[int]:
    """Confirm held closes; return which. Nobody confirms what he brought himself.

    A restatement takes the place of the close that was confirmed before, which stays as a former
    version; what was computed from that is ordered to be computed again. One that was replaced or
    decided meanwhile stays untouched.
    """
    _take_turns(ids)
    held = Quote.objects.filter(pk__in=ids, state=Quote.State.HELD)
    if by is not None:
        held = held.exclude(brought_by=by.pk)
    chosen = list(held.order_by("pk").values_list("pk", "is_current"))
    confirmed = [pk for pk, _current in chosen]
    restated = [pk for pk, current in chosen if not current]
    _former(restated).update(is_current=False)
    Quote.objects.filter(pk__in=confirmed).update(
        state=Quote.State.CONFIRMED,
        is_current=True,
        held_because="",
        confirmed_at=at,
        confirmed_by=by,
    )
    if restated:
        restate(restated, at=at, by=by)
    return confirmed


@transaction.atomic
def reject_quotes(ids: Sequence[int], *, by: AbstractBaseUser | None, at: datetime) -> list[int]:
    """Turn held closes away; return which. The day then waits for another close, or keeps its own."""
    _take_turns(ids)
    held = Quote.objects.filter(pk__in=ids, state=Quote.State.HELD)
    rejected = list(held.order_by("pk").values_list("pk", flat=True))
    Quote.objects.filter(pk__in=rejected).update(
        state=Quote.State.REJECTED, is_current=False, rejected_at=at, rejected_by=by
    )
    return rejected


def _take_turns(ids: Sequence[int]) -> None:
    """Lock the shares of the quotes, as a feed does, so that each sees what the other decided."""
    shares = Underlying.objects.filter(quotes__in=ids).values("pk")
    locked = Underlying.objects.select_for_update(no_key=True).filter(pk__in=shares)
    list(locked.order_by("pk").values_list("pk"))


def _former(restated: Sequence[int]) -> QuerySet[Quote]:
    """Return the closes whose place restatements take."""
    newer = Quote.objects.filter(
        pk__in=restated, underlying=OuterRef("underlying"), day=OuterRef("day")
    )
    return Quote.objects.filter(Exists(newer), is_current=True)
