"""What the desk must know: what waits and why, which closes are late, what today brought."""

from datetime import UTC, date, datetime, timedelta

import pytest

from apps.products.actions.evaluation import evaluate_due
from apps.products.models.strategies import Strategy
from apps.products.queries.due import due, late_quotes, today, waiting
from tests import factories

pytestmark = pytest.mark.django_db

THU, FRI = date(2020, 2, 27), date(2020, 2, 28)
EVENING = datetime(2020, 2, 28, 22, tzinfo=UTC)


def late(at):
    return [(quote.underlying.ticker, quote.day) for quote in late_quotes(at=at)]


def test_waiting_observations_come_with_their_reason():
    factories.strategy()
    evaluate_due(at=EVENING)
    (one,) = waiting()
    assert one.waiting_for.startswith("AAPL: no close of 28 Feb 2020 yet")


def test_due_is_the_next_observation_of_each_live_strategy_with_what_it_lacks():
    strategy = factories.strategy()
    factories.strategy(state=Strategy.State.DRAFT)
    factories.quote("AAPL", FRI, "1")
    (one,) = due(at=EVENING)
    assert (one.observation.strategy, one.observation.number) == (strategy, 1)
    assert one.lacks == ("IBM: no close of 28 Feb 2020 yet",)
    assert due(at=EVENING - timedelta(days=1)) == []


def test_a_share_of_a_live_strategy_without_its_last_close_is_late():
    factories.strategy()
    factories.sessions(THU, FRI)
    factories.underlying("BA")  # in no strategy
    factories.quote("AAPL", FRI, "1")
    assert late(EVENING) == [("IBM", FRI)]


def test_a_close_is_not_late_before_its_session_has_ended():
    factories.strategy()
    factories.sessions(THU, FRI)
    for ticker in ("AAPL", "IBM"):
        factories.quote(ticker, THU, "1")
    before = datetime(2020, 2, 28, 20, 59, tzinfo=UTC)
    assert late(before) == []
    assert late(before + timedelta(minutes=1)) == [("AAPL", FRI), ("IBM", FRI)]


def test_a_price_from_before_the_closing_bell_is_no_close_and_a_held_one_is():
    factories.strategy()
    factories.quote("AAPL", FRI, "1", received_at=datetime(2020, 2, 28, 20, 59, tzinfo=UTC))
    factories.quote("IBM", FRI, "1", state="held", held_because="jump")
    assert late(EVENING) == [("AAPL", FRI)]


def test_nothing_is_late_for_strategies_that_have_ended_or_calendars_that_are_empty():
    factories.strategy(state=Strategy.State.CALLED)
    factories.sessions(FRI)
    assert late(EVENING) == []
    factories.strategy(days=[date(2020, 6, 1)], fixings=[("BA", "1")])
    assert late(datetime(2019, 1, 1, tzinfo=UTC)) == []


def test_late_quotes_take_three_queries(django_assert_num_queries):
    for n in range(4):
        factories.strategy(fixings=[(f"S{n}", "1"), ("AAPL", "1")])
    with django_assert_num_queries(3):
        assert len(late_quotes(at=EVENING)) == 5


def test_todays_figures_count_todays_evaluations_alone(django_assert_num_queries):
    strategy = factories.strategy()
    for _place in range(3):
        factories.policy(factories.client(), strategy)
    euros = factories.strategy(currency="EUR")
    factories.policy(factories.client(), euros)
    for ticker in ("AAPL", "IBM"):
        factories.quote(ticker, FRI, "100")
    evaluate_due(at=EVENING)
    with django_assert_num_queries(3):
        found = today(at=EVENING)
        assert today(at=EVENING) == found  # its coupons are not added up again
    assert (found.evaluated, found.coupons) == (2, 4)
    assert found.amounts == {"USD": 75_00, "EUR": 25_00}
    tomorrow = today(at=EVENING + timedelta(days=1))
    assert (tomorrow.evaluated, tomorrow.coupons, tomorrow.amounts) == (0, 0, {})
