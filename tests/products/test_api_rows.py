"""Policies, payments and bookings by HTTP: the checks of their files, a verdict for each item."""

from datetime import UTC, date, datetime
from threading import Event, Thread

import pytest
from django.db import connection, transaction

from apps.core import clock
from apps.core.imports.kinds import KINDS
from apps.products.models.accounts import Transaction
from apps.products.models.holdings import Payment, Policy
from apps.profiles.models import Identifier
from tests import factories
from tests.calling import System, faults

pytestmark = pytest.mark.django_db

AT = datetime(2020, 6, 1, 22, tzinfo=UTC)
POLICY = {
    "number": "P-1", "core_id": "C-1", "strategy": "duo", "nominal": "1500.00",
    "premium": 1500, "currency": "USD", "starts_on": "2019-11-29", "ends_on": "2020-11-30",
}  # fmt: skip
PAYMENT = {
    "reference": "B-1", "policy": "P-1", "kind": "premium", "amount": "1500.00",
    "currency": "USD", "due_on": "2020-02-03", "state": "paid", "paid_on": "2020-02-04",
}  # fmt: skip


@pytest.fixture(autouse=True)
def evening(settings):
    settings.CLOCK_OFFSET = AT - clock.now()


@pytest.fixture
def holder():
    found = factories.client()
    Identifier.objects.create(client=found, kind="core_id", value="C-1")
    factories.strategy(code="duo")
    return found


@pytest.fixture
def system(client, holder):
    return System(
        client, "policies:read", "policies:write", "payments:read", "payments:write",
        "holdings:read", "holdings:write",
    )  # fmt: skip


def booking(number, kind="buy", **fields):
    return {
        "reference": f"T-{number}", "account": "A-1", "kind": kind, "day": "2020-01-06",
        "ticker": "AAPL", "units": 2, "amount": "200.00", "currency": "USD", **fields,
    }  # fmt: skip


def test_a_policy_is_new_then_unchanged_then_changed(system):
    assert system.post("/policies", POLICY).json() == {"state": "new", "remarks": []}
    assert system.post("/policies", POLICY).json()["state"] == "unchanged"
    changed = {**POLICY, "premium": "1600.50"}
    assert system.post("/policies", changed).json()["state"] == "changed"
    stored = Policy.objects.get()
    assert (stored.nominal, stored.premium) == (1500_00, 1600_50)


def test_what_is_read_can_be_sent_back_and_changes_nothing(system):
    system.post("/policies", POLICY)
    (read,) = system.get("/policies").json()["items"]
    assert read["nominal"] == "1500"
    assert read["state"] == "active"
    assert read["issued_on"] is None
    back = {name: value for name, value in read.items() if value is not None}
    assert system.post("/policies", back).json()["state"] == "unchanged"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"core_id": "C-9"}, [("#/core_id", "unknown_client")]),
        ({"strategy": "trio"}, [("#/strategy", "unknown_strategy")]),
        ({"nominal": "1550.00"}, [("#/nominal", "no_multiple")]),
        ({"premium": "1.234"}, [("#/premium", "too_many_decimals")]),
        ({"starts_on": "29.11.2019"}, [("#/starts_on", "date_format")]),
        ({"starts_on": "1019-11-29"}, [("#/starts_on", "year_out_of_range")]),
        ({"currency": "EUR"}, [("#/currency", "other_currency")]),
        ({"state": "odd"}, [("#/state", "not_a_choice")]),
        ({"number": "P\u200b1"}, [("#/number", "invisible")]),
        ({"number": " "}, [("#/number", "empty")]),
        ({"premium": None}, [("#/premium", "value_error")]),
        ({"premium": True}, [("#/premium", "value_error")]),
        ({"premium": "1e3"}, [("#/premium", "value_error")]),
        ({"number": 5}, [("#/number", "string_type")]),
        ({"nombre": "x"}, [("#/nombre", "extra_forbidden")]),
    ],
)
def test_a_refused_policy_says_which_field_and_why(system, said, expected):
    answer = system.post("/policies", {**POLICY, **said})
    assert answer.status_code == 422
    assert faults(answer) == expected
    assert not Policy.objects.exists()


def test_each_item_of_a_batch_has_its_own_verdict(system):
    items = [
        POLICY,
        {**POLICY, "number": "P-2", "strategy": "trio", "starts_on": "soon"},
        {**POLICY, "number": "P-3"},
        {**POLICY, "number": "P-3", "premium": "7"},
        {**POLICY, "number": "P-4", "core_id": "C-9"},
    ]
    answer = system.post("/policies/batch", {"items": items})
    told = answer.json()
    assert (answer.status_code, told["new"], told["refused"]) == (200, 1, 4)
    assert [one["state"] for one in told["results"]] == ["new", *["refused"] * 4]
    assert [[(e["pointer"], e["code"]) for e in one["errors"]] for one in told["results"]] == [
        [],
        [("#/items/1/starts_on", "not_a_day")],
        [("#/items/2/number", "duplicate_key")],
        [("#/items/3/number", "duplicate_key")],
        [("#/items/4/core_id", "unknown_client")],
    ]
    assert list(Policy.objects.values_list("number", flat=True)) == ["P-1"]


def test_a_batch_that_cannot_be_read_lands_nothing(system):
    answer = system.post("/policies/batch", {"items": [POLICY, {**POLICY, "more": 1}]})
    assert (answer.status_code, faults(answer)) == (422, [("#/items/1/more", "extra_forbidden")])
    assert system.post("/policies/batch", {"items": []}).status_code == 422
    assert system.post("/policies/batch", {"items": [POLICY] * 1001}).status_code == 422
    assert not Policy.objects.exists()


def test_a_payment_settles_what_waits_for_it(system, holder):
    policy = factories.policy(
        holder, Policy.strategy.field.related_model.objects.get(), number="P-1"
    )
    due = date(2020, 2, 3)
    Payment.objects.create(policy=policy, kind="premium", amount=1500_00, due_on=due)
    assert system.post("/payments", PAYMENT).json()["state"] == "new"
    assert Payment.objects.get().state == "paid"


def test_items_of_one_account_stand_or_fall_together(system, holder):
    factories.underlying("AAPL")
    factories.account(holder, number="A-1")
    factories.account(holder, number="A-2")
    items = [booking(1), booking(2, "sell", units=5), booking(3, account="A-2")]
    told = system.post("/transactions/batch", {"items": items}).json()
    assert [one["state"] for one in told["results"]] == ["refused", "refused", "new"]
    left_out = told["results"][0]["errors"][0]
    assert left_out["code"] == "group"
    assert left_out["detail"] == (
        "Left out with another item of the same account, which is refused."
    )
    assert list(Transaction.objects.values_list("reference", flat=True)) == ["T-3"]


def test_rows_are_searched_by_what_belongs_into_no_address(system):
    system.post("/policies", POLICY)
    system.post("/policies", {**POLICY, "number": "P-2", "state": "applied"})

    def found(**wanted):
        return [one["number"] for one in system.post("/policies/search", wanted).json()["items"]]

    assert found() == ["P-1", "P-2"]
    assert found(number=["P-2", "P-9"]) == ["P-2"]
    assert found(core_id=["C-1"], state=["applied"]) == ["P-2"]
    assert found(core_id=["C-9"]) == found(number=[]) == []
    assert system.post("/policies/search", {"phone": ["+1"]}).status_code == 422
    first = system.post("/policies/search", {"limit": 1}).json()
    assert system.post("/policies/search", {"after": first["next"]}).json() == {
        "items": [one for one in system.get("/policies").json()["items"] if one["number"] == "P-2"],
        "next": None,
    }


def test_reading_and_bringing_are_separate_rights(client, holder):
    reader = System(client, "policies:read", name="reader")
    assert reader.get("/policies").status_code == 200
    assert reader.post("/policies/search", {}).status_code == 200
    assert reader.post("/policies", POLICY).status_code == 403
    assert reader.get("/accounts").status_code == 403


def test_a_page_takes_the_same_queries_whatever_its_length(system, django_assert_max_num_queries):
    items = [{**POLICY, "number": f"P-{number}"} for number in range(50)]
    assert system.post("/policies/batch", {"items": items}).json()["new"] == 50
    with django_assert_max_num_queries(8):
        assert len(system.get("/policies").json()["items"]) == 50


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_a_request_gives_way_to_a_file_of_the_same_rows(system, monkeypatch):
    monkeypatch.setattr("apps.core.api.items.PATIENCE", "50ms")
    begun, ended = Event(), Event()

    def land_file():
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))",
                    [KINDS["policies"].lock],
                )
                begun.set()
                ended.wait(60)
        finally:
            connection.close()

    file = Thread(target=land_file)
    file.start()
    assert begun.wait(60)
    answer = system.post("/policies", POLICY)
    ended.set()
    file.join()
    assert (answer.status_code, answer["Retry-After"]) == (409, "5")
    assert system.post("/policies", POLICY).json()["state"] == "new"
