"""Observation dates on the sessions of exchanges: rolled once, and again when a calendar changes."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from apps.events.actions import record_selected
from apps.products import schedule
from apps.products.models.markets import TradingDay, Underlying
from apps.products.models.strategies import BasketMember, Observation, Strategy
from apps.products.queries.disruptions import (
    Disrupted,
    disrupted_days,
    is_valued_apart,
    sessions_of,
    valuations,
)
from apps.products.queries.due import AHEAD, open_observations, spoken
from apps.products.schedule import Reason, Sessions
from apps.products.terms.sheet import PaymentLag, Roll

PAYMENT = "payment"  # the name under which the sessions that a payment lag counts are handed over
# Moscow was shut for 26 days in 2022; where no session follows for longer, the calendar has a hole.
POSTPONED = (Reason.DISRUPTED, Reason.LAST_KNOWN_CLOSE)
LONGEST_CLOSURE = timedelta(days=31)

# Guarded: what was evaluated, or moved by somebody else, meanwhile keeps its dates. The conditions
# stand on the table itself, so PostgreSQL looks at them again after waiting for a lock. What the
# observation waited for belonged to the old day.
MOVE = """
WITH moved AS (
    UPDATE products_observation AS observation
    SET valuation_on = wanted.to_on, pays_on = wanted.pays_on,
        pays_by_lag = wanted.pays_by_lag, moved_because = wanted.moved_because,
        state = CASE WHEN wanted.from_on = wanted.to_on
            THEN observation.state ELSE 'planned' END,
        waiting_for = CASE WHEN wanted.from_on = wanted.to_on
            THEN observation.waiting_for ELSE '' END
    FROM unnest(
        %(id)s::bigint[], %(from_on)s::date[], %(to_on)s::date[], %(pays_on)s::date[],
        %(pays_by_lag)s::boolean[], %(moved_because)s::text[], %(reason)s::text[]
    ) AS wanted (id, from_on, to_on, pays_on, pays_by_lag, moved_because, reason)
    WHERE observation.id = wanted.id
        AND observation.valuation_on = wanted.from_on
        AND observation.state IN ('planned', 'waiting')
    RETURNING observation.id, observation.strategy_id, wanted.from_on, wanted.to_on, wanted.reason
), told AS (
    INSERT INTO products_observationmove (observation_id, from_on, to_on, because, moved_at)
    SELECT moved.id, moved.from_on, moved.to_on, moved.reason, %(at)s
    FROM moved JOIN products_strategy AS strategy ON strategy.id = moved.strategy_id
    WHERE moved.from_on <> moved.to_on AND strategy.state = 'published'
    RETURNING id
)
SELECT (SELECT count(*) FROM moved), (SELECT array_agg(id) FROM told)
"""
# Whom a date concerns, as in the evaluation: whose contract spans it, by the old day or the new.
MOVED = """
SELECT policy.client_id, 'observation.moved', 'strategy:' || policy.strategy_id,
    move.moved_at,
    jsonb_build_object(
        'strategy', policy.strategy_id, 'policy', policy.id, 'observation', observation.id,
        'number', observation.number, 'from', move.from_on, 'to', move.to_on,
        'because', move.because
    ),
    'move:' || move.id || ':policy:' || policy.id
FROM products_observationmove AS move
JOIN products_observation AS observation ON observation.id = move.observation_id
JOIN products_policy AS policy ON policy.strategy_id = observation.strategy_id
WHERE move.id = ANY(%(moves)s)
    AND policy.state = 'active'
    AND policy.starts_on <= greatest(move.from_on, move.to_on)
    AND policy.ends_on >= least(observation.scheduled_on, move.from_on, move.to_on)
"""


def roll_observations(strategy: Strategy, *, at: datetime) -> int:
    """Put the open observations onto common sessions of the basket; return how many changed.

    A valuation day is the scheduled day, rolled by the strategy's rule; `pays_on` is filled in where
    the term sheet gives none or it would come before the valuation. Where the calendars do not reach
    far enough a date stays as scheduled, without a payment day, and is rolled when they do.
    """
    return _roll(strategy.observations.filter(state__in=Observation.OPEN), at=at)


def roll_unplaced(*, at: datetime) -> int:
    """Roll the observations that have come due and were moved, or lack a session or payment day.

    Their calendars may have been imported or corrected after the strategy was published.
    """
    closed = BasketMember.objects.filter(strategy=OuterRef("strategy")).exclude(
        Exists(
            TradingDay.objects.filter(
                exchange=OuterRef("underlying__exchange"), day=OuterRef(OuterRef("valuation_on"))
            )
        )
    )
    horizon = at.date() + AHEAD
    unplaced = (
        open_observations()
        .filter(Q(pays_on__isnull=True) | ~Q(moved_because="") | Exists(closed))
        .filter(Q(valuation_on__lte=horizon) | Q(scheduled_on__lte=horizon))
    )
    return _roll(unplaced, at=at)


def roll_again(exchanges: Iterable[int], *, at: datetime, because: str = "") -> int:
    """Derive the dates of live strategies anew after the calendars of exchanges have changed.

    Return how many observations changed. The old day is kept as an ObservationMove, and every
    holder's timeline tells of it: `because`, or that the day is no session.
    """
    concerned = BasketMember.objects.filter(underlying__exchange__in=exchanges).values("strategy")
    paying = Strategy.objects.filter(payment_calendar__in=exchanges).values("pk")
    still_open = open_observations().filter(Q(strategy__in=concerned) | Q(strategy__in=paying))
    return _roll(still_open, at=at, because=because)


@dataclass(frozen=True, slots=True)
class Dates:
    """Where an observation belongs by the calendars of today."""

    valuation_on: date
    pays_on: date | None
    pays_by_lag: bool
    moved_because: str

    @classmethod
    def now(cls, observation: Observation) -> "Dates":
        return cls(*(getattr(observation, name) for name in cls.__slots__))


def _roll(observations: QuerySet[Observation], *, at: datetime, because: str = "") -> int:
    """Move the observations in one statement, and tell holders of what moved under their eyes."""
    wanted = misplaced(observations)
    return _move(wanted, because, at) if wanted else 0


def misplaced(observations: QuerySet[Observation]) -> list[tuple[Observation, Dates]]:
    """Return those of the observations that belong elsewhere by today's calendars, and where."""
    by_strategy: dict[Strategy, list[Observation]] = defaultdict(list)
    for observation in observations.select_related("strategy").order_by("strategy", "number"):
        by_strategy[observation.strategy].append(observation)
    sessions = common_sessions(by_strategy)
    payment = sessions | payment_sessions(by_strategy)
    apart = _apart(by_strategy)
    return [
        (observation, dates)
        for strategy, each in by_strategy.items()
        for observation in each
        if (
            dates := _dates(
                observation,
                _rolled(observation, sessions[strategy.pk], apart.get(strategy.pk)),
                payment[strategy.pk],
            )
        )
        != Dates.now(observation)
    ]


@transaction.atomic
def _move(wanted: Collection[tuple[Observation, Dates]], because: str, at: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(MOVE, _columns(wanted, because) | {"at": at})
        changed, moves = cursor.fetchone()
    if moves:
        record_selected(MOVED, {"moves": moves}, at)
    return int(changed)


def _columns(wanted: Collection[tuple[Observation, Dates]], because: str) -> dict[str, list[Any]]:
    return {
        "id": [observation.pk for observation, _dates in wanted],
        "from_on": [observation.valuation_on for observation, _dates in wanted],
        "to_on": [dates.valuation_on for _observation, dates in wanted],
        "pays_on": [dates.pays_on for _observation, dates in wanted],
        "pays_by_lag": [dates.pays_by_lag for _observation, dates in wanted],
        "moved_because": [dates.moved_because for _observation, dates in wanted],
        "reason": [because or _why(dates) for _observation, dates in wanted],
    }


def _why(dates: Dates) -> str:
    """Say why a date moved, where nobody has given a reason."""
    if dates.moved_because:
        return dates.moved_because
    return _("%(day)s is a session") % {"day": spoken(dates.valuation_on)}


def common_sessions(strategies: Collection[Strategy]) -> dict[int, Sessions]:
    """Return by strategy the days on which all exchanges of its basket trade; two queries."""
    baskets: dict[int, frozenset[int]] = {strategy.pk: frozenset() for strategy in strategies}
    for strategy_id, market in BasketMember.objects.filter(strategy__in=baskets).values_list(
        "strategy", "underlying__exchange"
    ):
        baskets[strategy_id] |= {market}
    calendars: dict[int, list[date]] = defaultdict(list)
    for market, day in TradingDay.objects.filter(
        exchange__in=frozenset().union(*baskets.values())
    ).values_list("exchange_id", "day"):
        calendars[market].append(day)
    common = {}
    for markets in set(baskets.values()):
        each = [Sessions.of(calendars[market]) for market in markets]
        common[markets] = each[0].shared_with(each) if each else Sessions.of(())
    return {strategy: common[markets] for strategy, markets in baskets.items()}


def payment_sessions(strategies: Collection[Strategy]) -> dict[int, Sessions]:
    """Return by strategy the sessions that its payment lag counts, where it has its own calendar."""
    markets = {one.pk: one.payment_calendar_id for one in strategies if one.payment_calendar_id}
    calendars: dict[int, list[date]] = defaultdict(list)
    for market, day in TradingDay.objects.filter(exchange__in=set(markets.values())).values_list(
        "exchange_id", "day"
    ):
        calendars[market].append(day)
    sessions = {market: Sessions.of(calendars[market]) for market in set(markets.values())}
    return {strategy: sessions[market] for strategy, market in markets.items()}


@dataclass(frozen=True, slots=True)
class Apart:
    """A basket whose shares may be valued on different days."""

    shares: dict[str, Underlying]
    sessions: Mapping[int, Sessions]
    disrupted: Disrupted


def _apart(strategies: Collection[Strategy]) -> dict[int, Apart]:
    """Return by strategy the baskets that have no common day; two queries, or three."""
    baskets: dict[Strategy, list[BasketMember]] = defaultdict(list)
    by_key = {strategy.pk: strategy for strategy in strategies}
    for member in BasketMember.objects.filter(strategy__in=by_key).select_related("underlying"):
        baskets[by_key[member.strategy_id]].append(member)
    shares = {member.underlying for basket in baskets.values() for member in basket}
    disrupted = disrupted_days(shares)
    apart = {
        strategy.pk: {member.underlying.ticker: member.underlying for member in basket}
        for strategy, basket in baskets.items()
        if is_valued_apart(strategy, basket, disrupted)
    }
    sessions = sessions_of({share for basket in apart.values() for share in basket.values()})
    return {key: Apart(basket, sessions, disrupted) for key, basket in apart.items()}


def _rolled(
    observation: Observation, sessions: Sessions, apart: Apart | None
) -> tuple[date | None, str]:
    """Return the last day that values a share, where the calendars reach so far, and why then."""
    scheduled = observation.scheduled_on
    each = [sessions]
    if apart:
        each = [apart.sessions[share.exchange_id] for share in apart.shares.values()]
    # A calendar that begins later says nothing about the days before it.
    if not all(one.days and one.days[0] <= scheduled for one in each):
        return None, ""
    if apart is None:
        rolled = sessions.rolled(scheduled, Roll(observation.strategy.roll))
        return rolled, _("%(day)s is no session") % {"day": spoken(scheduled)}
    return _rolled_apart(observation, apart)


def _rolled_apart(observation: Observation, apart: Apart) -> tuple[date | None, str]:
    """Value each share on the first session that nobody has declared disrupted."""
    every = {
        ticker: frozenset(apart.sessions[share.exchange_id].days)
        for ticker, share in apart.shares.items()
    }
    valued = valuations(
        observation, apart.shares, apart.sessions, every, apart.disrupted, as_of=date.max
    )
    days = [one.day for one in valued.values() if one.day]
    if len(days) < len(valued):
        return None, ""
    hit = [ticker for ticker, one in valued.items() if one.reason in POSTPONED]
    if hit:
        return max(days), Observation.DISRUPTED + ", ".join(hit)
    return max(days), _("%(day)s is no session") % {"day": spoken(observation.scheduled_on)}


def _dates(observation: Observation, placed: tuple[date | None, str], payment: Sessions) -> Dates:
    """Return an observation's valuation and payment day by the calendars, and why it moved.

    A payment day that was counted is counted again; one that the term sheet gives stays.
    """
    scheduled, pays_on = observation.scheduled_on, observation.pays_on
    by_lag = observation.pays_by_lag
    rolled, why = placed
    if rolled is None or abs(rolled - scheduled) > LONGEST_CLOSURE:
        return Dates(scheduled, pays_on, by_lag, "")
    if by_lag or pays_on is None or pays_on < rolled:
        lag = PaymentLag(observation.strategy.payment_lag, PAYMENT)
        pays_on, by_lag = schedule.payment_day(rolled, lag, {PAYMENT: payment}), True
    return Dates(rolled, pays_on, by_lag, why[:200] if rolled != scheduled else "")
