"""What is due, what waits and for which price: the evaluation's questions and the desk's figures."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Sum
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from apps.products.models.holdings import PolicyCoupon
from apps.products.models.markets import Exchange, Quote, TradingDay, Underlying
from apps.products.models.strategies import (
    BasketMember,
    Observation,
    ObservationResult,
    Strategy,
)

AHEAD = timedelta(days=1)  # some exchange already has tomorrow's date

Quotes = Mapping[tuple[int, date], Quote]


def spoken(day: date) -> str:
    """Return a day as people write it: 28 Feb 2020, 28.02.2020."""
    return date_format(day, "SHORT_DATE_FORMAT")


def open_observations() -> QuerySet[Observation]:
    """Return what live strategies have still to observe."""
    # EXISTS and no join: an UPDATE over a join looks at the state in a subquery, which PostgreSQL
    # does not look at again after waiting for a lock, so two could evaluate one observation.
    live = Strategy.objects.filter(pk=OuterRef("strategy"), state=Strategy.State.PUBLISHED)
    return Observation.objects.filter(Exists(live), state__in=Observation.OPEN)


def next_observations() -> QuerySet[Observation]:
    """Return the next observation of every live strategy: none earlier is open."""
    earlier = Observation.objects.filter(
        strategy=OuterRef("strategy"), number__lt=OuterRef("number"), state__in=Observation.OPEN
    )
    return open_observations().filter(~Exists(earlier))


def waiting() -> QuerySet[Observation]:
    """Return the observations that wait, with the reason in `waiting_for`; oldest first."""
    return (
        open_observations()
        .filter(state=Observation.State.WAITING)
        .select_related("strategy")
        .order_by("valuation_on", "pk")
    )


@dataclass(frozen=True, slots=True)
class Due:
    """An observation whose valuation day has closed, and what it still lacks (nothing: ready)."""

    observation: Observation
    members: tuple[BasketMember, ...]
    quotes: Quotes
    lacks: tuple[str, ...]


def due(*, at: datetime) -> list[Due]:
    """Return the next observation of each strategy whose valuation day has closed; five queries."""
    horizon = at.date() + AHEAD
    candidates = next_observations().filter(valuation_on__lte=horizon).select_related("strategy")
    return examined(candidates.order_by("valuation_on", "pk"), at=at)


def examined(observations: Iterable[Observation], *, at: datetime) -> list[Due]:
    """Return those of the observations that have closed, and what each lacks; four queries."""
    found = list(observations)
    baskets = _baskets({observation.strategy_id for observation in found})
    closed = [
        observation
        for observation in found
        if all(
            exchange.close_of(observation.valuation_on) <= at
            for exchange in exchanges(baskets[observation.strategy_id])
        )
    ]
    days = {observation.valuation_on for observation in closed}
    shares = {member.underlying_id for basket in baskets.values() for member in basket}
    sessions = _sessions(days)
    quotes = closes(shares, Q(day__in=days))
    return [
        Due(
            observation,
            baskets[observation.strategy_id],
            quotes,
            tuple(
                _lacks(observation.valuation_on, baskets[observation.strategy_id], quotes, sessions)
            ),
        )
        for observation in closed
    ]


def exchanges(basket: Iterable[BasketMember]) -> list[Exchange]:
    """Return the exchanges of a basket, each once."""
    return list(
        {member.underlying.exchange_id: member.underlying.exchange for member in basket}.values()
    )


def closes(shares: Iterable[int], days: Q) -> dict[tuple[int, date], Quote]:
    """Return the current quotes of shares on certain days, held ones too."""
    quotes = Quote.objects.filter(days, underlying__in=shares, is_current=True)
    return {(quote.underlying_id, quote.day): quote for quote in quotes}


def unfit(share: Underlying, day: date, quotes: Quotes) -> str:
    """Say why a share has no close of the day that may be used; nothing where it has."""
    words = {"ticker": share.ticker, "day": spoken(day)}
    quote = quotes.get((share.pk, day))
    if quote is None:
        return _("%(ticker)s: no close of %(day)s yet") % words
    if quote.state == Quote.State.HELD:
        words["reason"] = quote.held_because
        return _("%(ticker)s: close of %(day)s is held: %(reason)s") % words
    if quote.received_at < share.exchange.close_of(day):
        return _("%(ticker)s: close of %(day)s came before the exchange closed") % words
    return ""


def _baskets(strategies: Iterable[int]) -> dict[int, tuple[BasketMember, ...]]:
    baskets: dict[int, tuple[BasketMember, ...]] = defaultdict(tuple)
    members = BasketMember.objects.filter(strategy__in=strategies)
    for member in members.select_related("underlying__exchange").order_by("pk"):
        baskets[member.strategy_id] += (member,)
    return baskets


def _sessions(days: Iterable[date]) -> set[tuple[int, date]]:
    return set(TradingDay.objects.filter(day__in=days).values_list("exchange_id", "day"))


def _lacks(
    day: date,
    basket: Sequence[BasketMember],
    quotes: Quotes,
    sessions: set[tuple[int, date]],
) -> Iterable[str]:
    if not basket:
        yield _("The basket is empty.")
    for exchange in exchanges(basket):
        if (exchange.pk, day) not in sessions:
            words = {"exchange": exchange.code, "day": spoken(day)}
            yield _("%(exchange)s: its calendar has no session on %(day)s") % words
    for member in basket:
        if reason := unfit(member.underlying, day, quotes):
            yield reason


@dataclass(frozen=True, slots=True)
class LateQuote:
    """A share of a live strategy without a close of a session that has ended."""

    underlying: Underlying
    day: date


def late_quotes(*, at: datetime) -> list[LateQuote]:
    """Return the shares of live strategies that lack the close of their last session; 3 queries."""
    shares = list(
        Underlying.objects.filter(
            memberships__strategy__state=Strategy.State.PUBLISHED
        ).select_related("exchange").distinct()
    )  # fmt: skip
    markets = {share.exchange_id: share.exchange for share in shares}
    ended = Q(pk__in=[])
    for exchange in markets.values():
        ended |= Q(exchange=exchange, day__lte=_last_ended(exchange, at))
    last = dict(
        TradingDay.objects.filter(ended)
        .order_by("exchange", "-day")
        .distinct("exchange")
        .values_list("exchange", "day")
    )
    quotes = closes([share.pk for share in shares], Q(day__in=last.values()))
    return [
        LateQuote(share, day)
        for share in shares
        if (day := last.get(share.exchange_id))
        and (
            (quote := quotes.get((share.pk, day))) is None
            or quote.received_at < share.exchange.close_of(day)
        )
    ]


def _last_ended(exchange: Exchange, at: datetime) -> date:
    """Return the last day whose close, if it had one, has passed on the exchange."""
    today = at.astimezone(ZoneInfo(exchange.time_zone)).date()
    return today if exchange.close_of(today) <= at else today - timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Today:
    """What was evaluated today; amounts in minor units by currency."""

    evaluated: int
    coupons: int
    amounts: dict[str, int]


def today(*, at: datetime) -> Today:
    """Return today's figures, by the issuer's own date; two queries."""
    zone = timezone.get_default_timezone()
    midnight = datetime.combine(at.astimezone(zone).date(), time(), zone)
    results = ObservationResult.objects.current().filter(
        evaluated_at__gte=midnight, evaluated_at__lte=at
    )
    coupons = (
        PolicyCoupon.objects.filter(result__in=results)
        .values(currency=F("policy__strategy__currency"))
        .annotate(count=Count("pk"), amount=Sum("amount"))
    )
    rows = list(coupons)
    return Today(
        evaluated=results.count(),
        coupons=sum(row["count"] for row in rows),
        amounts={row["currency"]: row["amount"] for row in rows},
    )
