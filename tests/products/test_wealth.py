from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.products.models.deadlines import Deadline
from apps.products.models.funds import Fund, ModelPortfolio
from apps.products.models.instalments import CreditAccount, Instalment
from apps.products.models.markets import CorporateAction, Quote
from apps.products.queries.facts import Origin
from apps.products.queries.wealth import courses, wealth
from tests import factories

pytestmark = pytest.mark.django_db

MON, TUE, WED, THU = (date(2020, 3, day) for day in (2, 3, 4, 5))
WEDNESDAY_NIGHT = datetime(2020, 3, 4, 23, 59, tzinfo=UTC)  # Thursday already at the issuer's


@pytest.fixture
def holder():
    """Hold 10 units bought for 1,000 a year before; the price was 110, 120 and 117."""
    client = factories.client()
    factories.sessions(date(2019, 3, 4), MON, TUE, WED, THU)
    account = factories.account(client)
    factories.booked(account, "buy", date(2019, 3, 4), 1000_00, "10")
    for day, close in ((MON, "110"), (TUE, "120"), (WED, "117")):
        factories.quote("AAPL", day, close)
    return client


def account_of(client, at=WEDNESDAY_NIGHT):
    return wealth(client, at=at).accounts[0]


def test_a_holding_tells_its_worth_profit_day_and_return_each_with_day_and_source(holder):
    found = account_of(holder)
    (position,) = found.positions
    for told in (found, position):
        assert (told.value.value, told.value.as_of) == (1170_00, WED)
        assert (told.value.origin, told.value.detail) == (Origin.CLOSE, "test")
        assert (told.paid_in.value, told.paid_in.origin) == (1000_00, Origin.POLICY)
        assert (told.profit.amount.value, told.profit.rate.value) == (170_00, Fraction(17, 100))
        assert (told.day.amount.value, told.day.rate.value) == (-30_00, Fraction(-1, 40))
        assert told.money_weighted.value.days == 366  # the year had a 29 February
        assert told.money_weighted.value.yearly == Decimal("0.169498")
        assert not told.late
    assert (position.units.value, position.price.value, position.part) == (10, 117, 1)


def test_a_late_price_is_told_and_what_it_makes_is_told_as_of_its_day(holder):
    Quote.objects.filter(day=WED).delete()
    found = account_of(holder)
    assert found.late == ("AAPL: no price since 3 Mar 2020",)
    assert (found.value.value, found.value.as_of) == (1200_00, TUE)
    soon_after_the_close = datetime(2020, 3, 4, 21, 30, tzinfo=UTC)
    assert account_of(holder, soon_after_the_close).late == ()


def test_a_held_price_counts_for_nothing_but_is_told(holder):
    Quote.objects.filter(day=WED).update(state="held", held_because="jump")
    found = account_of(holder)
    assert found.late == ("AAPL: the price of 4 Mar 2020 is being checked",)
    assert found.value.value == 1200_00


def test_a_fund_may_be_a_session_behind(holder):
    Quote.objects.filter(day=WED).delete()
    Fund.objects.create(underlying=factories.underlying("AAPL"), aim="shares", lag=1)
    assert account_of(holder).late == ()
    Quote.objects.filter(day=TUE).delete()
    assert account_of(holder).late == ("AAPL: no price since 2 Mar 2020",)


def test_what_has_no_price_is_not_known_and_neither_is_the_sum(holder):
    account = holder.accounts.get()
    factories.booked(account, "buy", TUE, 500_00, "5", "IBM")
    found = account_of(holder)
    apple, ibm = found.positions
    lacks = "IBM: no price is known yet"
    for figure in (ibm.value, ibm.price, ibm.profit.amount, ibm.profit.rate, ibm.money_weighted,
                   found.value, found.profit.amount, found.money_weighted):  # fmt: skip
        assert (figure.value, figure.detail) == (None, lacks)
    assert apple.value.value == 1170_00
    assert apple.part is None
    assert found.paid_in.value == 1500_00
    assert (found.day.amount.value, found.day.amount.detail) == (None, lacks)


def test_prices_of_different_days_make_no_day_of_the_whole_account(holder):
    account = holder.accounts.get()
    factories.booked(account, "buy", MON, 500_00, "5", "IBM")
    factories.quote("IBM", MON, "100")
    factories.quote("IBM", TUE, "101")
    found = account_of(holder)
    assert found.day.amount.value is None
    assert found.day.amount.detail == "the prices are of different days"
    assert [one.day.amount.value for one in found.positions] == [-30_00, 5_00]
    assert (found.value.value, found.value.as_of) == (1675_00, TUE)


def test_a_session_without_a_price_leaves_no_change_of_the_day(holder):
    Quote.objects.filter(day=TUE).delete()
    found = account_of(holder)
    lacks = "the price of the session before is not known"
    for day in (found.day, found.positions[0].day):
        assert (day.amount.value, day.amount.detail, day.rate.detail) == (None, lacks, lacks)
    assert found.value.value == 1170_00


def test_sales_dividends_fees_and_splits_are_part_of_the_profit(holder):
    account = holder.accounts.get()
    factories.booked(account, "sell", TUE, 480_00, "4")
    factories.booked(account, "dividend", WED, 6_00)
    factories.booked(account, "fee", WED, 10_00, ticker=None)
    found = account_of(holder)
    assert found.value.value == 702_00
    assert (found.paid_in.value, found.paid_out.value) == (1010_00, 486_00)
    assert found.profit.amount.value == 702_00 + 486_00 - 1010_00
    assert found.day.amount.value == -18_00 + 6_00 - 10_00
    CorporateAction.objects.create(
        underlying=factories.underlying("AAPL"), kind="split", ex_on=WED, ratio=2, source="test"
    )
    Quote.objects.filter(day=WED).update(close="58.5")
    (after,) = account_of(holder).positions
    assert (after.units.value, after.value.value, after.day.amount.value) == (12, 702_00, -12_00)


def test_bookings_of_tomorrow_are_not_known_today_and_closed_accounts_are_gone(holder):
    account = holder.accounts.get()
    factories.booked(account, "buy", date(2020, 3, 6), 500_00, "5")
    assert account_of(holder).paid_in.value == 1000_00
    account.closed_on = THU
    account.save()
    assert wealth(holder, at=WEDNESDAY_NIGHT).accounts == ()


def test_a_model_portfolio_says_what_each_part_is_meant_to_be(holder):
    portfolio = ModelPortfolio.objects.create(code="calm", name="Calm", currency="USD")
    portfolio.weights.create(underlying=factories.underlying("AAPL"), weight="0.6")
    holder.accounts.update(portfolio=portfolio)
    assert account_of(holder).positions[0].target == Decimal("0.6")


def test_the_course_leaves_out_days_on_which_something_held_had_no_price(holder):
    account = holder.accounts.get()

    def course(since):
        return courses([account], since=since, at=WEDNESDAY_NIGHT)[account.pk]

    assert course(TUE) == [(TUE, 1200_00), (WED, 1170_00)]
    assert [day for day, _value in course(date(2019, 1, 1))] == [MON, TUE, WED]
    factories.booked(account, "buy", TUE, 500_00, "5", "IBM")
    factories.quote("IBM", WED, "100")
    assert course(MON) == [(MON, 1100_00), (WED, 1670_00)]


def test_instalments_tell_what_is_next_overdue_and_left():
    client = factories.client()
    account = CreditAccount.objects.create(
        number="C-1", client=client, name="Kitchen", currency="USD", limit=5000_00,
        used=1800_00, reported_on=TUE, source="file:credits.csv",
    )  # fmt: skip
    for number, (due_on, paid, paid_on) in enumerate(
        ((date(2020, 1, 3), 600_00, date(2020, 1, 2)), (TUE, 100_00, None), (THU, 0, None)), 1
    ):
        Instalment.objects.create(
            account=account, number=number, due_on=due_on, amount=600_00, paid=paid, paid_on=paid_on
        )
    (found,) = wealth(client, at=WEDNESDAY_NIGHT).credits
    assert (found.remaining.value, found.remaining.as_of) == (3200_00, TUE)
    assert (found.next.number, [one.number for one in found.overdue]) == (3, [2])
    assert (found.overdue_amount.value, found.paid.value, found.left.value) == (
        500_00,
        700_00,
        1100_00,
    )


def test_deadlines_that_are_ahead_and_not_done_come_soonest_first():
    client = factories.client()
    for reference, day, done_on in (
        ("late", MON, None), ("done", THU, MON), ("far", date(2020, 4, 1), None), ("near", THU, None),
    ):  # fmt: skip
        Deadline.objects.create(
            client=client, kind="tax_deduction", reference=reference, day=day, done_on=done_on
        )
    found = wealth(client, at=WEDNESDAY_NIGHT).deadlines
    assert [(one.deadline.reference, one.days) for one in found] == [("near", 0), ("far", 27)]


def test_more_holdings_cost_no_more_queries(holder):
    def cost():
        with CaptureQueriesContext(connection) as captured:
            wealth(holder, at=WEDNESDAY_NIGHT)
        return len(captured)

    before = cost()
    for ticker in ("IBM", "MSFT"):
        account = factories.account(holder)
        factories.booked(account, "buy", MON, 100_00, "1", ticker)
        factories.quote(ticker, WED, "100")
    assert cost() == before <= 13
