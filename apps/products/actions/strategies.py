"""Strategies on their way from draft to life: dates on sessions, checks, publication."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext as _

from apps.products import schedule
from apps.products.models.markets import TradingDay
from apps.products.models.strategies import BasketMember, Observation, Strategy
from apps.products.queries.contradictions import contradictions
from apps.products.queries.due import AHEAD, open_observations, spoken
from apps.products.schedule import Sessions
from apps.products.terms.sheet import PaymentLag, Roll

PAYMENT = "payment"  # the name under which the sessions that a payment lag counts are handed over
# Moscow was shut for 26 days in 2022; where no session follows for longer, the calendar has a hole.
LONGEST_CLOSURE = timedelta(days=31)


class StrategyError(ValueError):
    """A strategy cannot be published; the message says why, in sentences for a marketer."""


@transaction.atomic
def publish_strategy(strategy_id: int, *, at: datetime) -> Strategy:
    """Roll a draft's observations onto sessions, check it and make it live.

    Raises StrategyError with every reason against it; then nothing is changed. Publishing what is
    no draft any more is refused as well.
    """
    strategy = Strategy.objects.select_for_update().get(pk=strategy_id)
    if strategy.state != Strategy.State.DRAFT:
        raise StrategyError(
            _("%(strategy)s is %(state)s already.")
            % {"strategy": strategy, "state": strategy.get_state_display()}
        )
    roll_observations(strategy)
    if reasons := list(_objections(strategy, at)):
        raise StrategyError(" ".join(reasons))
    strategy.state = Strategy.State.PUBLISHED
    strategy.save(update_fields=["state"])
    return strategy


def roll_observations(strategy: Strategy) -> int:
    """Put the open observations onto common sessions of the basket; return how many changed.

    A valuation day is the scheduled day, rolled by the strategy's rule; `pays_on` is filled in where
    the term sheet gives none or it would come before the valuation. Where the calendars do not reach
    far enough a date stays as scheduled, without a payment day, and is rolled when they do.
    """
    sessions = _common_sessions([strategy])[strategy.pk]
    payment = _payment_sessions([strategy])
    still_open = strategy.observations.filter(state__in=Observation.OPEN)
    return _roll(strategy, still_open, sessions, payment.get(strategy.pk, sessions))


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
        .select_related("strategy")
        .order_by("strategy", "number")
    )
    by_strategy: dict[Strategy, list[Observation]] = {}
    for observation in unplaced:
        by_strategy.setdefault(observation.strategy, []).append(observation)
    sessions = _common_sessions(by_strategy)
    payment = sessions | _payment_sessions(by_strategy)
    return sum(
        _roll(strategy, observations, sessions[strategy.pk], payment[strategy.pk])
        for strategy, observations in by_strategy.items()
    )


def _roll(
    strategy: Strategy,
    observations: Iterable[Observation],
    sessions: Sessions,
    payment: Sessions,
) -> int:
    changed = 0
    for observation in observations:
        dates = _dates(strategy, observation, sessions, payment)
        if any(getattr(observation, name) != value for name, value in dates.items()):
            # Guarded: what was evaluated meanwhile keeps its dates.
            changed += Observation.objects.filter(
                pk=observation.pk, state__in=Observation.OPEN
            ).update(**dates)
    return changed


def _common_sessions(strategies: Collection[Strategy]) -> dict[int, Sessions]:
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


def _payment_sessions(strategies: Collection[Strategy]) -> dict[int, Sessions]:
    """Return by strategy the sessions that its payment lag counts, where it has its own calendar."""
    markets = {one.pk: one.payment_calendar_id for one in strategies if one.payment_calendar_id}
    calendars: dict[int, list[date]] = defaultdict(list)
    for market, day in TradingDay.objects.filter(exchange__in=set(markets.values())).values_list(
        "exchange_id", "day"
    ):
        calendars[market].append(day)
    sessions = {market: Sessions.of(calendars[market]) for market in set(markets.values())}
    return {strategy: sessions[market] for strategy, market in markets.items()}


def _dates(
    strategy: Strategy, observation: Observation, sessions: Sessions, payment: Sessions
) -> dict[str, date | str | None]:
    """Return an observation's valuation and payment day and why it moved."""
    scheduled, pays_on = observation.scheduled_on, observation.pays_on
    # A calendar that begins later says nothing about the days before it.
    known = bool(sessions.days) and sessions.days[0] <= scheduled
    rolled = sessions.rolled(scheduled, Roll(strategy.roll)) if known else None
    if rolled is None or abs(rolled - scheduled) > LONGEST_CLOSURE:
        return {"valuation_on": scheduled, "moved_because": "", "pays_on": pays_on}
    if pays_on is None or pays_on < rolled:
        lag = PaymentLag(strategy.payment_lag, PAYMENT)
        pays_on = schedule.payment_day(rolled, lag, {PAYMENT: payment})
    moved = _("%(day)s is no session") % {"day": spoken(scheduled)} if rolled != scheduled else ""
    return {"valuation_on": rolled, "moved_because": moved, "pays_on": pays_on}


def _objections(strategy: Strategy, at: datetime) -> Iterator[str]:
    """Say everything that stands against publishing a strategy."""
    members = list(strategy.basket_members.select_related("underlying__exchange"))
    observations = list(strategy.observations.order_by("number"))
    if not members:
        yield _("The basket is empty.")
    if not observations:
        yield _("There are no observations.")
    if not members or not observations:
        return
    if strategy.struck_on > at.date():
        words = {"day": spoken(strategy.struck_on)}
        yield _("The strike date, %(day)s, lies ahead: there are no initial fixings yet.") % words
    if [observation.number for observation in observations] != [
        place for place, _observation in enumerate(observations, 1)
    ]:
        yield _("The observations must be numbered 1, 2, 3 and so on.")
    markets = {member.underlying.exchange_id for member in members}
    if len(markets) > 1 and not strategy.common_sessions:
        yield _("Shares of several exchanges can be observed on common sessions only.")
    yield from _off_session(observations, strategy)
    for each in contradictions(strategy, members, observations):
        yield each.sentence


def _off_session(observations: Iterable[Observation], strategy: Strategy) -> Iterator[str]:
    """Name the valuation days that are no session, as far as the calendars reach."""
    sessions = _common_sessions([strategy])[strategy.pk]
    if not sessions.days:
        yield _("There is no session calendar of the basket's exchanges.")
    payment = _payment_sessions([strategy]).get(strategy.pk, sessions)
    if strategy.payment_lag and sessions.days and not payment.days:
        words = {"exchange": strategy.payment_calendar}
        yield (
            _("There is no session calendar of %(exchange)s, whose days the payment lag counts.")
            % words
        )
    for observation in observations:
        day = observation.valuation_on
        if day <= sessions.known_until and day not in sessions.days:
            yield _("Observation %(number)s: %(day)s is no session.") % {
                "number": observation.number,
                "day": spoken(day),
            }
