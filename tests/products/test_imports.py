"""The files of strategies and policies, and what holds for every kind of file."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal

import pytest
from django.conf import settings as settings_of_django
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.events.imports.events import EventResource, PurchaseResource
from apps.products.actions.strategies import publish_strategy
from apps.products.imports.accounts import AccountResource, TransactionResource
from apps.products.imports.deadlines import DeadlineResource
from apps.products.imports.funds import FundResource
from apps.products.imports.instalments import CreditAccountResource, InstalmentResource
from apps.products.imports.markets import (
    CorporateActionResource,
    TradingDayResource,
    UnderlyingResource,
)
from apps.products.imports.payments import PaymentResource
from apps.products.imports.policies import PolicyResource
from apps.products.imports.quotes import QuoteResource
from apps.products.imports.strategies import StrategyResource
from apps.products.models.holdings import Payment, Policy
from apps.products.models.markets import TradingDay
from apps.products.models.strategies import BasketMember, Observation, Strategy
from apps.profiles.imports.clients import ClientResource
from apps.profiles.imports.consents import ConsentResource
from apps.profiles.imports.contacts import ContactResource
from apps.profiles.models import Identifier
from tests import factories
from tests.importing import import_file
from tests.products.importing import ACTIONS, AT, SHARES, SPLIT, load, places
from tests.products.waiting import wait_for_lock

pytestmark = pytest.mark.django_db

RESOURCES = [
    TradingDayResource,
    UnderlyingResource,
    CorporateActionResource,
    QuoteResource,
    StrategyResource,
    PaymentResource,
    PolicyResource,
    FundResource,
    AccountResource,
    TransactionResource,
    CreditAccountResource,
    InstalmentResource,
    DeadlineResource,
]


# --- strategies ---

SHEET = (
    "code,name,currency,denomination,state,struck_on,matures_on,underlyings,observations,"
    "coupon_rate,coupon_barrier,call_barrier,call_barriers,bonuses"
)
DAYS = "2020-02-28; 2020-05-29; 2020-08-31; 2020-11-30"
TERMS = (
    "duo-2019,Duo,USD,100,{state},2019-11-29,2020-11-30,AAPL 264.10; IBM 134.45,"
    f"{DAYS},0.025,0.75,1,-; 1; 0.95; 0.9,2; 2"
)
DRAFT, PUBLISHED = TERMS.format(state=""), TERMS.format(state="published")


@pytest.fixture
def market():
    factories.underlying("AAPL")
    factories.underlying("IBM")
    factories.sessions(*(date.fromisoformat(day) for day in DAYS.split("; ")))


@pytest.mark.usefixtures("market")
def test_a_strategy_comes_with_its_basket_and_observations():
    report = load(StrategyResource, SHEET, DRAFT)
    assert report.new == 1, report
    strategy = Strategy.objects.get()
    assert (strategy.code, strategy.state, strategy.denomination) == ("duo-2019", "draft", 100_00)
    assert (strategy.coupon_barrier, strategy.corridor_upper) == (Decimal("0.75"), None)
    assert strategy.memory
    assert list(strategy.basket_members.values_list("underlying__ticker", "initial_fixing")) == [
        ("AAPL", Decimal("264.10")),
        ("IBM", Decimal("134.45")),
    ]
    assert list(
        strategy.observations.order_by("number").values_list(
            "number", "scheduled_on", "call_barrier", "bonus"
        )
    ) == [
        (1, date(2020, 2, 28), None, 2),
        (2, date(2020, 5, 29), 1, 2),
        (3, date(2020, 8, 31), Decimal("0.95"), None),
        (4, date(2020, 11, 30), Decimal("0.9"), None),
    ]


@pytest.mark.usefixtures("market")
def test_a_strategy_twice_changes_nothing_draft_or_published():
    for sheet in (DRAFT, PUBLISHED):
        load(StrategyResource, SHEET, sheet)
        before = strategies()
        assert load(StrategyResource, SHEET, sheet).unchanged == 1
        assert strategies() == before
    assert Strategy.objects.get().state == "published"


def strategies():
    return [
        list(model.objects.order_by("pk").values())
        for model in (Strategy, BasketMember, Observation)
    ]


@pytest.mark.usefixtures("market")
def test_a_draft_becomes_what_the_file_now_says_and_empty_cells_clear():
    load(StrategyResource, SHEET, DRAFT)
    cleared = DRAFT.replace(f"{DAYS},0.025,0.75,1,-; 1; 0.95; 0.9,2; 2", "2020-02-28,0.03,0.7,,,")
    report = load(StrategyResource, SHEET, cleared)
    assert report.changed == 1, report
    strategy = Strategy.objects.get()
    assert (strategy.coupon_rate, strategy.call_barrier) == (Decimal("0.03"), None)
    assert list(strategy.observations.values_list("number", "call_barrier", "bonus")) == [
        (1, None, None)
    ]


@pytest.mark.usefixtures("market")
def test_terms_of_a_published_strategy_stand():
    load(StrategyResource, SHEET, PUBLISHED)
    report = load(StrategyResource, SHEET, PUBLISHED.replace("0.025", "0.03"))
    assert places(report) == [(2, "coupon_rate", "Duo is published; its terms no longer change.")]


@pytest.mark.usefixtures("market")
def test_a_strategy_that_cannot_be_published_says_why_on_its_line():
    TradingDay.objects.all().delete()
    report = load(StrategyResource, SHEET, PUBLISHED)
    assert [(fault.line, fault.column) for fault in report.faults] == [(2, "state")]
    assert not Strategy.objects.exists()


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("market")
def test_a_file_that_loses_the_race_against_a_publication_is_refused():
    load(StrategyResource, SHEET, DRAFT)

    def late():
        try:
            return load(StrategyResource, SHEET, DRAFT.replace("0.025", "0.03"))
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            publish_strategy(Strategy.objects.get().pk, at=AT)
            losing = pool.submit(late)
            wait_for_lock()
        report = losing.result()
    assert places(report) == [(2, "code", "The strategy was published a moment ago.")]
    assert Strategy.objects.get().coupon_rate == Decimal("0.025")


BAD_TERMS = [
    ("IBM 134.45", "IBX 134.45", "underlyings", "There is no share “IBX”; did you mean “IBM”?"),
    ("IBM 134.45", "AAPL 1", "underlyings", "AAPL is there twice."),
    ("IBM 134.45", "IBM", "underlyings",
     "“IBM” must be a share and its initial fixing, like AAPL 600.12."),
    ("IBM 134.45", "IBM 0", "underlyings", "0 must be above 0."),
    ("USD", "ZZZ", "currency", "“ZZZ” is no currency; write its three letters, like USD."),
    ("USD,100", "USD,-100", "denomination", "-100 must be above 0."),
    ("USD,100", "USD,0.005", "denomination",
     "0.005 is finer than USD allows: at most 2 decimals."),
    ("USD,100", "JPY,0.5", "denomination", "0.5 is finer than JPY allows: at most 0 decimals."),
    ("2020-11-30,AAPL", "2019-11-29,AAPL", "matures_on",
     "The maturity must lie after the strike date."),
    ("2020-05-29;", "2020-05-32;", "observations", "There is no day 2020-05-32."),
    ("2020-05-29;", "2020-02-28;", "observations", "2020-02-28 is there twice."),
    ("2020-05-29;", "2020-01-28;", "observations", "The days are not in order."),
    (DAYS, "2019-11-29", "observations",
     "The first observation must come after the strike date."),
    ("2020-11-30,0.025", "2020-12-30,0.025", "observations",
     "The last observation comes after the maturity."),
    ("0.025", "-0.025", "coupon_rate", "-0.025 must not be below 0."),
    ("0.025", "2.5 %", "coupon_rate",
     "“2.5 %” is no number; write it with digits and a decimal point, like 1234.50."),
    ("2; 2", "2; 2; 2; 2; 2", "bonuses", "There are 5 entries, but 4 observations."),
    ("2; 2", "2; two", "bonuses",
     "“two” is no number; write it with digits and a decimal point, like 1234.50."),
    ("duo-2019", "duo 2019", "code", "“duo 2019” does not look like quartet-2012."),
    ("Duo", "D" * 121, "name", f"Longer than 120 characters: “{'D' * 39}…”."),
]  # fmt: skip


@pytest.mark.parametrize(("good", "bad", "column", "reason"), BAD_TERMS)
@pytest.mark.usefixtures("market")
def test_a_bad_term_is_refused(good, bad, column, reason):
    other = DRAFT.replace("duo-2019", "duo-2020")
    report = load(StrategyResource, SHEET, other, DRAFT.replace(good, bad, 1))
    assert (3, column, reason) in places(report)
    assert {fault.line for fault in report.faults} == {3}
    assert not Strategy.objects.exists()


@pytest.mark.parametrize(
    ("column", "cell", "refused", "reason"),
    [
        ("corridor_upper", "0.7", "corridor_upper",
         "The top of the corridor must lie above its barrier."),
        ("redemption", "floor", "redemption_level",
         "Say which share of the capital is protected."),
        ("redemption", "barrier", "knock_in_barrier",
         "A barrier redemption needs its knock-in barrier."),
        ("basket", "bset", "basket",
         "“bset” is none of: worst, all, best, any, average, n_of_m."),
        ("memory", "maybe", "memory", "“maybe” is neither yes nor no."),
        ("call_first", "0", "call_first", "“0” is no whole number between 1 and 1000."),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("market")
def test_rules_between_terms_are_held(column, cell, refused, reason):
    report = load(StrategyResource, f"{SHEET},{column}", f"{DRAFT},{cell}")
    assert places(report) == [(2, refused, reason)]


# --- policies ---

HOLDINGS = "number,core_id,strategy,nominal,premium,currency,starts_on,ends_on"
POLICY = "P-1,C-1,duo,1500,1500.00,USD,2019-11-29,2020-11-30"


@pytest.fixture
def duo():
    for core_id in ("C-1", "C-2"):
        Identifier.objects.create(client=factories.client(), kind="core_id", value=core_id)
    return factories.strategy(code="duo", name="Duo")


@pytest.mark.usefixtures("duo")
def test_policies_come_once_and_may_change_while_they_have_no_coupons():
    assert load(PolicyResource, HOLDINGS, POLICY).new == 1
    policy = Policy.objects.get()
    assert (policy.nominal, policy.premium) == (1500_00, 1500_00)
    assert policy.client.identifiers.get(kind="core_id").value == "C-1"
    assert (policy.starts_on, policy.ends_on) == (date(2019, 11, 29), date(2020, 11, 30))
    assert load(PolicyResource, HOLDINGS, POLICY).unchanged == 1
    assert load(PolicyResource, HOLDINGS, POLICY.replace("1500,", "1600,")).changed == 1
    policy.refresh_from_db()
    assert (policy.nominal, policy.premium) == (1600_00, 1500_00)


BAD_POLICIES = [
    ("C-1", "C-9", "core_id", "There is no client “C-9” yet; import it first."),
    ("duo", "dua", "strategy", "There is no strategy “dua”; did you mean “duo”?"),
    ("1500,", "-1500,", "nominal", "-1500 must be above 0."),
    ("1500,", "0,", "nominal", "0 must be above 0."),
    ("1500,", "1550,", "nominal", "1550 is no multiple of one note, 100.00."),
    ("1500,", "1500.001,", "nominal", "1500.001 is finer than USD allows: at most 2 decimals."),
    ("1500,", "99999999999999,", "nominal", "99999999999999 is too large."),
    ("1500.00", "-1", "premium", "-1 must be above 0."),
    ("USD", "EUR", "currency", "Duo is in USD."),
    ("USD", "ZZZ", "currency", "“ZZZ” is no currency; write its three letters, like USD."),
    ("2020-11-30", "2019-11-29", "ends_on", "The policy must end after it starts."),
    ("2020-11-30", "2021-02-30", "ends_on", "There is no day 2021-02-30."),
    ("2020-11-30", "31.02.2021", "ends_on",
     "“31.02.2021” is not written as year-month-day, like 2021-02-28."),
    ("P-1", "P-2", "number", "This policy already belongs to another client."),
    ("P-1", "P" * 41, "number", f"Longer than 40 characters: “{'P' * 39}…”."),
]  # fmt: skip


@pytest.mark.parametrize(("good", "bad", "column", "reason"), BAD_POLICIES)
@pytest.mark.usefixtures("duo")
def test_a_bad_policy_is_refused(good, bad, column, reason):
    load(PolicyResource, HOLDINGS, POLICY.replace("P-1", "P-2").replace("C-1", "C-2"))
    other = POLICY.replace("P-1", "P-0")
    report = load(PolicyResource, HOLDINGS, other, POLICY.replace(good, bad, 1))
    assert places(report) == [(3, column, reason)]
    assert report.new == 1
    assert Policy.objects.count() == 1


def test_no_policy_begins_in_a_strategy_that_has_ended(duo):
    Strategy.objects.update(state="called", called_on=date(2020, 2, 28))
    report = load(PolicyResource, HOLDINGS, POLICY)
    assert places(report) == [(2, "strategy", "Duo has ended.")]


def test_a_policy_that_was_called_no_longer_changes(duo):
    load(PolicyResource, HOLDINGS, POLICY)
    Policy.objects.update(state="called", closed_on=date(2020, 2, 28))
    assert load(PolicyResource, HOLDINGS, POLICY).unchanged == 1
    report = load(PolicyResource, HOLDINGS, POLICY.replace("1500,", "1600,"))
    assert places(report) == [(2, "nominal", "The policy is called; it no longer changes.")]


# --- what holds for all of them ---


@pytest.mark.usefixtures("market")
def test_every_export_is_a_file_that_changes_nothing():
    load(UnderlyingResource, SHARES, "MSFT,Microsoft,XNYS,USD,,,,")
    load(CorporateActionResource, ACTIONS, SPLIT)
    load(QuoteResource, "ticker,day,close", "AAPL,2020-02-28,74.5500")
    load(StrategyResource, SHEET, PUBLISHED)
    Identifier.objects.create(client=factories.client(), kind="core_id", value="C-1")
    load(PolicyResource, HOLDINGS, POLICY.replace("duo", "duo-2019"))
    policy = Policy.objects.get()
    Payment.objects.create(policy=policy, kind="coupon", amount=5, due_on=policy.ends_on)
    # Accounts and what belongs to them are taken out and in by tests of their own.
    for resource in RESOURCES[: RESOURCES.index(FundResource)]:
        dataset = resource().export()
        report = load(resource, *dataset.export("csv").splitlines())
        assert (report.faults, report.new, report.changed) == ((), 0, 0), resource
        assert report.unchanged == len(dataset) > 0, resource


CELL = st.one_of(
    st.text(max_size=8),
    st.sampled_from(
        [
            "AAPL",
            "AAPL 1; IBM 2",
            "XNYS",
            "duo",
            "C-1",
            "USD",
            "2020-03-02",
            "-; 1",
            "1500",
            "split",
        ]
    ),
)


@pytest.mark.parametrize("resource", RESOURCES)
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=st.data())
def test_whatever_the_cells_the_answer_is_a_report(resource, drawn):
    columns = list(resource.fields)
    rows = drawn.draw(
        st.lists(st.lists(CELL, min_size=len(columns), max_size=len(columns)), max_size=3)
    )
    quoted = [['"' + cell.replace('"', '""') + '"' for cell in row] for row in [columns, *rows]]
    content = "\n".join(",".join(row) for row in quoted).encode("utf-8", "surrogatepass")
    str(import_file(resource, content, filename="x.csv", at=AT, dry_run=True))


DOCUMENTED = {
    "shares": UnderlyingResource,
    "trading-days": TradingDayResource,
    "corporate-actions": CorporateActionResource,
    "closes": QuoteResource,
    "strategies": StrategyResource,
    "clients": ClientResource,
    "contacts": ContactResource,
    "consents": ConsentResource,
    "policies": PolicyResource,
    "payments": PaymentResource,
    "funds": FundResource,
    "accounts": AccountResource,
    "transactions": TransactionResource,
    "instalment-accounts": CreditAccountResource,
    "instalments": InstalmentResource,
    "deadlines": DeadlineResource,
    "events": EventResource,
    "purchases": PurchaseResource,
}


def test_the_documentation_names_every_column_and_its_examples_land_in_its_order():
    text = (settings_of_django.BASE_DIR / "docs" / "csv.md").read_text()
    examples = re.findall(r"```csv ([a-z-]+)\n(.*?)\n```", text, re.DOTALL)
    assert [name for name, _lines in examples] == list(DOCUMENTED)
    for name, lines in examples:
        resource = DOCUMENTED[name]
        report = load(resource, lines, filename=f"{name}.csv")
        assert report.stored, report
        assert report.new == len(lines.splitlines()) - 1
        for column, kind in resource.fields.items():
            assert re.search(rf"\*\*{column}\*\*" if kind.required else rf"\b{column}\b", text), (
                column
            )
