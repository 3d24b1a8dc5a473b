"""The files of payments and of payment plans: each payment once, settled by its reference."""

from datetime import date

import pytest

from apps.events.models import Event
from apps.products.actions.lifecycle import record_milestones
from apps.products.imports.payments import PaymentResource
from apps.products.imports.policies import PolicyResource
from apps.products.models.holdings import Payment, Policy
from apps.profiles.models import Identifier
from tests import factories
from tests.products.importing import AT, load, places

pytestmark = pytest.mark.django_db

HEADER = "reference,policy,kind,amount,currency,due_on,state,paid_on,because"
PREMIUM = "B-1,P-1,premium,1500.00,USD,2020-02-03,paid,2020-02-04,"
DUE = date(2020, 2, 3)


@pytest.fixture(autouse=True)
def policy():
    client = factories.client()
    Identifier.objects.create(client=client, kind="core_id", value="C-1")
    return factories.policy(client, factories.strategy(code="duo"), number="P-1")


def planned(policy, **fields):
    return Payment.objects.create(
        **{"policy": policy, "kind": "premium", "amount": 1500_00, "due_on": DUE, **fields}
    )


def bring(*lines):
    return load(PaymentResource, HEADER, *lines)


def rows():
    order = Payment.objects.order_by("pk")
    return list(order.values_list("reference", "kind", "amount", "state", "paid_on"))


def test_a_file_of_payments_lands_once():
    assert bring(PREMIUM).new == 1
    assert bring(PREMIUM).unchanged == 1
    assert rows() == [("B-1", "premium", 1500_00, "paid", date(2020, 2, 4))]
    told = Event.objects.order_by("pk").values_list("kind", flat=True)
    assert list(told) == ["payment.received", "policy.paid_in"]
    exported = PaymentResource().export().export("csv")
    assert ",1500,USD," in exported
    assert load(PaymentResource, *exported.splitlines()).unchanged == 1


def test_a_reference_settles_the_payment_that_waits_for_it(policy):
    waits, later = planned(policy), planned(policy, due_on=date(2020, 3, 3))
    bring(PREMIUM)
    assert [(row[0], row[3]) for row in rows()] == [("B-1", "paid"), ("", "planned")]
    assert Payment.objects.get(reference="B-1") == waits
    assert later.reference == ""


def test_what_nobody_else_has_named_goes_out_and_comes_in_by_our_own_name(policy):
    pk = planned(policy, kind="coupon").pk
    (row,) = PaymentResource().export().dict
    assert row["reference"] == f"T-{pk}"
    line = ",".join(row.values())
    assert bring(line).unchanged == 1
    assert bring(line.replace("planned,", "paid,2020-02-05")).changed == 1
    assert rows() == [("", "coupon", 1500_00, "paid", date(2020, 2, 5))]
    assert places(bring(line.replace(f"T-{pk}", "T-1"))) == [
        (2, "reference", "We have no payment of this name.")
    ]


def test_two_alike_settle_two(policy):
    planned(policy)
    planned(policy)
    bring(PREMIUM, PREMIUM.replace("B-1", "B-2"), PREMIUM.replace("B-1", "B-3"))
    assert [row[0] for row in rows()] == ["B-1", "B-2", "B-3"]


def test_a_coupon_is_settled_but_never_brought(policy):
    coupon = PREMIUM.replace("premium", "coupon")
    assert places(bring(coupon)) == [
        (2, "amount", "No open coupon of this amount is due on that day; it is counted here.")
    ]
    planned(policy, kind="coupon")
    assert bring(coupon).new == 1
    assert rows() == [("B-1", "coupon", 1500_00, "paid", date(2020, 2, 4))]


def test_a_payment_goes_from_state_to_state_but_not_back(policy):
    steps = [
        ("planned,,", ""),
        ("failed,,No money", "failed"),
        ("paid,2020-02-09,", "paid"),
        ("failed,,Came back", "failed"),
        ("cancelled,,Agreed", "cancelled"),
    ]
    for step, _state in steps:
        assert bring(f"B-1,P-1,premium,1500.00,USD,2020-02-03,{step}").ok
    assert rows() == [("B-1", "premium", 1500_00, "cancelled", None)]
    assert Payment.objects.get().because == "Agreed"
    assert places(bring(PREMIUM)) == [
        (2, "state", "It is cancelled, and does not become this any more.")
    ]


@pytest.mark.parametrize(
    ("good", "bad", "column", "reason"),
    [
        ("P-1", "P-9", "policy", "There is no policy “P-9” yet"),
        ("USD", "EUR", "currency", "P-1 is in USD."),
        ("1500.00", "1500.001", "amount", "finer than USD allows"),
        ("1500.00", "-1", "amount", "must be above 0"),
        ("2020-02-04", "", "paid_on", "Say on which day it was paid."),
        ("2020-02-04", "2020-06-09", "paid_on", "That day is still ahead."),
        ("paid,2020-02-04", "planned,2020-02-04", "paid_on", "Only what is paid"),
        ("paid,2020-02-04", "waived,", "state", "“waived” is not for a file to say."),
        ("premium", "correction", "amount", "No open correction"),
    ],
)
def test_a_bad_payment_is_refused_with_its_reason(good, bad, column, reason):
    fine = PREMIUM.replace("B-1", "B-2").replace("2020-02-03", "2020-02-05")
    ((line, where, why),) = places(bring(fine, PREMIUM.replace(good, bad, 1)))
    assert (line, where) == (3, column)
    assert reason in why
    assert rows() == []


def test_a_known_reference_never_names_another_payment():
    bring(PREMIUM)
    ((_line, where, why),) = places(bring(PREMIUM.replace("1500.00", "1600.00")))
    assert (where, why) == ("reference", "This reference already names another payment.")


HOLDINGS = "number,core_id,strategy,nominal,premium,currency,starts_on,ends_on"
POLICY = "P-2,C-1,duo,1500,1500,USD,2019-11-29,2020-11-30"
PLANNED = f"{HOLDINGS},state,issued_on,waiting_until,plan_amount,plan_frequency,plan_first_on,plan_last_on"
PLAN = f"{POLICY},active,2019-11-20,2019-12-04,500,quarterly,2019-12-02,2020-06-30"


def test_a_policy_comes_with_its_dates_and_its_plan_once():
    for _ in range(2):
        report = load(PolicyResource, PLANNED, PLAN)
        assert report.ok, report
    assert report.unchanged == 1
    assert [(row[2], row[3]) for row in rows()] == [(500_00, "planned")] * 3
    exported = PolicyResource().export().export("csv").splitlines()
    assert load(PolicyResource, *exported).unchanged == 2


def test_a_changed_plan_is_written_anew_and_a_changed_term_is_told():
    load(PolicyResource, PLANNED, PLAN)
    record_milestones(at=AT)
    load(
        PolicyResource, PLANNED, PLAN.replace(",500,", ",600,").replace("2020-11-30", "2020-12-31")
    )
    states = [(row[2], row[3]) for row in rows()]
    assert states == [(500_00, "cancelled")] * 3 + [(600_00, "planned")] * 3
    assert Event.objects.get(kind="policy.changed").properties["ends_on"] == "2020-12-31"
    record_milestones(at=AT)
    assert Event.objects.filter(kind="policy.issued", subject__endswith=f":{two().pk}").count() == 1


def two():
    return Policy.objects.get(number="P-2")


def test_what_was_applied_for_comes_into_force_by_a_file():
    load(PolicyResource, PLANNED, PLAN.replace("active", "applied"))
    assert two().state == "applied"
    assert load(PolicyResource, PLANNED, PLAN).changed == 1
    assert two().state == "active"
    back = load(PolicyResource, PLANNED, PLAN.replace("active", "applied"))
    assert [fault.column for fault in back.faults] == ["state"]


@pytest.mark.parametrize(
    ("good", "bad", "column"),
    [
        ("quarterly", "", "plan_frequency"),
        ("quarterly", "weekly", "plan_frequency"),
        ("2020-06-30", "2019-06-30", "plan_last_on"),
        ("monthly", "monthly", "plan_last_on"),
        ("active", "matured", "state"),
    ],
)
def test_a_bad_plan_is_refused(good, bad, column):
    plan = PLAN
    if good == "monthly":
        plan = PLAN.replace("quarterly", "monthly").replace("2020-06-30", "2099-06-30")
    report = load(PolicyResource, PLANNED, plan.replace(good, bad))
    assert [fault.column for fault in report.faults] == [column], report
    assert not Policy.objects.filter(number="P-2").exists()
