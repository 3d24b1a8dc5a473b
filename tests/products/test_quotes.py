"""Closing prices come in once; what jumps is held until a person has looked."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal
from threading import Barrier

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.utils import translation

from apps.products.actions.quotes import (
    QuoteRow,
    confirm_quotes,
    record_quotes,
    reject_quotes,
)
from apps.products.models.markets import CorporateAction, Quote, TradingDay, Underlying
from tests import factories
from tests.products.waiting import wait_for_lock

THU, FRI = date(2020, 3, 12), date(2020, 3, 13)
EVENING = datetime(2020, 3, 13, 22, tzinfo=UTC)
NOON = datetime(2020, 3, 13, 17, tzinfo=UTC)  # 13:00 in New York
CONFIRMED, HELD = Quote.State.CONFIRMED, Quote.State.HELD

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def shares(db):

    factories.underlying("AAPL")
    factories.underlying("IBM")


def record(*rows, at=EVENING):
    return record_quotes(
        [QuoteRow(ticker, day, Decimal(close)) for ticker, day, close in rows], source="a", at=at
    )


def refusals(report):
    return [(refusal.row, refusal.reason) for refusal in report.refused]


def current(ticker="AAPL", day=FRI):
    return Quote.objects.get(underlying__ticker=ticker, day=day, is_current=True)


def test_a_new_close_is_confirmed_with_its_source_and_moment():
    report = record(("AAPL", FRI, "69.49"), ("IBM", FRI, "107.95"))
    assert (report.confirmed, report.held, report.unchanged, report.refused) == (2, 0, 0, [])
    quote = current()
    assert (quote.close, quote.state, quote.source) == (Decimal("69.49"), CONFIRMED, "a")
    assert quote.received_at == quote.confirmed_at == EVENING


def test_the_same_close_again_changes_nothing():
    record(("AAPL", FRI, "69.49"))
    before = Quote.objects.values().get()
    report = record(("AAPL", FRI, "69.490"), at=EVENING.replace(hour=23))
    assert (report.confirmed, report.unchanged) == (0, 1)
    assert Quote.objects.values().get() == before


def test_no_rows_are_no_trouble():
    assert record() == record()


@pytest.mark.parametrize(
    ("close", "state", "because"),
    [
        ("62.80", HELD, "jump of −37.2 % against 12 Mar 2020"),
        ("125.01", HELD, "jump of +25.0 % against 12 Mar 2020"),
        ("125", CONFIRMED, ""),
        ("75", CONFIRMED, ""),
        ("74.99", HELD, "jump of −25.0 % against 12 Mar 2020"),
    ],
)
def test_a_close_that_jumps_by_more_than_a_quarter_is_held(close, state, because):
    record(("AAPL", THU, "100"), ("AAPL", FRI, close))
    assert (current().state, current().held_because) == (state, because)


@pytest.mark.parametrize(
    ("close", "because"),
    [
        ("100", "about 100 times the close of 12 Mar 2020: pence for pounds?"),
        ("80", "about 100 times the close of 12 Mar 2020: pence for pounds?"),
        ("0.0125", "about a hundredth of the close of 12 Mar 2020: pounds for pence?"),
        ("79", "jump of +7800.0 % against 12 Mar 2020"),
    ],
)
def test_pence_for_pounds_are_held_by_name_whatever_the_share_may_move(close, because):
    Underlying.objects.update(jump_limit="50")
    record(("AAPL", THU, "1"), ("AAPL", FRI, close))
    assert current().held_because == because


@pytest.mark.parametrize(
    ("limit", "close", "state"),
    [("0.4", "139", CONFIRMED), ("0.4", "141", HELD), ("0.05", "106", HELD), (None, "139", HELD)],
)
def test_a_share_may_have_a_limit_of_its_own(limit, close, state):
    Underlying.objects.filter(ticker="AAPL").update(jump_limit=limit)
    record(("AAPL", THU, "100"), ("AAPL", FRI, close))
    assert current().state == state


def test_the_limit_of_all_shares_is_a_setting(settings):
    settings.QUOTE_JUMP = Decimal("0.5")
    record(("AAPL", THU, "100"), ("AAPL", FRI, "149"))
    assert current().state == CONFIRMED


SAT = date(2020, 3, 7)


def test_a_close_of_a_day_without_a_session_is_refused_where_the_calendar_is_known():
    factories.sessions(date(2020, 3, 6), date(2020, 3, 9), FRI)
    report = record(("AAPL", SAT, "1"), ("AAPL", date(2020, 3, 5), "1"), ("AAPL", FRI, "1"))
    assert refusals(report) == [
        (
            0,
            "AAPL: XNYS did not trade on 7 Mar 2020. If it did, add the day to its calendar first.",
        )
    ]


def test_a_currency_pair_is_quoted_on_any_day_and_doubted_like_a_share():
    factories.underlying("EURUSD", kind=Underlying.Kind.CURRENCY_PAIR)
    factories.sessions(date(2020, 3, 6), date(2020, 3, 9), FRI)
    report = record(("EURUSD", SAT, "1.1"), ("EURUSD", date(2020, 3, 8), "1.5"))
    assert (report.confirmed, report.held) == (1, 1)


def test_a_half_day_makes_an_early_price_the_close_from_its_own_bell_on():
    factories.sessions(FRI)
    TradingDay.objects.update(closes_at="13:00")
    record(("AAPL", FRI, "69"), at=NOON)  # 13:00 in New York
    assert record(("AAPL", FRI, "70")).held == 1


def test_the_reason_is_said_in_the_language_of_the_desk():
    with translation.override("ru"):
        record(("AAPL", THU, "100"), ("AAPL", FRI, "62.8"))
    assert "37,2" in current().held_because


def test_a_known_split_is_no_jump():
    CorporateAction.objects.create(
        underlying=factories.underlying("AAPL"),
        kind=CorporateAction.Kind.SPLIT,
        ex_on=FRI,
        ratio=4,
        source="test",
    )
    record(("AAPL", THU, "400"), ("AAPL", FRI, "101"))
    assert current().state == CONFIRMED


def test_closes_after_a_held_one_are_compared_with_the_last_confirmed():
    record(("AAPL", date(2020, 3, 11), "100"), ("AAPL", THU, "10"), ("AAPL", FRI, "101"))
    assert (current(day=THU).state, current().state) == (HELD, CONFIRMED)


def test_a_split_that_nobody_entered_holds_every_later_close():
    record(("AAPL", date(2020, 3, 11), "400"), ("AAPL", THU, "100"), ("AAPL", FRI, "101"))
    assert (current(day=THU).state, current().state) == (HELD, HELD)


def test_a_batch_is_compared_with_what_came_before_it():
    record(("AAPL", THU, "100"))
    record(("AAPL", FRI, "50"))
    assert current().held_because == "jump of −50.0 % against 12 Mar 2020"


def restatement(day=FRI):
    return Quote.objects.get(underlying__ticker="AAPL", day=day, state=HELD, is_current=False)


def test_another_close_of_a_confirmed_day_is_held_beside_it():
    record(("AAPL", FRI, "69.49"))
    report = record(("IBM", FRI, "107.95"), ("AAPL", FRI, "70"))
    assert [(verdict.row, verdict.reason) for verdict in report.of("held")] == [
        (1, "would restate the confirmed close 69.49 by +0.73 %")
    ]
    assert current().close == Decimal("69.49")
    assert (restatement().close, restatement().version) == (70, 2)
    assert current("IBM").state == CONFIRMED


def test_a_restatement_counts_once_it_is_confirmed():
    record(("AAPL", FRI, "69.49"))
    record(("AAPL", FRI, "70"))
    proposed = restatement()
    assert confirm_quotes([proposed.pk], by=None, at=EVENING) == [proposed.pk]
    assert (current().pk, current().state, current().confirmed_at) == (
        proposed.pk, CONFIRMED, EVENING
    )  # fmt: skip
    former = Quote.objects.get(version=1)
    assert (former.close, former.state, former.is_current) == (Decimal("69.49"), CONFIRMED, False)


def test_a_restatement_is_proposed_once_until_another_value_replaces_it():
    record(("AAPL", FRI, "69.49"))
    record(("AAPL", FRI, "70"))
    assert record(("AAPL", FRI, "70")).unchanged == 1
    assert record(("AAPL", FRI, "69.49")).unchanged == 1
    assert record(("AAPL", FRI, "71")).held == 1
    assert restatement().close == 71
    assert Quote.objects.get(version=2).state == "replaced"


def test_a_rejected_restatement_leaves_the_close_and_is_not_proposed_again():
    record(("AAPL", FRI, "69.49"))
    record(("AAPL", FRI, "70"))
    proposed = restatement()
    assert reject_quotes([proposed.pk], by=None, at=EVENING) == [proposed.pk]
    assert reject_quotes([proposed.pk], by=None, at=EVENING) == []
    assert confirm_quotes([proposed.pk], by=None, at=EVENING) == []
    assert current().close == Decimal("69.49")
    assert record(("AAPL", FRI, "70")).unchanged == 1
    proposed.refresh_from_db()
    assert (proposed.state, proposed.rejected_at) == ("rejected", EVENING)


def test_a_rejected_close_leaves_its_day_open():
    record(("AAPL", THU, "100"), ("AAPL", FRI, "10"))
    reject_quotes([current().pk], by=None, at=EVENING)
    assert not Quote.objects.filter(day=FRI, is_current=True).exists()
    assert record(("AAPL", FRI, "10")).held == 1
    assert record(("AAPL", FRI, "101")).confirmed == 1
    assert (current().close, current().version) == (101, 3)


def test_who_brought_a_held_close_cannot_confirm_it():
    desk = get_user_model().objects.create(username="desk")
    other = get_user_model().objects.create(username="other")
    rows = [QuoteRow("AAPL", THU, Decimal(100)), QuoteRow("AAPL", FRI, Decimal(10))]
    record_quotes(rows, source="file:a.csv", at=EVENING, by=desk)
    held = current()
    assert held.brought_by == desk
    assert confirm_quotes([held.pk], by=desk, at=EVENING) == []
    assert confirm_quotes([held.pk], by=other, at=EVENING) == [held.pk]


def test_a_held_close_may_be_replaced_and_stays_as_a_former_version():
    record(("AAPL", THU, "100"), ("AAPL", FRI, "10"))
    report = record(("AAPL", FRI, "101"))
    assert (report.confirmed, report.refused) == (1, [])
    versions = Quote.objects.filter(day=FRI).order_by("version")
    assert [(quote.close, quote.is_current, quote.version) for quote in versions] == [
        (10, False, 1),
        (101, True, 2),
    ]


def test_a_close_from_before_the_closing_bell_is_settled_in_the_evening():
    record(("AAPL", FRI, "69"), ("IBM", FRI, "100"), at=NOON)
    report = record(("AAPL", FRI, "69"), ("IBM", FRI, "101"))
    assert (report.confirmed, report.unchanged, report.refused) == (1, 1, [])
    assert {current().received_at, current("IBM").received_at} == {EVENING}
    assert current("IBM").close == 101


def test_what_cannot_be_a_close_is_refused_with_its_row_and_reason():
    report = record_quotes(
        [
            QuoteRow("NONE", FRI, Decimal(1)),
            QuoteRow("AAPL", FRI, Decimal(0)),
            QuoteRow("AAPL", FRI, Decimal("NaN")),
            QuoteRow("AAPL", FRI, Decimal("1.123456789")),
            QuoteRow("AAPL", date(2020, 3, 14), Decimal(1)),
            QuoteRow("AAPL", FRI, Decimal(1), currency="EUR"),
            QuoteRow("AAPL", FRI, Decimal("69.49"), currency="USD"),
            QuoteRow("AAPL", FRI, Decimal("69.50")),
            QuoteRow("IBM", FRI, Decimal("1e12")),
            QuoteRow("IBM", FRI, Decimal("1e999999")),
            QuoteRow("IBM", FRI, Decimal(f"1.{'0' * 40}1")),
        ],
        source="a",
        at=EVENING,
    )
    assert refusals(report) == [
        (0, "There is no share NONE."),
        (1, "AAPL: a closing price must be above zero."),
        (2, "AAPL: a closing price must be above zero."),
        (3, "AAPL: a closing price has at most 8 decimals."),
        (4, "AAPL: 14 Mar 2020 lies in the future; it has no close yet."),
        (5, "AAPL trades in USD, not in EUR."),
        (7, "AAPL 13 Mar 2020: two closes are given, 69.49 and 69.5."),
        (8, "IBM: a closing price has at most 12 digits before the point."),
        (9, "IBM: a closing price has at most 12 digits before the point."),
        (10, "IBM: a closing price has at most 8 decimals."),
    ]
    assert report.confirmed == 1


def test_a_thousand_closes_take_a_handful_of_queries(django_assert_num_queries):
    days = [date.fromordinal(FRI.toordinal() - n) for n in range(500)]
    rows = [(ticker, day, "100") for ticker in ("AAPL", "IBM") for day in days]
    with django_assert_num_queries(9):
        record(*rows)
    with django_assert_num_queries(8):
        assert record(*rows).unchanged == 1000
    assert Quote.objects.count() == 1000


def test_confirming_held_closes_twice_confirms_them_once():
    record(("AAPL", THU, "100"), ("AAPL", FRI, "10"))
    by = get_user_model().objects.create(username="desk")
    held = current()
    assert confirm_quotes([held.pk], by=by, at=EVENING) == [held.pk]
    assert confirm_quotes([held.pk], by=None, at=EVENING.replace(hour=23)) == []
    held.refresh_from_db()
    assert (held.state, held.held_because, held.confirmed_by) == (CONFIRMED, "", by)
    assert held.confirmed_at == EVENING


def test_a_close_that_was_replaced_meanwhile_is_not_confirmed():
    record(("AAPL", THU, "100"), ("AAPL", FRI, "10"))
    seen = current()
    record(("AAPL", FRI, "11"))
    assert confirm_quotes([seen.pk], by=None, at=EVENING) == []
    assert current().state == HELD


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_four_feeds_of_the_same_closes_leave_one_close_a_day():
    start = Barrier(4)

    def feed(_place):
        start.wait()
        try:
            return record(("IBM", FRI, "107"), ("AAPL", THU, "100"), ("AAPL", FRI, "10"))
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(feed, range(4)))
    assert sum(report.confirmed for report in reports) == 2
    assert sum(report.held for report in reports) == 1
    assert sum(report.unchanged for report in reports) == 9
    assert Quote.objects.count() == 3


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_a_feed_that_loses_the_race_against_a_confirmation_proposes_to_restate():
    record(("AAPL", THU, "100"), ("AAPL", FRI, "10"))

    def feed():
        try:
            return record(("AAPL", FRI, "11"))
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            assert confirm_quotes([current().pk], by=None, at=EVENING)
            losing = pool.submit(feed)
            wait_for_lock()
        report = losing.result()
    assert [verdict.reason for verdict in report.of("held")] == [
        "would restate the confirmed close 10 by +10.00 %"
    ]
    assert (current().close, current().state) == (10, CONFIRMED)


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_of_two_who_decide_on_a_restatement_at_once_one_does():
    record(("AAPL", FRI, "69.49"))
    record(("AAPL", FRI, "70"))
    proposed = restatement()
    start = Barrier(2)

    def decide(decision):
        start.wait()
        try:
            return decision([proposed.pk], by=None, at=EVENING)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(decide, (confirm_quotes, reject_quotes)))
    assert sorted(done) == [[], [proposed.pk]]
    proposed.refresh_from_db()
    assert proposed.is_current == (done[0] == [proposed.pk])
    assert Quote.objects.filter(is_current=True).count() == 1
