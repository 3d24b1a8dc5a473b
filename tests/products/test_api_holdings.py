"""A client's holdings by HTTP: the figures of his page, each with its day and source."""

from datetime import UTC, date, datetime

import pytest

from apps.core import clock
from apps.products.models.instalments import CreditAccount, Instalment
from apps.profiles.models import Identifier
from tests import factories
from tests.calling import System

pytestmark = pytest.mark.django_db

AT = datetime(2020, 1, 10, 22, tzinfo=UTC)


@pytest.fixture
def system(client, settings):
    settings.CLOCK_OFFSET = AT - clock.now()
    return System(client, "holdings:read")


@pytest.fixture
def holder():
    found = factories.client()
    Identifier.objects.create(client=found, kind="core_id", value="C-1")
    return found


def test_a_strategy_is_told_with_its_shares_and_policies(system, holder):
    strategy = factories.strategy(code="duo")
    factories.policy(holder, strategy, number="P-1", nominal=1500_00, premium=1500_00)
    factories.quote("AAPL", date(2020, 1, 9), "80")
    factories.quote("IBM", date(2020, 1, 9), "130")
    (told,) = system.get("/clients/C-1/holdings").json()["strategies"]
    assert (told["code"], told["currency"], told["next"]["day"]) == ("duo", "USD", "2020-02-28")
    aapl = told["shares"][0]
    assert aapl["level"] == {
        "value": "0.8", "as_of": "2020-01-09", "origin": "close", "detail": "test",
    }  # fmt: skip
    assert (aapl["barrier"], aapl["barrier_price"]["value"], aapl["is_worst"]) == (
        "0.75", "75", True,
    )  # fmt: skip
    assert aapl["distance"]["value"] == "-0.0625"
    (policy,) = told["policies"]
    assert (policy["number"], policy["nominal"]["value"]) == ("P-1", "1500.00")
    assert policy["supposed"]["value"] == "37.50"


def test_what_is_not_known_is_null_and_says_why(system, holder):
    account = factories.account(holder, number="A-1")
    factories.booked(account, "buy", date(2020, 1, 6), 300_00, "3")
    (told,) = system.get("/clients/C-1/holdings").json()["accounts"]
    assert told["value"]["value"] is None
    assert told["value"]["detail"]
    factories.quote("AAPL", date(2020, 1, 9), "110")
    (told,) = system.get("/clients/C-1/holdings").json()["accounts"]
    assert told["value"] == {
        "value": "330.00", "as_of": "2020-01-09", "origin": "close", "detail": "test",
    }  # fmt: skip
    assert told["profit"]["amount"]["value"] == "30.00"
    assert (told["profit"]["rate"]["value"], told["positions"][0]["units"]["value"]) == ("0.1", "3")


def test_instalments_are_told_with_what_is_overdue(system, holder):
    credit = CreditAccount.objects.create(
        number="I-1", client=holder, name="Kitchen", currency="USD", limit=5000_00, used=1800_00,
        reported_on=date(2020, 1, 9), source="test",
    )  # fmt: skip
    for number, day in ((1, date(2020, 1, 3)), (2, date(2020, 2, 3))):
        Instalment.objects.create(account=credit, number=number, due_on=day, amount=600_00)
    (told,) = system.get("/clients/C-1/holdings").json()["instalment_accounts"]
    figures = {name: told[name]["value"] for name in ("remaining", "overdue", "left")}
    assert figures == {"remaining": "3200.00", "overdue": "600.00", "left": "1200.00"}
    assert told["used"]["as_of"] == "2020-01-09"
    assert [one["amount"] for one in told["instalments"]] == ["600.00", "600.00"]


def test_holdings_take_a_fixed_number_of_queries(system, holder, django_assert_max_num_queries):
    for _each in range(3):
        factories.policy(holder, factories.strategy())
        factories.booked(factories.account(holder), "buy", date(2020, 1, 6), 300_00, "3")
    with django_assert_max_num_queries(40):
        assert len(system.get("/clients/C-1/holdings").json()["strategies"]) == 3
