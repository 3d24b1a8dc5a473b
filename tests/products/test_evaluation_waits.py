"""Nothing is evaluated on a guess: what is missing is said, and stops no other strategy."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from apps.products.actions.evaluation import evaluate_due, evaluate_observation
from apps.products.actions.quotes import confirm_quotes
from apps.products.models.holdings import Payment
from apps.products.models.markets import CorporateAction, Quote, TradingDay
from apps.products.models.strategies import Strategy
from tests import factories
from tests.products.observing import (
    EVALUATED,
    FIRST,
    PLANNED,
    SECOND,
    WAITING,
    closes,
    evening,
    first,
    held_policy,
    states,
    written,
)

pytestmark = pytest.mark.django_db


def waits(policy, at):
    assert evaluate_due(at=at) == 0
    assert written() == [0, 0, 0, 0, 0]
    observation = first(policy)
    assert observation.state == WAITING
    return observation.waiting_for


def test_a_missing_close_leaves_the_observation_waiting():
    policy = held_policy()
    factories.quote("AAPL", FIRST, "100")
    assert waits(policy, evening(FIRST)) == "IBM: no close of 28 Feb 2020 yet"
    factories.quote("IBM", FIRST, "100")
    assert evaluate_due(at=evening(FIRST)) == 1
    assert first(policy).waiting_for == ""


def test_a_held_close_leaves_it_waiting_until_somebody_confirms():
    policy = held_policy()
    closes(FIRST)
    held = Quote.objects.get(underlying__ticker="IBM")
    Quote.objects.filter(pk=held.pk).update(state="held", held_because="jump of −37.2 %")
    assert waits(policy, evening(FIRST)) == ("IBM: close of 28 Feb 2020 is held: jump of −37.2 %")
    confirm_quotes([held.pk], by=None, at=evening(FIRST))
    assert evaluate_due(at=evening(FIRST)) == 1


def test_a_close_from_before_the_closing_bell_is_stale():
    policy = held_policy()
    factories.quote("AAPL", FIRST, "100")
    factories.quote("IBM", FIRST, "100", received_at=datetime(2020, 2, 28, 20, 59, tzinfo=UTC))
    assert waits(policy, evening(FIRST)) == (
        "IBM: close of 28 Feb 2020 came before the exchange closed"
    )


def test_a_missing_calendar_leaves_it_waiting():
    policy = held_policy()
    closes(FIRST)
    TradingDay.objects.all().delete()
    assert waits(policy, evening(FIRST)) == "XNYS: its calendar has no session on 28 Feb 2020"


def test_a_special_dividend_waits_for_the_close_before_it():
    policy = held_policy()
    CorporateAction.objects.create(
        underlying=factories.underlying("AAPL"),
        kind=CorporateAction.Kind.SPECIAL_DIVIDEND,
        ex_on=date(2020, 2, 27),
        amount=8,
        source="test",
    )
    closes(FIRST)
    assert "no close of the session before the special dividend" in waits(policy, evening(FIRST))


def test_a_dividend_after_the_day_is_not_looked_at():
    held_policy()
    CorporateAction.objects.create(
        underlying=factories.underlying("AAPL"),
        kind=CorporateAction.Kind.SPECIAL_DIVIDEND,
        ex_on=date(2020, 6, 1),  # the close before it is not known either
        amount=8,
        source="test",
    )
    closes(FIRST)
    assert evaluate_due(at=evening(FIRST)) == 1


def test_a_live_strategy_without_a_basket_says_so():
    policy = held_policy(factories.strategy(fixings=()))
    assert waits(policy, evening(FIRST)) == "The basket is empty."


def test_everything_that_is_missing_is_named_within_bounds():
    tickers = [f"SHARE-{n:02d}" for n in range(20)]
    policy = held_policy(factories.strategy(fixings=[(ticker, "1") for ticker in tickers]))
    reason = waits(policy, evening(FIRST))
    assert reason.startswith("SHARE-00: no close of 28 Feb 2020 yet; SHARE-01: no close")
    assert len(reason) == 500
    assert reason.endswith("…")


def test_nothing_is_due_before_every_exchange_has_closed():
    factories.underlying("SBER", exchange=factories.exchange("MISX", time_zone="Europe/Moscow"))
    policy = held_policy(factories.strategy(fixings=[("AAPL", "100"), ("SBER", "100")]))
    factories.sessions(FIRST, code="MISX")
    factories.quote("SBER", FIRST, "100")
    before = datetime(2020, 2, 28, 20, 59, tzinfo=UTC)
    assert evaluate_due(at=before) == 0
    assert not evaluate_observation(first(policy).pk, at=before)
    assert first(policy).state == PLANNED
    assert waits(policy, before + timedelta(minutes=1)) == "AAPL: no close of 28 Feb 2020 yet"


def test_a_later_close_never_stands_in_for_the_missing_one():
    policy = held_policy()
    closes(date(2020, 3, 2))
    factories.sessions(date(2020, 3, 2))
    assert waits(policy, evening(date(2020, 3, 2))).startswith("AAPL: no close of 28 Feb 2020 yet")


def test_a_draft_is_not_evaluated():
    policy = held_policy(factories.strategy(state=Strategy.State.DRAFT))
    closes(FIRST)
    assert evaluate_due(at=evening(FIRST)) == 0
    assert not evaluate_observation(first(policy).pk, at=evening(FIRST))


def test_an_earlier_observation_that_waits_blocks_the_later_one():
    policy = held_policy()
    closes(SECOND)
    later = policy.strategy.observations.get(number=2)
    assert evaluate_due(at=evening(SECOND)) == 0
    assert not evaluate_observation(later.pk, at=evening(SECOND))
    assert states(policy.strategy)[:2] == [WAITING, PLANNED]
    closes(FIRST)
    assert evaluate_due(at=evening(SECOND)) == 2


def test_dates_that_a_calendar_did_not_reach_are_rolled_when_it_does():
    strategy = factories.strategy(days=[date(2020, 2, 29)], payment_lag=1)
    strategy.observations.update(pays_on=None)
    TradingDay.objects.all().delete()
    policy = held_policy(strategy)
    monday, tuesday = date(2020, 3, 2), date(2020, 3, 3)
    assert waits(policy, evening(monday)).startswith("XNYS: its calendar has no session")
    factories.sessions(FIRST, monday, tuesday)
    closes(monday)
    assert evaluate_due(at=evening(monday)) == 1
    observation = first(policy)
    assert (observation.valuation_on, observation.pays_on) == (monday, tuesday)
    assert observation.moved_because == "29 Feb 2020 is no session"


def test_an_observation_that_was_moved_returns_to_a_session_that_is_entered_late():
    strategy = factories.strategy(days=[FIRST], roll="following")
    monday = date(2020, 3, 2)
    strategy.observations.update(valuation_on=monday, moved_because="28 Feb 2020 is no session")
    factories.sessions(date(2020, 2, 27), monday)
    closes(FIRST)
    held_policy(strategy)
    assert evaluate_due(at=evening(FIRST)) == 1
    observation = strategy.observations.get()
    assert (observation.valuation_on, observation.moved_because) == (FIRST, "")


def test_a_tick_reads_the_calendars_once_for_all_that_wait_for_them(django_assert_num_queries):
    held_policy(factories.strategy())
    held_policy(factories.strategy(fixings=[("AAPL", "100")]))
    TradingDay.objects.all().delete()
    evaluate_due(at=evening(FIRST))
    with django_assert_num_queries(10):
        evaluate_due(at=evening(FIRST))


def test_a_daily_barrier_waits_for_every_close_and_remembers_a_breach():
    strategy = factories.strategy(
        days=[FIRST, SECOND],
        redemption="barrier",
        knock_in_barrier=Decimal("0.6"),
        knock_in_style="american",
    )
    policy = held_policy(strategy)
    between = date(2020, 3, 23)
    factories.sessions(between)
    closes(FIRST)
    closes(SECOND, ibm="80")
    assert evaluate_due(at=evening(SECOND)) == 1
    waiting = strategy.observations.get(number=2)
    assert waiting.waiting_for == (
        "AAPL: no close of 23 Mar 2020 yet; IBM: no close of 23 Mar 2020 yet"
    )
    closes(between, ibm="59.99")
    assert evaluate_due(at=evening(SECOND)) == 1
    assert Payment.objects.get(policy=policy, kind="redemption").amount == 800_00


def test_one_strategys_bad_terms_are_said_and_touch_no_other():
    bad = held_policy()
    bad.strategy.observations.update(corridor_upper=Decimal("0.5"))
    good = held_policy()
    closes(FIRST)
    assert evaluate_due(at=evening(FIRST)) == 1
    assert (first(bad).state, first(good).state) == (WAITING, EVALUATED)
    assert "the corridor's top lies below its barrier" in first(bad).waiting_for
    assert not bad.coupons.exists()


def test_a_number_the_database_cannot_hold_is_one_strategys_own_trouble():
    bad = held_policy(factories.strategy(fixings=[("BA", "0.00000001")]))
    good = held_policy()
    closes(FIRST)
    factories.quote("BA", FIRST, "300")
    assert evaluate_due(at=evening(FIRST)) == 1
    assert (first(bad).state, first(good).state) == (WAITING, EVALUATED)
    assert "overflow" in first(bad).waiting_for


def test_a_policy_that_is_no_whole_number_of_notes_stops_its_strategy():
    policy = held_policy(nominal=150_00)
    closes(FIRST)
    assert waits(policy, evening(FIRST)) == (
        f"Policy {policy.number}: its nominal is no whole number of notes."
    )


def test_a_broken_number_of_notes_stops_nobody_before_its_policy_begins():
    strategy = factories.strategy()
    held_policy(strategy, nominal=150_00, starts_on=SECOND)
    held_policy(strategy)
    closes(FIRST)
    assert evaluate_due(at=evening(FIRST)) == 1
