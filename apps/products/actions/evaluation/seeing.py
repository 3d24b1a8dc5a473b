"""What the market showed, for one observation: confirmed closes alone, and none of them missing."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction

from django.db.models import Q
from django.utils.translation import gettext as _

from apps.products import coupons, redemption
from apps.products.models.markets import TradingDay, Underlying
from apps.products.models.strategies import Observation
from apps.products.past import Past
from apps.products.payoff import State
from apps.products.queries.disruptions import disrupted_days
from apps.products.queries.due import BEFORE, Due, Quotes, closes, spoken, unfit
from apps.products.terms.sheet import (
    CouponKind,
    Fx,
    Market,
    ObservationTerms,
    PaymentLag,
    TermSheet,
)


class EvaluationError(ValueError):
    """An observation cannot be evaluated yet; the message says why, for a marketer."""


def past_of(item: Due, terms: TermSheet, state: State) -> Past:
    """Return the past that an observation asks for, up to its last valuation day.

    Most ask for the closes of that day alone. A barrier watched daily, days that are counted and
    exchange rates ask for more: then every session must have its close, since a day that nobody has
    seen may have broken the barrier. Raises EvaluationError where one is missing.
    """
    until = item.observation.valuation_on
    after = _seen_until(item, terms, state)
    if after is None and terms.fx is Fx.NONE:
        return Past.of(terms, Market(_prices(item, item.quotes), as_of=until))
    return _long_past(item, terms, after or min(item.days.values()) - timedelta(days=1), until)


def _seen_until(item: Due, terms: TermSheet, state: State) -> date | None:
    """Return after which day each close counts; None where only the valuation days do."""
    observation = terms.observation(item.observation.number)
    days = []
    if redemption.watched_from(terms) is not None and not state.knocked_in:
        days.append(watched_until(item.observation))
    if terms.coupon.kind is CouponKind.ACCRUAL and observation.inside is None:
        days.append(_begins(terms, observation))
    return min(days) if days else None


def watched_until(observation: Observation) -> date:
    """Return the day up to which the observations before have watched the closes."""
    strategy = observation.strategy
    before = strategy.observations.filter(number=observation.number - 1)
    return before.values_list("valuation_on", flat=True).first() or strategy.struck_on


def _begins(terms: TermSheet, observation: ObservationTerms) -> date:
    start, end = coupons.period(terms, observation)
    listed = min(observation.accrual_days or (end,)) - timedelta(days=1)
    return min(start or listed, listed)


def _long_past(item: Due, terms: TermSheet, after: date, until: date) -> Past:
    shares = [member.underlying for member in item.members]
    pairs = [member.fx_pair for member in item.members if member.fx_pair]
    seen = [*shares, *pairs] if terms.fx is Fx.COMPOSITE else shares
    window = Q(day__gt=after - BEFORE, day__lte=until)
    sessions = _sessions(seen, window)
    quotes = closes([each.pk for each in seen], window)
    disrupted = disrupted_days(seen, since=after - BEFORE)
    reasons = [
        reason
        for each in seen
        for reason in _missing(each, sessions[each.exchange_id], quotes, disrupted[each.pk], after)
    ]
    if reasons:
        raise EvaluationError("; ".join(reasons))
    market = Market(
        prices=_prices(item, quotes),
        calendars={share.exchange.code: tuple(sessions[share.exchange_id]) for share in shares},
        disrupted={share.ticker: disrupted[share.pk] for share in shares},
        as_of=until,
        fx={
            member.underlying.ticker: _series(member.fx_pair, quotes)
            for member in item.members
            if member.fx_pair
        },
    )
    # What days are paid on has been decided before; its calendar is not asked for.
    return Past.of(replace(terms, payment=PaymentLag()), market)


def _sessions(seen: Iterable[Underlying], window: Q) -> Mapping[int, list[date]]:
    sessions = defaultdict(list)
    rows = TradingDay.objects.filter(window, exchange__in={each.exchange_id for each in seen})
    for exchange, day in rows.order_by("day").values_list("exchange_id", "day"):
        sessions[exchange].append(day)
    return sessions


def _missing(
    share: Underlying,
    sessions: Sequence[date],
    quotes: Quotes,
    disrupted: frozenset[date],
    after: date,
) -> Iterable[str]:
    """Say of each session after a day why its close cannot be used; a disrupted day has none."""
    if not sessions:
        words = {"exchange": share.exchange.code, "day": spoken(after)}
        yield _("%(exchange)s: its calendar has no session on %(day)s") % words
    for day in sessions:
        if day > after and day not in disrupted and (reason := unfit(share, day, quotes)):
            yield reason


def _prices(item: Due, quotes: Quotes) -> dict[str, dict[date, Fraction]]:
    return {member.underlying.ticker: _series(member.underlying, quotes) for member in item.members}


def _series(share: Underlying, quotes: Quotes) -> dict[date, Fraction]:
    return {
        day: Fraction(quote.close)
        for (share_id, day), quote in quotes.items()
        if share_id == share.pk and not unfit(share, day, quotes)
    }
