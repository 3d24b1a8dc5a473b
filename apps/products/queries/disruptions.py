"""Which days of which shares people have declared disrupted, and where that puts a valuation."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Set
from datetime import date

from django.db.models import Q

from apps.products import schedule
from apps.products.models.disruptions import Disruption
from apps.products.models.markets import TradingDay, Underlying
from apps.products.models.strategies import BasketMember, Observation, Strategy
from apps.products.schedule import Sessions, Valuation
from apps.products.terms.sheet import DisruptionScope, Roll, Schedule

Disrupted = Mapping[int, frozenset[date]]


def disrupted_days(shares: Iterable[Underlying], *, since: date | None = None) -> Disrupted:
    """Return each share's disrupted days by its id, its own and those of its exchange; a query."""
    exchanges = {share.pk: share.exchange_id for share in shares}
    rows = Disruption.objects.filter(
        Q(underlying__in=exchanges.keys()) | Q(exchange__in=set(exchanges.values())),
        day__gte=since or date.min,
        withdrawn_at__isnull=True,
    )
    own: dict[int, set[date]] = defaultdict(set)
    markets: dict[int, set[date]] = defaultdict(set)
    for share, exchange, day in rows.values_list("underlying_id", "exchange_id", "day"):
        own[share].add(day)
        markets[exchange].add(day)  # one of the two is None, and nobody's
    return {share: frozenset(own[share] | markets[at]) for share, at in exchanges.items()}


def is_valued_apart(
    strategy: Strategy, basket: Iterable[BasketMember], disrupted: Disrupted
) -> bool:
    """Say whether the shares of a basket may be valued on different days."""
    return not strategy.common_sessions or any(disrupted[each.underlying_id] for each in basket)


def sessions_of(shares: Iterable[Underlying]) -> dict[int, Sessions]:
    """Return the sessions of the shares' exchanges, by exchange; a query."""
    days: dict[int, list[date]] = {share.exchange_id: [] for share in shares}
    for exchange, day in TradingDay.objects.filter(exchange__in=days).values_list(
        "exchange_id", "day"
    ):
        days[exchange].append(day)
    return {exchange: Sessions.of(each) for exchange, each in days.items()}


def valuations(
    observation: Observation,
    shares: Mapping[str, Underlying],
    sessions: Mapping[int, Sessions],
    closes: Mapping[str, Set[date]],
    disrupted: Disrupted,
    *,
    as_of: date,
) -> dict[str, Valuation]:
    """Return by ticker the day that values each share, or what it waits for.

    Only a declared disruption moves a day. A close that is merely missing is waited for: a replay
    takes it for a disruption, but a late feed must not move money.
    """
    strategy = observation.strategy
    terms = Schedule(
        Roll(strategy.roll),
        strategy.common_sessions,
        strategy.max_disruption,
        DisruptionScope(strategy.disruption_scope),
    )
    return schedule.valuation_days(
        observation.scheduled_on,
        terms,
        {ticker: sessions[share.exchange_id] for ticker, share in shares.items()},
        closes,
        as_of,
        disrupted={ticker: disrupted[share.pk] for ticker, share in shares.items()},
        wait_for_missing=True,
    )
