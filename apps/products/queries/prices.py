"""The last prices of funds and shares, the ones before them, and whether they are late."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction

from django.db.models import OuterRef, QuerySet, Subquery
from django.utils.translation import gettext as _

from apps.products.models.funds import Fund
from apps.products.models.markets import CorporateAction, Quote, TradingDay, Underlying
from apps.products.queries.due import spoken
from apps.products.returns import Price, Splits

GRACE = timedelta(hours=2)  # after a close, in which a feed brings it and a person looks at jumps
LOOKED_BACK = timedelta(days=21)  # for sessions without a price; holidays are shorter


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a price on a day; `late` says why the last one is not what it should be."""

    underlying: Underlying
    last: Quote | None
    before: Quote | None
    late: str
    gap: bool  # a session without a price lies between the two: no move of one day

    @property
    def price(self) -> Price | None:
        return as_price(self.last)

    @property
    def price_before(self) -> Price | None:
        return as_price(self.before)


def as_price(quote: Quote | None) -> Price | None:
    return Price(quote.day, Fraction(quote.close)) if quote else None


def known_prices(
    underlyings: Iterable[int], *, on: date, at: datetime, grace: timedelta = GRACE
) -> dict[int, Known]:
    """Return the last confirmed prices on or before a day, as known at `at`; five queries.

    A price is late when more sessions than the fund's usual lag have ended after it, when a newer
    one is held, or when it came before its exchange closed.
    """
    found = {
        one.pk: one
        for one in Underlying.objects.filter(pk__in=set(underlyings)).select_related(
            "exchange", "fund"
        )
    }
    last, before = _confirmed(found, on)
    held = {
        quote.underlying_id: quote
        for quote in Quote.objects.filter(
            underlying__in=found, day__lte=on, is_current=True, state=Quote.State.HELD
        ).order_by("day")
    }
    sessions = _ended_sessions(found.values(), on, at - grace)
    return {
        pk: Known(
            one,
            last.get(pk),
            before.get(pk),
            _late(last.get(pk), held.get(pk), one, sessions[one.exchange_id], on),
            _has_gap(before.get(pk), last.get(pk), sessions[one.exchange_id]),
        )
        for pk, one in found.items()
    }


def _has_gap(before: Quote | None, last: Quote | None, sessions: Iterable[date]) -> bool:
    if before is None or last is None:
        return False
    return any(before.day < day < last.day for day in sessions)


def _confirmed(underlyings: Iterable[int], on: date) -> tuple[dict[int, Quote], dict[int, Quote]]:
    """Return each one's last confirmed quote and the one before it; two queries."""
    newest = confirmed_until(on).filter(underlying=OuterRef("pk")).order_by("-day").values("pk")
    pairs = list(
        Underlying.objects.filter(pk__in=underlyings).values_list(
            Subquery(newest[:1]), Subquery(newest[1:2])
        )
    )
    quotes = Quote.objects.in_bulk([pk for pair in pairs for pk in pair if pk])
    last = [quotes[pk] for pk, _before in pairs if pk]
    before = [quotes[pk] for _last, pk in pairs if pk]
    return (
        {quote.underlying_id: quote for quote in last},
        {quote.underlying_id: quote for quote in before},
    )


def confirmed_until(day: date) -> QuerySet[Quote]:
    return Quote.objects.filter(is_current=True, state=Quote.State.CONFIRMED, day__lte=day)


def _ended_sessions(
    underlyings: Iterable[Underlying], on: date, by: datetime
) -> Mapping[int, list[date]]:
    """Return each exchange's newest sessions that ended by a moment."""
    markets = {one.exchange_id: one.exchange for one in underlyings}
    ended = defaultdict(list)
    days = TradingDay.objects.filter(
        exchange__in=markets, day__gt=on - LOOKED_BACK, day__lte=on
    ).order_by("day")
    for exchange, day in days.values_list("exchange_id", "day"):
        if markets[exchange].close_of(day) <= by:
            ended[exchange].append(day)
    return ended


def _late(
    last: Quote | None,
    held: Quote | None,
    underlying: Underlying,
    sessions: Iterable[date],
    on: date,
) -> str:
    words = {"name": underlying.name}
    if held and (last is None or held.day > last.day):
        words["day"] = spoken(held.day)
        return _("%(name)s: the price of %(day)s is being checked") % words
    if last is None:
        return _("%(name)s: no price is known yet") % words
    words["day"] = spoken(last.day)
    fund = fund_of(underlying)
    lag = fund.lag if fund else 0
    missed = sum(day > last.day for day in sessions)
    if missed > lag or on - last.day >= LOOKED_BACK:
        return _("%(name)s: no price since %(day)s") % words
    if last.received_at < underlying.exchange.close_of(last.day):
        return _("%(name)s: the price of %(day)s came before the close") % words
    return ""


def fund_of(underlying: Underlying) -> Fund | None:
    """Return the facts of a fund; None for a share. Read with the underlying it is free."""
    return getattr(underlying, "fund", None)


def splits_of(underlyings: Iterable[int]) -> dict[int, Splits]:
    """Return the splits of funds and shares, in order of their ex-dates; one query."""
    splits: dict[int, list[tuple[date, Fraction]]] = defaultdict(list)
    rows = CorporateAction.objects.filter(
        underlying__in=underlyings, kind=CorporateAction.Kind.SPLIT
    ).order_by("ex_on")
    for pk, ex_on, ratio in rows.values_list("underlying_id", "ex_on", "ratio"):
        splits[pk].append((ex_on, Fraction(ratio or 1)))
    return dict(splits)
