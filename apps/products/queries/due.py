"""What is due, what waits and for which price: the evaluation's questions and the desk's figures."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.core.cache import cache
from django.db.models import Count, Exists, F, Max, OuterRef, Q, QuerySet, Sum
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
from apps.products.queries.disruptions import (
    Disrupted,
    disrupted_days,
    is_valued_apart,
    sessions_of,
    valuations,
)
from apps.products.schedule import Valuation

AHEAD = timedelta(days=1)  # some exchange already has tomorrow's date

# How far back a last rate or close may lie: Moscow was shut for 26 days in 2022.
BEFORE = timedelta(days=31)
KEPT_FOR = 300  # seconds that a sum over the coupons of a day may be old

Quotes = Mapping[tuple[int, date], Quote]
Found = tuple[Observation, tuple[BasketMember, ...]]


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
    """An observation whose valuation day has closed, and what it still lacks (nothing: ready).

    `days` are the days whose closes value each share, by its id; mostly one day for all.
    """

    observation: Observation
    members: tuple[BasketMember, ...]
    days: Mapping[int, date]
    quotes: Quotes
    lacks: tuple[str, ...]


def due(*, at: datetime) -> list[Due]:
    """Return the next observation of each strategy whose valuation day has closed; five queries."""
    horizon = at.date() + AHEAD
    candidates = next_observations().filter(valuation_on__lte=horizon).select_related("strategy")
    return examined(candidates.order_by("valuation_on", "pk"), at=at)


def examined(observations: Iterable[Observation], *, at: datetime) -> list[Due]:
    """Return those of the observations that have closed, and what each lacks; five queries.

    Two more where a share was disrupted, or each is valued on sessions of its own.
    """
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
    shares = {member.underlying for basket in baskets.values() for member in basket}
    disrupted = disrupted_days(
        shares, since=min((one.scheduled_on for one in closed), default=None)
    )
    together: list[Found] = []
    apart: list[Found] = []
    for observation in closed:
        basket = baskets[observation.strategy_id]
        is_apart = is_valued_apart(observation.strategy, basket, disrupted)
        (apart if is_apart else together).append((observation, basket))
    return sorted(
        [*_together(together), *_apart(apart, disrupted, at)],
        key=lambda item: (item.observation.valuation_on, item.observation.pk),
    )


def _together(found: Collection[Found]) -> Iterator[Due]:
    """Value all shares of each basket on the valuation day."""
    days = {observation.valuation_on for observation, _basket in found}
    sessions = _sessions(days)
    quotes = closes(
        {share.underlying_id for _one, basket in found for share in basket}, Q(day__in=days)
    )
    for observation, basket in found:
        day = observation.valuation_on
        lacks = tuple(_lacks(day, basket, quotes, sessions))
        yield Due(observation, basket, {each.underlying_id: day for each in basket}, quotes, lacks)


def _apart(found: Collection[Found], disrupted: Disrupted, at: datetime) -> Iterator[Due]:
    """Value each share on its own day: the next one on which its trading was not disrupted."""
    if not found:
        return
    as_of = at.date() + AHEAD
    since = min(observation.scheduled_on for observation, _basket in found) - BEFORE
    shares = {each.underlying for _observation, basket in found for each in basket}
    sessions = sessions_of(shares)
    quotes = closes([share.pk for share in shares], Q(day__gte=since, day__lte=as_of))
    fit: dict[str, set[date]] = defaultdict(set)
    for share in shares:
        fit[share.ticker] = {
            day
            for (share_id, day) in quotes
            if share_id == share.pk and not unfit(share, day, quotes)
        }
    for observation, basket in found:
        own = {each.underlying.ticker: each.underlying for each in basket}
        valued = valuations(observation, own, sessions, fit, disrupted, as_of=as_of)
        days = {own[ticker].pk: one.day for ticker, one in valued.items() if one.day}
        lacks = tuple(
            _awaits(own[ticker], one, quotes) for ticker, one in valued.items() if not one.day
        )
        yield Due(observation, basket, days, quotes, lacks)


def _awaits(share: Underlying, valuation: Valuation, quotes: Quotes) -> str:
    """Say what the valuation of a share waits for."""
    day = valuation.awaits
    if day is None:
        words = {"exchange": share.exchange.code, "ticker": share.ticker}
        return (
            _("%(ticker)s: the calendar of %(exchange)s does not reach its valuation day") % words
        )
    return unfit(share, day, quotes) or _("%(ticker)s: the close of %(day)s is awaited") % {
        "ticker": share.ticker,
        "day": spoken(day),
    }


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
    """Return today's figures, by the issuer's own date; coupons as of some minutes ago.

    A million coupons take seconds to add up. They come with their results, so that other results
    are other coupons; only who joins a result late is counted a little later.
    """
    zone = timezone.get_default_timezone()
    midnight = datetime.combine(at.astimezone(zone).date(), time(), zone)
    results = ObservationResult.objects.current().filter(
        evaluated_at__gte=midnight, evaluated_at__lte=at
    )
    of_results = results.aggregate(count=Count("pk"), newest=Max("pk"))
    key = f"products:today:{midnight.date()}:{of_results['count']}:{of_results['newest']}"
    kept: tuple[int, dict[str, int]] | None = cache.get(key)
    if kept is None:
        kept = coupons_of(results)
        cache.set(key, kept, KEPT_FOR)
    return Today(of_results["count"], *kept)


def coupons_of(results: QuerySet[ObservationResult]) -> tuple[int, dict[str, int]]:
    """Count the coupons of results, and add them up by currency."""
    rows = list(
        PolicyCoupon.objects.filter(result__in=results)
        .values(currency=F("policy__strategy__currency"))
        .annotate(count=Count("pk"), amount=Sum("amount"))
    )
    amounts = {row["currency"]: int(row["amount"]) for row in rows}
    return sum(row["count"] for row in rows), amounts
