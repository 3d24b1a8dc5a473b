"""Moves of the market are told once: a threshold a quarter, an event a client and day."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from threading import Barrier

import pytest
from django.db import connection

from apps.events.models import Event
from apps.products.actions import moves
from apps.products.actions.moves import record_moves
from apps.products.models.funds import Fund
from apps.products.models.markets import CorporateAction, Quote
from apps.products.models.moves import HoldingMove, MoveDay, MoveRule, UnderlyingMove
from tests import factories

pytestmark = pytest.mark.django_db

END_OF_QUARTER = date(2020, 3, 31)
MON = date(2020, 4, 6)


def night(day):
    return datetime(day.year, day.month, day.day, 23, tzinfo=UTC)


def week(*closes, ticker="AAPL", first=MON):
    """Quote one close a day from Monday on, the sessions with them; None: no price came."""
    for number, close in enumerate(closes):
        day = first + timedelta(days=number)
        factories.sessions(day)
        if close:
            factories.quote(ticker, day, close)


def nights(count, first=MON, kind="holding.moved"):
    """Look through the days one by one, as the tick does; return how many events each brought."""
    brought = []
    for number in range(count):
        before = Event.objects.filter(kind=kind).count()
        record_moves(at=night(first + timedelta(days=number)))
        brought.append(Event.objects.filter(kind=kind).count() - before)
    return brought


@pytest.fixture
def account():
    """Hold 10 units bought at 100 in January; the quarter before ended at 100."""
    account = factories.account(factories.client())
    factories.booked(account, "buy", date(2020, 1, 2), 1000_00, "10")
    factories.sessions(END_OF_QUARTER)
    factories.quote("AAPL", END_OF_QUARTER, "100")
    return account


def told(kind="holding.moved"):
    events = Event.objects.filter(kind=kind).order_by("occurred_at")
    return [
        (move.get("basis"), move.get("rung"), move["rate"])
        for event in events
        for move in event.properties["moves"]
    ]


def test_each_multiple_is_told_once_since_the_purchase_and_since_the_quarter_began(account):
    week("95", "89.5", "79.9", "95", "79")
    assert nights(5) == [0, 1, 1, 0, 0]
    assert [(basis, rung) for basis, rung, _rate in told()] == [
        ("purchase", 1), ("period", 1), ("purchase", 2), ("period", 2),
    ]  # fmt: skip
    assert HoldingMove.objects.order_by("pk").first().rate == Decimal("-0.105")


def test_after_a_deeper_fall_a_lesser_one_in_the_same_quarter_is_no_news(account):
    week("95", "79", "95", "89")
    assert nights(4) == [0, 1, 0, 0]
    assert set(HoldingMove.objects.values_list("rung", flat=True)) == {2}


def test_a_rise_is_told_against_the_purchase_only(account):
    week("109.99", "110", "121")
    assert nights(3) == [0, 1, 1]
    assert [(basis, rung) for basis, rung, _rate in told()] == [("purchase", 1), ("purchase", 2)]
    assert not HoldingMove.objects.filter(falls=True).exists()


def test_what_was_far_up_long_ago_is_no_news(account):
    account.transactions.update(amount=100_00)
    week("100", "100.5")
    assert nights(2) == [0, 0]


def test_a_new_quarter_tells_anew(account):
    week("89")
    assert nights(1) == [1]
    july = date(2020, 7, 6)
    factories.sessions(date(2020, 6, 30))
    factories.quote("AAPL", date(2020, 6, 30), "100")
    MoveDay.objects.update(prices={str(account.transactions.get().underlying_id): "2020-06-30"})
    week("90", first=july)
    assert nights(1, first=july) == [1]
    assert [move.since for move in HoldingMove.objects.filter(basis="period").order_by("pk")] == [
        END_OF_QUARTER, date(2020, 6, 30),
    ]  # fmt: skip


def test_all_moves_of_a_client_on_a_day_are_one_event_greatest_first(account):
    other = factories.account(account.client, name="Pension")
    for ticker in ("IBM", "MSFT"):
        factories.booked(other, "buy", date(2020, 1, 2), 1000_00, "10", ticker)
        factories.quote(ticker, END_OF_QUARTER, "100")
        week("95", "70" if ticker == "IBM" else "95", ticker=ticker)
    week("95", "85")
    assert nights(2) == [0, 1]
    event = Event.objects.get(kind="holding.moved")
    assert [move["rate"] for move in event.properties["moves"]] == [-0.3, -0.175, -0.15, -0.15]
    values = event.properties["values"]
    assert (values["what"], values["by"], values["falls"], values["others"]) == (
        "IBM", {"percent": "0.300"}, True, 3,
    )  # fmt: skip
    assert event.properties["variant"] == "gentle"
    assert event.subject == f"client:{account.client_id}"


@pytest.mark.parametrize("trouble", ["held", "missing", "early"])
def test_a_price_that_is_held_missing_or_early_tells_nobody_until_it_is_good(account, trouble):
    week("95", None if trouble == "missing" else "85", "84.9")
    quotes = Quote.objects.filter(day=MON + timedelta(days=1))
    if trouble == "held":
        quotes.update(state="held", held_because="jump")
    if trouble == "early":
        quotes.update(received_at=datetime(2020, 4, 7, 15, tzinfo=UTC))
    assert nights(2) == [0, 0]
    assert record_moves(at=night(MON + timedelta(days=2))) == 1
    assert told()[0] == ("purchase", 1, -0.151)


def test_an_account_with_one_price_lacking_has_no_change_as_a_whole(account):
    factories.booked(account, "buy", date(2020, 1, 2), 1000_00, "10", "IBM")
    week("89")
    assert nights(1) == [1]
    assert [basis for basis, _rung, _rate in told()] == ["purchase"]


def test_paying_in_is_no_rise_and_selling_no_fall(account):
    factories.booked(account, "buy", MON, 5000_00, "50")
    factories.booked(account, "sell", MON + timedelta(days=1), 5500_00, "55")
    week("100", "100", "100")
    assert nights(3) == [0, 0, 0]


def test_a_split_is_no_fall(account):
    CorporateAction.objects.create(
        underlying=factories.underlying("AAPL"), kind="split", ex_on=MON + timedelta(days=1),
        ratio=4, source="test",
    )  # fmt: skip
    week("100", "25.1")
    assert nights(2) == [0, 0]
    assert not UnderlyingMove.objects.exists()


def test_the_nearest_rule_counts(account):
    MoveRule.objects.create(holding_step="0.05")
    MoveRule.objects.create(tier="affluent", holding_step="0.3")
    week("94", "93", "89")
    assert nights(1) == [1]
    account.client.tier = "affluent"
    account.client.save()
    assert nights(1, first=MON + timedelta(days=1)) == [0]
    MoveRule.objects.create(client=account.client, holding_step="0.02", tells_rises=False)
    assert nights(1, first=MON + timedelta(days=2)) == [1]
    assert told()[1][:2] == ("purchase", 5)


def test_a_client_who_wants_falls_only_hears_of_no_rise(account):
    MoveRule.objects.create(client=account.client, tells_rises=False)
    week("115", "85")
    assert nights(2) == [0, 1]


# --- one day's moves of a fund or share ---


def test_a_share_beyond_the_band_is_told_to_all_who_hold_it_once(account):
    holder = factories.client()
    strategy = factories.strategy(fixings=(("AAPL", "100"), ("IBM", "100")))
    for _ in range(2):
        factories.policy(holder, strategy)
    factories.policy(factories.client(), strategy, state="matured")
    factories.account(factories.client())
    week("100", "89.9")
    assert nights(2, kind="underlying.moved") == [0, 2]
    events = Event.objects.filter(kind="underlying.moved")
    assert {event.client_id for event in events} == {account.client_id, holder.pk}
    move = UnderlyingMove.objects.get()
    assert (move.rate, move.before_on) == (Decimal("-0.101"), MON)
    assert record_moves(at=night(MON + timedelta(days=1, hours=2))) == 0


def test_a_move_over_several_sessions_is_no_move_of_a_day(account):
    week("100", None, "80")
    nights(3)
    assert not UnderlyingMove.objects.exists()
    assert not Event.objects.filter(kind="underlying.moved").exists()


def test_a_special_dividend_is_no_fall_of_its_share(account):
    CorporateAction.objects.create(
        underlying=factories.underlying("AAPL"), kind="special_dividend",
        ex_on=MON + timedelta(days=1), amount=15, source="test",
    )  # fmt: skip
    week("100", "86")
    nights(2)
    assert not UnderlyingMove.objects.exists()


def test_a_fund_a_session_behind_is_told_when_its_value_comes(account):
    Fund.objects.create(underlying=factories.underlying("AAPL"), aim="shares", lag=1)
    week("100", "80", None)
    Quote.objects.filter(day=MON + timedelta(days=1)).update(
        received_at=night(MON + timedelta(days=2))
    )
    assert nights(1) == [0]
    assert nights(1, first=MON + timedelta(days=2)) == [1]
    assert UnderlyingMove.objects.get().day == MON + timedelta(days=1)


# --- once, whatever happens ---


def test_a_day_is_looked_through_when_its_prices_are_in_or_two_hours_later(account):
    week("95")
    Quote.objects.filter(day=MON).delete()
    close = datetime(2020, 4, 6, 20, tzinfo=UTC)
    record_moves(at=close + timedelta(minutes=30))
    assert not MoveDay.objects.filter(day=MON).exists()
    factories.quote("AAPL", MON, "95", received_at=close + timedelta(minutes=40))
    record_moves(at=close + timedelta(minutes=45))
    assert MoveDay.objects.get(day=MON).ended_at == close + timedelta(minutes=45)
    tuesday = MON + timedelta(days=1)
    factories.sessions(tuesday)
    record_moves(at=close + timedelta(days=1, hours=1, minutes=59))
    assert not MoveDay.objects.filter(day=tuesday).exists()
    record_moves(at=close + timedelta(days=1, hours=2))
    assert MoveDay.objects.filter(day=tuesday).exists()


def test_a_standstill_is_caught_up_on_day_by_day(account):
    week("95", "89", "95", "79")
    assert nights(1) == [0]
    assert record_moves(at=night(MON + timedelta(days=3))) == 3
    assert [day.day for day in MoveDay.objects.order_by("day")] == [
        MON + timedelta(days=number) for number in range(4)
    ]


def test_clients_come_in_batches_and_a_killed_run_goes_on_where_it_stopped(account, monkeypatch):
    monkeypatch.setattr(moves, "BATCH", 1)
    for _ in range(2):
        other = factories.account(factories.client())
        factories.booked(other, "buy", date(2020, 1, 2), 1000_00, "10")
    week("95", "85")
    nights(1)
    at = night(MON + timedelta(days=1))
    day = moves._open_day(at=at)
    closes = moves.closes_of(day, at=at)
    moves._keep_movers(day, closes)
    assert moves._record_batch(day.pk, moves._Spans(closes), at=at) == 2
    assert record_moves(at=at + timedelta(minutes=5)) == 4
    assert Event.objects.filter(kind="holding.moved").count() == 3
    assert {event.occurred_at for event in Event.objects.all()} == {at}


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_two_runs_at_once_tell_everybody_once(account, monkeypatch):
    monkeypatch.setattr(moves, "BATCH", 2)
    for _ in range(6):
        other = factories.account(factories.client())
        factories.booked(other, "buy", date(2020, 1, 2), 1000_00, "10")
    week("95", "85")
    nights(1)
    together = Barrier(3)

    def run():
        together.wait()
        try:
            return record_moves(at=night(MON + timedelta(days=1)))
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as pool:
        counts = [each.result() for each in [pool.submit(run) for _ in range(3)]]
    assert sum(counts) == 14
    assert Event.objects.filter(kind="holding.moved").count() == 7
    assert HoldingMove.objects.count() == 14
