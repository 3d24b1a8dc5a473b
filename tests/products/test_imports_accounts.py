"""The files of funds, accounts, bookings, instalments and deadlines."""

from datetime import date
from decimal import Decimal

import pytest

from apps.products.imports.accounts import AccountResource, TransactionResource
from apps.products.imports.deadlines import DeadlineResource
from apps.products.imports.funds import FundResource
from apps.products.imports.instalments import CreditAccountResource, InstalmentResource
from apps.products.models.accounts import Account, Transaction
from apps.products.models.deadlines import Deadline
from apps.products.models.funds import Fund
from apps.products.models.instalments import CreditAccount, Instalment
from apps.products.models.markets import CorporateAction, Underlying
from tests import factories
from tests.importing import import_file
from tests.products.importing import AT, load, places

pytestmark = pytest.mark.django_db

FUNDS = "ticker,name,exchange,currency,aim,lag,shares,bonds,cash,other,mix_on"
WORLD = "WORLD,World,XNYS,USD,balanced,1,0.6,0.4,0,0,2020-01-31"
ACCOUNTS = "number,core_id,name,currency,kind,portfolio,opened_on,closed_on"
SAVINGS = "A-1,C-1,Savings,USD,tax_saving,,2020-01-02,"
BOOKINGS = "reference,account,kind,day,ticker,units,amount,currency"
BUY = "T-1,A-1,buy,2020-01-06,AAPL,10,1000.00,USD"
CREDITS = "number,core_id,name,currency,limit,used,reported_on"
KITCHEN = "I-1,C-1,Kitchen,USD,5000,1800.50,2020-02-28"
PLAN = "account,number,due_on,amount,currency,paid,paid_on"
DEADLINES = "reference,core_id,kind,day,year,amount,currency,policy,account,done_on"
DEDUCTION = "D-1,C-1,tax_deduction,2020-12-31,2020,520,USD,,,"


@pytest.fixture
def owner():
    factories.underlying("AAPL")
    client = factories.client()
    client.identifiers.create(kind="core_id", value="C-1")
    return client


@pytest.fixture
def account(owner):
    load(AccountResource, ACCOUNTS, SAVINGS)
    return Account.objects.get()


def exported(resource):
    return resource().export().csv


@pytest.mark.parametrize(
    ("resource", "model", "lines"),
    [
        (FundResource, Fund, (FUNDS, WORLD, "CASH,Cash,XNYS,EUR,money_market,,,,,,")),
        (AccountResource, Account, (ACCOUNTS, SAVINGS)),
        (TransactionResource, Transaction, (BOOKINGS, BUY, "T-2,A-1,fee,2020-01-31,,,3.50,USD")),
        (CreditAccountResource, CreditAccount, (CREDITS, KITCHEN)),
        (InstalmentResource, Instalment, (PLAN, "I-1,1,2020-03-02,600,USD,100,")),
        (DeadlineResource, Deadline, (DEADLINES, DEDUCTION)),
    ],
)
def test_a_file_lands_once_and_comes_out_as_it_went_in(account, resource, model, lines):
    if resource is InstalmentResource:
        load(CreditAccountResource, CREDITS, KITCHEN)
    count = len(lines) - 1
    model.objects.exclude(pk=account.pk).delete() if model is not Account else account.delete()
    assert load(resource, *lines).new == count
    assert load(resource, *lines).unchanged == count
    again = import_file(resource, exported(resource).encode(), filename="x.csv", at=AT)
    assert (again.unchanged, again.faults) == (count, ())
    assert model.objects.count() == count


def test_a_fund_is_an_underlying_with_its_facts(owner):
    load(FundResource, FUNDS, WORLD)
    fund = Fund.objects.get()
    assert (fund.underlying.kind, fund.underlying.name) == (Underlying.Kind.FUND, "World")
    assert (fund.aim, fund.bonds, fund.mix_on) == ("balanced", Decimal("0.4"), date(2020, 1, 31))
    assert load(FundResource, FUNDS, WORLD.replace("World,", "Our World,")).changed == 1
    assert Underlying.objects.get(ticker="WORLD").name == "Our World"


@pytest.mark.parametrize(
    ("resource", "lines", "column", "reason"),
    [
        (FundResource, (FUNDS, "AAPL,Apple,XNYS,USD,shares,,,,,,"), "ticker",
         "AAPL is a share already."),
        (FundResource, (FUNDS, "WORLD,World,XNYS,USD,balanced,1,0.6,0.3,0,0,2020-01-31"), "shares",
         "The parts of the mix add up to 0.9, not to 1."),
        (FundResource, (FUNDS, "WORLD,World,XNYS,USD,balanced,1,0.6,0.4,0,0,"), "mix_on",
         "A mix says all its parts and its day; write 0 for none."),
        (AccountResource, (ACCOUNTS, "A-2,C-9,Savings,USD,,,2020-01-02,"), "core_id",
         "There is no client “C-9” yet; import it first."),
        (AccountResource, (ACCOUNTS, "A-2,C-1,Savings,USD,,calm,2020-01-02,"), "portfolio",
         "There is no portfolio “calm” yet; import it first."),
        (AccountResource, (ACCOUNTS, "A-2,C-1,Savings,USD,,,2020-01-02,2020-01-01"), "closed_on",
         "An account cannot close before it opens."),
        (TransactionResource, (BOOKINGS, "T-2,A-9,buy,2020-01-06,AAPL,1,1,USD"), "account",
         "There is no account “A-9” yet; import it first."),
        (TransactionResource, (BOOKINGS, "T-2,A-1,buy,2020-01-06,APPL,1,1,USD"), "ticker",
         "There is no fund or share “APPL”; did you mean “AAPL”?"),
        (TransactionResource, (BOOKINGS, "T-2,A-1,buy,2020-01-06,AAPL,,1,USD"), "units",
         "This must be said for a buy."),
        (TransactionResource, (BOOKINGS, "T-2,A-1,dividend,2020-01-06,AAPL,1,1,USD"), "units",
         "Leave this empty for a dividend."),
        (TransactionResource, (BOOKINGS, "T-2,A-1,dividend,2020-01-06,,,1,USD"), "ticker",
         "This must be said for a dividend."),
        (TransactionResource, (BOOKINGS, "T-2,A-1,buy,2020-01-06,AAPL,1,1,EUR"), "currency",
         "The account A-1 is in USD."),
        (TransactionResource, (BOOKINGS, "T-2,A-1,buy,2020-01-06,AAPL,1,1.005,USD"), "amount",
         "1.005 is finer than USD allows: at most 2 decimals."),
        (TransactionResource, (BOOKINGS, BUY.replace("1000.00", "999.00")), "amount",
         "Known otherwise already; correct it in the back office."),
        (TransactionResource, (BOOKINGS, "T-2,A-1,sell,2020-01-06,AAPL,10.00000001,1,USD"), "units",
         "The account A-1 has fewer units of AAPL on that day."),
        (TransactionResource, (BOOKINGS, "T-2,A-1,sell,2020-01-05,AAPL,1,100,USD"), "units",
         "The account A-1 has fewer units of AAPL on that day."),
        (CreditAccountResource, (CREDITS, KITCHEN.replace("2020-02-28", "2020-02-27")),
         "reported_on", "A newer report, of 2020-02-28, is stored already."),
        (InstalmentResource, (PLAN, "I-1,1,2020-03-02,600,USD,601,"), "paid",
         "More than the instalment's amount cannot be paid of it."),
        (InstalmentResource, (PLAN, "I-1,1,2020-03-02,600,USD,600,"), "paid_on",
         "Say on which day it was paid in full."),
        (DeadlineResource, (DEADLINES, "D-1,C-1,tax_deduction,2020-12-31,,520,,,,"), "currency",
         "Say the currency of the amount."),
        (DeadlineResource, (DEADLINES, "D-1,C-1,tax_deduction,2020-12-31,,,,,A-9,"), "account",
         "There is no account “A-9” yet; import it first."),
    ],
)  # fmt: skip
def test_a_bad_row_is_refused_and_nothing_lands(account, resource, lines, column, reason):
    load(TransactionResource, BOOKINGS, BUY)
    load(CreditAccountResource, CREDITS, KITCHEN)
    before = resource._meta.model.objects.count()
    assert places(load(resource, *lines)) == [(2, column, reason)]
    assert resource._meta.model.objects.count() == before


def test_what_came_of_a_split_may_be_sold(account):
    CorporateAction.objects.create(
        underlying=factories.underlying("AAPL"), kind="split", ex_on=date(2020, 3, 2), ratio=4,
        source="test",
    )  # fmt: skip
    load(TransactionResource, BOOKINGS, BUY)
    assert load(TransactionResource, BOOKINGS, "T-2,A-1,sell,2020-03-02,AAPL,40,1200,USD").new == 1


def test_an_account_never_changes_its_client_nor_with_bookings_its_currency(account):
    load(TransactionResource, BOOKINGS, BUY)
    other = factories.client()
    other.identifiers.create(kind="core_id", value="C-2")
    report = load(AccountResource, ACCOUNTS, "A-1,C-2,Savings,EUR,,,2020-01-02,")
    assert {fault.column for fault in report.faults} == {"core_id", "currency"}


def test_another_day_of_a_deadline_is_told_anew(account):
    load(DeadlineResource, DEADLINES, DEDUCTION)
    Deadline.objects.update(told_at=AT)
    load(DeadlineResource, DEADLINES, DEDUCTION.replace("520", "130"))
    assert (Deadline.objects.get().told_at, Deadline.objects.get().amount) == (AT, 130_00)
    load(DeadlineResource, DEADLINES, DEDUCTION.replace("12-31", "11-30"))
    assert Deadline.objects.get().told_at is None


def test_a_deadline_of_somebody_elses_account_is_refused(account):
    factories.client().identifiers.create(kind="core_id", value="C-2")
    report = load(DeadlineResource, DEADLINES, "D-2,C-2,document,2020-12-31,,,,,A-1,")
    assert places(report) == [(2, "account", "It belongs to another client.")]
