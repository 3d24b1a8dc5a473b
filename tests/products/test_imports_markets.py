"""The files of shares, trading days, corporate actions and closing prices."""

from datetime import UTC, date, datetime, time
from decimal import Decimal

import pytest

from apps.products.imports.markets import (
    CorporateActionResource,
    TradingDayResource,
    UnderlyingResource,
)
from apps.products.imports.quotes import QuoteResource
from apps.products.models.calendars import CalendarOverride
from apps.products.models.markets import CorporateAction, Exchange, Quote, TradingDay, Underlying
from tests import factories
from tests.products.importing import ACTIONS, AT, SHARES, SPLIT, load, places

pytestmark = pytest.mark.django_db


# --- shares and trading days ---

APPLE = "AAPL,Apple,XNYS,USD,US0378331005,New York,America/New_York,16:00"
IBM = "IBM,IBM,XNYS,USD,,,,"


def test_shares_bring_their_exchange_along():
    report = load(UnderlyingResource, SHARES, APPLE, IBM)
    assert report.new == 2, report
    exchange = Exchange.objects.get()
    assert (exchange.code, exchange.time_zone, exchange.closes_at) == (
        "XNYS",
        "America/New_York",
        time(16),
    )
    assert list(Underlying.objects.values_list("ticker", "isin")) == [
        ("AAPL", "US0378331005"),
        ("IBM", ""),
    ]
    assert load(UnderlyingResource, SHARES, APPLE, IBM).unchanged == 2
    renamed = load(UnderlyingResource, SHARES, APPLE.replace("Apple", "Apple Inc."))
    assert renamed.changed == 1
    assert Underlying.objects.get(ticker="AAPL").name == "Apple Inc."


@pytest.mark.parametrize(
    ("row", "column", "reason"),
    [
        ("MSFT,Microsoft,XNAS,USD,,Nasdaq,,16:00", "exchange_time_zone",
         "The exchange XNAS is new: this must be said."),
        ("MSFT,Microsoft,XNYS,USD,,Nasdaq,,", "exchange_name",
         "For XNYS this is New York elsewhere."),
        ("MSFT,Microsoft,XNYS,ZZZ,,,,", "currency",
         "“ZZZ” is no currency; write its three letters, like USD."),
        ("MSFT,Microsoft,XNYS,USD,US0378331006,,,", "isin",
         "“US0378331006” is mistyped: its last digit is wrong."),
        ("MSFT,Microsoft,XNYS,USD,0378331005,,,", "isin",
         "“0378331005” does not look like US0378331005."),
        ("msft,Microsoft,XNYS,USD,,,,", "ticker", "“msft” does not look like AAPL."),
        ("MSFT,,XNYS,USD,,,,", "name", "This cell must not be empty."),
        ("AAPL,Apple,XNYS,EUR,,,,", "currency",
         "AAPL has had USD so far; change that in the back office."),
    ],
)  # fmt: skip
def test_a_bad_share_is_refused(row, column, reason):
    load(UnderlyingResource, SHARES, APPLE)
    report = load(UnderlyingResource, SHARES, IBM, row)
    assert places(report) == [(3, column, reason)]
    assert not Underlying.objects.filter(ticker="IBM")


def test_trading_days_come_once():
    factories.exchange()
    rows = ("exchange,day", "XNYS,2020-03-02", "XNYS,2020-03-03")
    assert load(TradingDayResource, *rows).new == 2
    assert load(TradingDayResource, *rows).unchanged == 2
    assert TradingDay.objects.count() == 2


@pytest.mark.parametrize(
    ("row", "column", "reason"),
    [
        ("XNYC,2020-03-03", "exchange", "There is no exchange “XNYC”; did you mean “XNYS”?"),
        ("XNYS,2021-02-30", "day", "There is no day 2021-02-30."),
        ("XNYS,31.02.2021", "day",
         "“31.02.2021” is not written as year-month-day, like 2021-02-28."),
    ],
)  # fmt: skip
def test_a_bad_trading_day_is_refused(row, column, reason):
    factories.exchange()
    report = load(TradingDayResource, "exchange,day", "XNYS,2020-03-02", row)
    assert places(report) == [(3, column, reason)]


# --- corporate actions ---


def test_corporate_actions_come_once():
    factories.underlying()
    dividend = "AAPL,special_dividend,2020-09-30,,2.5,issuer"
    assert load(CorporateActionResource, ACTIONS, SPLIT, dividend).new == 2
    assert load(CorporateActionResource, ACTIONS, SPLIT, dividend).unchanged == 2
    assert CorporateAction.objects.get(kind="split").ratio == 4


@pytest.mark.parametrize(
    ("row", "column", "reason"),
    [
        ("APPL,split,2020-08-30,4,,issuer", "ticker",
         "There is no share “APPL”; did you mean “AAPL”?"),
        ("AAPL,split,2020-08-30,,,issuer", "ratio", "This must be said for a split."),
        ("AAPL,split,2020-08-30,0,,issuer", "ratio", "0 must be above 0."),
        ("AAPL,split,2020-08-30,4,1,issuer", "amount", "Leave this empty for a split."),
        ("AAPL,special_dividend,2020-08-30,,,issuer", "amount",
         "This must be said for a special_dividend."),
        ("AAPL,merger,2020-08-30,1,,issuer", "kind",
         "“merger” is none of: split, special_dividend."),
        ("AAPL,split,2020-08-31,7,,issuer", "ratio",
         "Known otherwise already; correct it in the back office."),
    ],
)  # fmt: skip
def test_a_bad_corporate_action_is_refused(row, column, reason):
    factories.underlying()
    load(CorporateActionResource, ACTIONS, SPLIT)
    report = load(CorporateActionResource, ACTIONS, row)
    assert places(report) == [(2, column, reason)]
    assert CorporateAction.objects.count() == 1


# --- closing prices ---


def test_closes_are_taken_in_with_their_file_as_the_source():
    factories.underlying()
    rows = ("ticker,day,close,currency", "AAPL,2020-03-02,74.55,USD", "AAPL,2020-03-03,72.33,")
    report = load(QuoteResource, *rows, filename="closes.csv")
    assert report.new == 2, report
    quote = Quote.objects.get(day=date(2020, 3, 2))
    assert (quote.close, quote.source) == (Decimal("74.55"), "file:closes.csv")
    assert (quote.received_at, quote.state) == (AT, "confirmed")
    assert load(QuoteResource, *rows).unchanged == 2
    assert Quote.objects.count() == 2


BAD_QUOTES = [
    ("APPL,2020-03-03,70,", "ticker", "There is no share “APPL”; did you mean “AAPL”?"),
    ("AAPL,2020-03-03,70,EUR", "currency", "AAPL trades in USD, not in EUR."),
    ("AAPL,2020-03-03,70,ZZZ", "currency",
     "“ZZZ” is no currency; write its three letters, like USD."),
    ("AAPL,2020-03-03,0,", "close", "0 must be above 0."),
    ("AAPL,2020-03-03,-1.5,", "close", "-1.5 must be above 0."),
    ("AAPL,2020-03-03,NaN,", "close",
     "“NaN” is no number; write it with digits and a decimal point, like 1234.50."),
    ("AAPL,2020-03-03,1e9,", "close",
     "“1e9” is not written as a number; if 1000000000 is meant, write that."),
    ('AAPL,2020-03-03,"1,234.5",', "close",
     "“1,234.5” is not written as a number; if 1234.5 is meant, write that."),
    ("AAPL,2020-03-03,1.123456789,", "close", "1.123456789 has more than 8 decimals."),
    ("AAPL,2020-03-03,1234567890123,", "close", "1234567890123 is too large."),
    ("AAPL,2020-03-03,,", "close", "This cell must not be empty."),
    ("AAPL,1899,70,", "day", "“1899” is not written as year-month-day, like 2021-02-28."),
    ("AAPL,2020-02-30,70,", "day", "There is no day 2020-02-30."),
]  # fmt: skip


@pytest.mark.parametrize(("row", "column", "reason"), BAD_QUOTES)
def test_a_bad_close_is_refused(row, column, reason):
    factories.underlying()
    report = load(QuoteResource, "ticker,day,close,currency", "AAPL,2020-03-02,70,", row)
    assert places(report) == [(3, column, reason)]
    assert report.new == 1
    assert not Quote.objects.exists()


def test_a_restated_close_is_remarked_with_its_line_and_waits():
    factories.quote("AAPL", date(2020, 3, 2), "74.55")
    for dry_run in (True, False):
        report = load(
            QuoteResource,
            "ticker,day,close",
            "AAPL,2020-03-03,75",
            "AAPL,2020-03-02,75",
            dry_run=dry_run,
        )
        assert (report.faults, [(said.line, said.column) for said in report.remarks]) == (
            (), [(3, "close")]
        )  # fmt: skip
        assert Quote.objects.count() == (1 if dry_run else 3)
        assert Quote.objects.get(is_current=True, day=date(2020, 3, 2)).version == 1


def test_a_close_of_a_day_without_a_session_is_refused_in_the_preview_already():
    factories.underlying("AAPL")
    factories.sessions(date(2020, 3, 6), date(2020, 3, 9))
    report = load(QuoteResource, "ticker,day,close", "AAPL,2020-03-07,75", dry_run=True)
    assert [(fault.line, fault.column, fault.reason) for fault in report.faults] == [
        (
            2,
            "close",
            "AAPL: XNYS did not trade on 7 Mar 2020. If it did, add the day to its calendar first.",
        )
    ]


def test_a_close_repeated_after_the_exchange_closed_is_no_longer_an_early_one():
    factories.underlying()
    rows = ("ticker,day,close", "AAPL,2020-03-02,74.55")
    load(QuoteResource, *rows, at=datetime(2020, 3, 2, 18, tzinfo=UTC))
    evening = datetime(2020, 3, 2, 22, tzinfo=UTC)
    assert load(QuoteResource, *rows, at=evening).unchanged == 1
    assert Quote.objects.get().received_at == evening


def test_a_file_brings_half_days_and_observations_follow_it():
    strategy = factories.strategy(days=[date(2020, 2, 29)])
    TradingDay.objects.all().delete()
    days = ("2020-02-28,13:00", "2020-03-02,", "2020-03-31,")
    report = load(TradingDayResource, "exchange,day,closes_at", *(f"XNYS,{day}" for day in days))
    assert report.new == 3
    assert strategy.observations.get().valuation_on == date(2020, 3, 2)
    assert factories.exchange().half_days == {"2020-02-28": "13:00"}
    again = load(TradingDayResource, "exchange,day,closes_at", "XNYS,2020-02-28,12:30")
    assert (again.changed, factories.exchange().half_days) == (1, {"2020-02-28": "12:30"})


def test_a_day_that_a_person_has_overridden_is_not_changed_by_a_file():
    exchange = factories.exchange()
    CalendarOverride.objects.create(
        exchange=exchange, day=date(2020, 3, 2), kind="closed", reason="storm"
    )
    report = load(TradingDayResource, "exchange,day", "XNYS,2020-03-02")
    assert [(fault.column, fault.reason) for fault in report.faults] == [
        ("day", "Overridden by a person: XNYS is closed (storm).")
    ]
