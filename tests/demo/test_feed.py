"""Closes reach the demo's world when their session is over, and no earlier."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from apps.demo.actions.feed import RefusedError, import_whole, receive_closes
from apps.demo.models import World
from apps.demo.world import closes, files
from apps.products.models.holdings import Payment
from apps.products.models.markets import Quote
from tests import factories

pytestmark = pytest.mark.django_db
BELL = closes.received_at(date(2013, 2, 20))


@pytest.fixture
def world():
    for share in closes.SHARES:
        factories.underlying(share.ticker)
    factories.quote("AAPL", date(2013, 2, 19), "459.99")
    return World.objects.create(pk=1, offset_seconds=0, reached_at=BELL, loaded_at=BELL, port=8000)


def days():
    return set(Quote.objects.values_list("day", flat=True))


def test_a_sessions_closes_arrive_after_its_bell(world):
    assert receive_closes(at=BELL.replace(hour=20)) == 0
    assert receive_closes(at=BELL) == 1
    assert Quote.objects.get(underlying__ticker="AAPL", day=date(2013, 2, 20)).close == Decimal(
        "448.85"
    )
    assert date(2013, 2, 21) not in days()


def test_fed_twice_the_closes_are_there_once(world):
    assert receive_closes(at=BELL) == 1
    assert receive_closes(at=BELL) == 0
    assert Quote.objects.filter(day=date(2013, 2, 20)).count() == len(closes.SHARES)


def test_days_that_passed_meanwhile_are_caught_up_with(world):
    assert receive_closes(at=datetime(2013, 2, 25, 12, tzinfo=UTC)) == 3
    assert max(days()) == date(2013, 2, 22)


def test_after_the_last_close_of_the_data_nothing_comes(world):
    receive_closes(at=datetime(2013, 6, 1, tzinfo=UTC))
    assert max(days()) == date(2013, 3, 1)


def test_payments_are_made_on_the_day_they_are_due(world):
    policy = factories.policy(factories.client(), factories.strategy())
    due, later = (
        Payment.objects.create(policy=policy, kind="coupon", amount=100, due_on=day)
        for day in (date(2013, 2, 18), date(2013, 2, 22))
    )
    receive_closes(at=BELL)
    due.refresh_from_db()
    later.refresh_from_db()
    assert (due.state, due.paid_on) == ("paid", date(2013, 2, 18))
    assert later.state == "planned"


def test_the_world_remembers_how_far_it_lived(world):
    receive_closes(at=BELL)
    world.refresh_from_db()
    assert world.reached_at == BELL


def test_nothing_is_fed_before_the_past_was_lived(world):
    World.objects.update(loaded_at=None)
    assert receive_closes(at=BELL) == 0


def test_a_refused_file_says_why_and_leaves_nothing(world):
    wrong = files.File("quotes", "wrong.csv", [{"ticker": "NONE", "day": "2013-02-20", "close": 1}])
    with pytest.raises(RefusedError, match=r"wrong\.csv, line 2"):
        import_whole(wrong, at=BELL)
    assert days() == {date(2013, 2, 19)}
