"""Which day's closes are to be looked through for moves, and what their prices say."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from django.db import connection
from django.db.models import Exists, Min, OuterRef, Q, QuerySet

from apps.core.clock import issuer_day
from apps.products.models.accounts import Transaction
from apps.products.models.markets import CorporateAction, Quote, TradingDay, Underlying
from apps.products.models.moves import MoveDay, MoveRule
from apps.products.models.strategies import BasketMember, Strategy
from apps.products.queries.positions import GAINS, Span, gains_params
from apps.products.queries.prices import (
    GRACE,
    LOOKED_BACK,
    Known,
    known_prices,
    splits_of,
)
from apps.products.returns import Price, Splits, factor

FURTHEST_BACK = timedelta(days=7)  # after a standstill; what moved before that is no news
SMALLEST = Decimal("0.000001")  # of a rate that is stored


def watched() -> QuerySet[Underlying]:
    """Return the funds and shares that clients hold, by themselves or in a live strategy."""
    dealt = Transaction.objects.filter(underlying=OuterRef("pk"), account__closed_on__isnull=True)
    members = BasketMember.objects.filter(
        underlying=OuterRef("pk"), strategy__state=Strategy.State.PUBLISHED
    )
    return Underlying.objects.filter(Exists(dealt) | Exists(members)).select_related(
        "exchange", "fund"
    )


def late_holdings(*, at: datetime) -> list[Known]:
    """Return the funds and shares held in open accounts whose prices are late; eight queries."""
    dealt = Transaction.objects.filter(underlying=OuterRef("pk"), account__closed_on__isnull=True)
    found = Underlying.objects.filter(Exists(dealt)).values_list("pk", flat=True)
    today = issuer_day(at)
    late = {pk: one for pk, one in known_prices(found, on=today, at=at).items() if one.late}
    held = _still_held(late, today)
    return sorted((late[pk] for pk in held), key=lambda one: one.underlying.ticker)


def _still_held(underlyings: Iterable[int], day: date) -> set[int]:
    """Return those of which somebody has units left: of the others no price is missed.

    Whoever never sold has some: one such booking is found at once, however many there are. Only of
    what all who bought it have sold from are the units counted.
    """
    sold = Transaction.objects.filter(
        account=OuterRef("account"), underlying=OuterRef("underlying"), kind=Transaction.Kind.SELL
    )
    unsold = Transaction.objects.filter(
        ~Exists(sold), underlying=OuterRef("pk"), kind=Transaction.Kind.BUY,
        account__closed_on__isnull=True,
    )  # fmt: skip
    every = Underlying.objects.filter(pk__in=underlyings)
    held = set(every.filter(Exists(unsold)).values_list("pk", flat=True))
    return held | _with_units(set(underlyings) - held, day)


def _with_units(underlyings: set[int], day: date) -> set[int]:
    if not underlyings:
        return set()
    splits = splits_of(underlyings)
    whatever = Price(day, Fraction(10**8))  # even the least unit is worth something then
    spans = {pk: Span(whatever, splits=splits.get(pk, ())) for pk in underlyings}
    gains = GAINS.format(accounts="row.underlying_id = ANY(%(late)s)")
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT DISTINCT underlying_id FROM ({gains}) AS gained WHERE value > 0",  # noqa: S608
            {**gains_params(spans, until=day), "late": list(spans)},
        )
        return {pk for (pk,) in cursor.fetchall()}


def next_day(*, at: datetime) -> date | None:
    """Return the first day, not looked through yet, whose closes are in; None where there is none.

    They are in when every price that should be there is, or two hours after the last close.
    The very first time only the newest day counts.
    """
    last = MoveDay.objects.order_by("-day").values_list("day", flat=True).first()
    listed = list(watched())
    days = TradingDay.objects.filter(
        exchange__in={one.exchange_id for one in listed},
        day__gt=max(last or date.min, at.date() - FURTHEST_BACK),
        day__lte=at.date() + timedelta(days=1),
    )
    open_on: dict[date, set[int]] = {}
    for exchange, day in days.order_by("day").values_list("exchange_id", "day"):
        open_on.setdefault(day, set()).add(exchange)
    ready = [day for day, exchanges in open_on.items() if _is_ready(day, exchanges, listed, at)]
    if not ready:
        return None
    return min(ready) if last else max(ready)


def _is_ready(day: date, exchanges: set[int], listed: Iterable[Underlying], at: datetime) -> bool:
    traded = [one for one in listed if one.exchange_id in exchanges]
    closed = max(one.exchange.close_of(day) for one in traded)
    if at < closed or at >= closed + GRACE:
        return at >= closed
    known = known_prices([one.pk for one in traded], on=day, at=at, grace=timedelta())
    return not any(one.late for one in known.values())


@dataclass(frozen=True, slots=True)
class Closes:
    """A day's prices: those that may be told of, those of the period's start, and the last seen."""

    day: date
    start: date
    fresh: Mapping[int, Known]
    started: Mapping[int, Known]
    seen: Mapping[int, Price]
    carried: Mapping[str, str]  # of which days the prices seen are, by fund or share
    splits: Mapping[int, Splits]


def closes_of(day: MoveDay, *, at: datetime) -> Closes:
    """Return what there is to compare; a price that is late, held or missing is not among it."""
    listed = [one.pk for one in watched()]
    known = known_prices(listed, on=day.day, at=at, grace=timedelta())
    fresh = {pk: one for pk, one in known.items() if one.last and not one.late}
    start, carried = period_start(day.day), seen_before(day)
    started = known_prices(listed, on=start, at=at, grace=timedelta())
    return Closes(
        day=day.day,
        start=start,
        fresh=fresh,
        started={pk: one for pk, one in started.items() if one.last and not one.late},
        seen=_seen(fresh, carried),
        carried=carried,
        splits=splits_of(listed),
    )


def period_start(day: date) -> date:
    """Return the end of the quarter before: clients are reported to quarterly (MiFID II, 2017/565)."""
    return date(day.year, (day.month - 1) // 3 * 3 + 1, 1) - timedelta(days=1)


def seen_before(day: MoveDay) -> Mapping[str, str]:
    """Return by fund or share the day of the price that was looked at last."""
    before = MoveDay.objects.filter(day__lt=day.day).order_by("-day").first()
    prices: Mapping[str, str] = before.prices if before else {}
    return prices


def _seen(fresh: Mapping[int, Known], days: Mapping[str, str]) -> dict[int, Price]:
    """Return the prices looked at last; for what is looked at the first time the one before."""
    wanted = Q(pk__in=[])
    for pk in fresh:
        if day := days.get(str(pk)):
            wanted |= Q(underlying=pk, day=day)
    quotes = Quote.objects.filter(wanted, is_current=True, state=Quote.State.CONFIRMED)
    seen = {one.underlying_id: Price(one.day, Fraction(one.close)) for one in quotes}
    for pk, one in fresh.items():
        if pk not in seen and one.price_before:
            seen[pk] = one.price_before
    return seen


@dataclass(frozen=True, slots=True)
class Mover:
    """A fund or share that moved beyond somebody's band on the day."""

    underlying: int
    day: date
    before_on: date
    rate: Decimal


def movers(closes: Closes) -> list[Mover]:
    """Return what moved far enough for at least one rule, splits and dividends considered."""
    band = MoveRule.objects.aggregate(least=Min("share_band"))["least"] or DEFAULT_BAND
    if not MoveRule.objects.filter(client__isnull=True, tier="").exists():
        band = min(band, DEFAULT_BAND)
    dividends = CorporateAction.objects.filter(
        kind=CorporateAction.Kind.SPECIAL_DIVIDEND, ex_on__gt=closes.day - LOOKED_BACK
    ).values_list("underlying_id", "ex_on", "amount")
    paid = {(pk, ex_on): Fraction(amount or 0) for pk, ex_on, amount in dividends}
    found = []
    for pk, known in closes.fresh.items():
        last, before = known.last, known.before
        if last is None or before is None or closes.seen[pk].day >= last.day or known.gap:
            continue
        expected = Fraction(before.close) - paid.get((pk, last.day), 0)
        expected /= factor(closes.splits.get(pk, ()), before.day, last.day)
        rate = Fraction(last.close) / expected - 1 if expected > 0 else Fraction(0)
        if abs(rate) >= band:
            found.append(Mover(pk, last.day, before.day, _stored(rate)))
    return found


def _stored(rate: Fraction) -> Decimal:
    return (Decimal(rate.numerator) / rate.denominator).quantize(SMALLEST)


DEFAULT_BAND: Decimal = MoveRule._meta.get_field("share_band").get_default()
DEFAULT_STEP: Decimal = MoveRule._meta.get_field("holding_step").get_default()
