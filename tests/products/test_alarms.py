"""Prices that have not come raise an alarm: whole sessions, and deliveries that are overdue."""

from datetime import UTC, date, datetime, timedelta

import pytest

from apps.core import clock
from apps.products.models.feeds import Feed
from apps.products.models.strategies import Strategy
from apps.products.queries.alarms import late_feeds, sparse_sessions
from tests import factories

pytestmark = pytest.mark.django_db

THU, FRI = date(2020, 2, 27), date(2020, 2, 28)
CLOSE = datetime(2020, 2, 28, 21, tzinfo=UTC)  # 16:00 in New York
NIGHT = CLOSE + timedelta(hours=3)


def sparse(at=NIGHT):
    return [
        (one.exchange.code, one.day, one.missing, one.watched) for one in sparse_sessions(at=at)
    ]


def late(at):
    return [(one.feed.name, one.day, one.holds) for one in late_feeds(at=at)]


@pytest.fixture
def strategy():
    return factories.strategy(fixings=[("AAPL", "1"), ("IBM", "1"), ("MSFT", "1")], days=[FRI])


def test_a_session_without_most_closes_is_named_until_they_come(strategy):
    factories.quote("AAPL", FRI, "1")
    assert sparse() == [("XNYS", FRI, 2, 3)]
    factories.quote("IBM", FRI, "1")
    assert sparse() == []


def test_a_session_is_not_sparse_while_its_closes_may_still_come(strategy):
    assert sparse(at=NIGHT - timedelta(minutes=1)) == []


def test_shares_of_no_live_strategy_are_not_missed(strategy):
    Strategy.objects.update(state=Strategy.State.CALLED)
    assert sparse() == []


def test_an_old_gap_is_no_alarm_any_more(strategy):
    assert sparse(at=NIGHT + timedelta(days=12)) == []


def test_sparse_sessions_take_three_queries(strategy, django_assert_num_queries):
    factories.sessions(THU, FRI)
    with django_assert_num_queries(3):
        assert len(sparse()) == 2


@pytest.fixture
def feed(strategy):
    return Feed.objects.create(
        name="closes", exchange=factories.exchange(), source="file:", due_after=timedelta(hours=2)
    )


def test_a_feed_is_late_once_it_is_due_and_says_what_it_holds(feed):
    due = CLOSE + timedelta(hours=2)
    assert late(due - timedelta(seconds=1)) == []
    assert late(due) == [("closes", FRI, 1)]
    assert late_feeds(at=due)[0].due_at == due


def test_a_feed_is_late_until_its_own_prices_come_after_the_close(feed):
    factories.quote("AAPL", FRI, "1", source="api:other", received_at=CLOSE)
    factories.quote("IBM", FRI, "1", source="file:a", received_at=CLOSE - timedelta(hours=1))
    assert late(NIGHT) == [("closes", FRI, 1)]
    factories.quote("MSFT", FRI, "1", source="file:a", received_at=CLOSE)
    assert late(NIGHT) == []


def test_a_feed_is_expected_for_sessions_only_and_while_it_is_expected(feed):
    factories.quote("AAPL", FRI, "1", source="file:a", received_at=CLOSE)
    saturday = NIGHT + timedelta(days=1)
    assert late(saturday) == []
    Feed.objects.update(source="api:", expected=False)
    assert late(saturday) == []


def test_a_feed_that_comes_the_next_morning_is_due_for_the_session_before(feed):
    Feed.objects.update(due_after=timedelta(hours=14))
    factories.sessions(THU, FRI)
    assert late(CLOSE) == [("closes", THU, 0)]
    assert late(CLOSE + timedelta(hours=14)) == [("closes", FRI, 1)]


def test_a_half_day_makes_prices_due_earlier(feed):
    feed.exchange.trading_days.filter(day=FRI).update(closes_at="13:00")
    assert late(CLOSE - timedelta(hours=1)) == [("closes", FRI, 1)]


def test_the_start_page_tells_of_both(admin_client, feed, settings):
    settings.CLOCK_OFFSET = NIGHT - clock.now()
    page = admin_client.get("/admin/").content.decode()
    assert "Sessions without most closes" in page
    assert "3 of 3 closes are missing" in page
    assert "Prices that should have come" in page
