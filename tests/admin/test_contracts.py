"""Policies and their money in the back office: found, written as money, decided and told."""

import csv
from datetime import date
from io import StringIO

import pytest
from django.urls import reverse

from apps.core.admin.display import page_url
from apps.events.models import Event
from apps.messaging.models.outbox import Notice
from apps.products.actions.lifecycle import record_milestones
from apps.products.models.holdings import Payment, Policy, PolicyCoupon
from apps.products.models.lifecycle import Milestone, PaymentPlan
from apps.profiles.models import Client
from tests import factories
from tests.admin.scene import EVENING
from tests.admin.test_pages import address, staff_who_may


@pytest.fixture
def policy(clients):
    """One with a coupon of 25.00 of the observation of 28 February 2020."""
    return PolicyCoupon.objects.earliest("pk").policy


def text(client, url, **query):
    return client.get(url, query).content.decode()


def act(client, action, *rows):
    return client.post(
        address(Payment, "changelist"),
        {"action": action, "_selected_action": [row.pk for row in rows]},
        follow=True,
    ).content.decode()


def exported(client, model):
    response = client.post(address(model, "export"), {"format": "0", "resource": ""})
    return list(csv.DictReader(StringIO(response.content.decode("utf-8-sig"))))


def test_a_client_is_found_by_the_number_of_a_policy(admin_client, policy):
    for term, found in ((policy.number, 1), (policy.number.lower(), 1), ("P-nobody", 0)):
        page = admin_client.get(address(Client, "changelist"), {"q": term})
        assert page.context["cl"].result_count == found, term
    assert (
        policy.client
        in admin_client.get(address(Client, "changelist"), {"q": policy.number})
        .context["cl"]
        .result_list
    )


def test_subjects_are_shown_by_name(admin_client, policy):
    Notice.objects.update(subject=f"strategy:{policy.strategy_id}")
    page = text(admin_client, address(Notice, "changelist"))
    assert str(policy.strategy) in page
    assert f"strategy:{policy.strategy_id}" not in page


def test_the_page_of_a_policy_tells_its_life_and_its_money(admin_client, policy):
    record_milestones(at=EVENING)
    page = text(admin_client, page_url(policy))
    for said in (
        "Policy issued",
        "Coupon accrued: $25.00",
        "$900.00 → $1,000.00",
        "premium",
        "overdue",
    ):
        assert said in page, said
    assert "100000" not in page


def test_amounts_are_taken_and_shown_in_the_units_of_the_currency(admin_client, db):
    client, strategy = factories.client(), factories.strategy()
    form = {
        "number": "P-new", "client": client.pk, "strategy": strategy.pk, "state": "active",
        "nominal": "1500.00", "premium": "1510.25", "starts_on": "2020-01-02",
        "ends_on": "2020-11-30",
    }  # fmt: skip
    assert admin_client.post(address(Policy, "add"), form).status_code == 302
    policy = Policy.objects.get()
    assert (policy.nominal, policy.premium, policy.is_untold) == (1500_00, 1510_25, True)
    assert 'value="1510.25"' in text(admin_client, page_url(policy))
    refused = admin_client.post(
        address(Policy, "add"), {**form, "number": "P-2", "nominal": "1500.001"}
    ).content.decode()
    assert "It is finer than USD allows: at most 2 decimals." in refused
    refused = admin_client.post(
        address(Policy, "add"), {**form, "number": "P-2", "nominal": "1550"}
    ).content.decode()
    assert "The nominal is no multiple of one note, 100.00." in refused


def plan_form(policy, **plan):
    return {
        "premium": "1000.00", "waiting_until": "2019-12-12", "plans-TOTAL_FORMS": "1",
        "plans-INITIAL_FORMS": "0", "plans-0-policy": policy.pk, "plans-0-kind": "premium",
        "plans-0-amount": "500.50", "plans-0-frequency": "quarterly",
        "plans-0-first_on": "2020-03-31", "plans-0-last_on": "2020-09-30", **plan,
    }  # fmt: skip


def test_a_plan_becomes_payments_and_a_changed_date_is_told(admin_client, policy):
    record_milestones(at=EVENING)
    page = admin_client.post(page_url(policy), plan_form(policy), follow=True).content.decode()
    assert "3 payments are planned." in page
    written = Payment.objects.filter(plan=PaymentPlan.objects.get())
    assert set(written.values_list("amount", flat=True)) == {500_50}
    assert Event.objects.filter(kind="policy.changed").count() == 1
    assert Policy.objects.get(pk=policy.pk).is_untold


def test_payments_are_paid_failed_and_cancelled_from_the_list(admin_client, policy):
    coupon = policy.payments.get(kind="coupon")
    premium = policy.payments.get(kind="premium")
    assert "1 payment cancelled." in act(admin_client, "call_off", premium)
    assert "is not cancelled here" in act(admin_client, "call_off", coupon)
    assert "1 payment marked as paid." in act(admin_client, "mark_as_paid", coupon, premium)
    assert "1 payment marked as failed." in act(admin_client, "mark_as_failed", coupon)
    assert policy.payments.get(kind="premium").because == "By hand: admin"


def test_payments_and_coupons_go_out_in_the_units_of_the_currency(admin_client, policy):
    rows = {row["kind"]: row for row in exported(admin_client, Payment)}
    assert (rows["coupon"]["amount"], rows["coupon"]["currency"]) == ("25", "USD")
    row = exported(admin_client, PolicyCoupon)[0]
    assert (row["amount"], row["remembered"], row["currency"]) == ("25.00", "0.00", "USD")
    assert row["policy"].startswith("P-")


@pytest.mark.parametrize(
    ("query", "kinds"),
    [
        ({"direction": "in"}, {"premium"}),
        ({"direction": "out"}, {"coupon"}),
        ({"overdue": "yes", "kind__in": "premium"}, {"premium"}),
        ({"q": "P-nobody"}, set()),
    ],
)
def test_the_list_of_payments_is_searched_and_narrowed(admin_client, policy, query, kinds):
    page = admin_client.get(address(Payment, "changelist"), query)
    assert {row.kind for row in page.context["cl"].result_list} == kinds


def decide(client, policy, **said):
    return client.post(
        reverse("admin:products_policy_decide", args=[policy.pk]),
        {"kind": "withdrawal", "on": "2020-03-10", "nominal": "400.00", "amount": "390.10", **said},
        follow=True,
    ).content.decode()


def test_a_withdrawal_is_decided_on_a_page_of_its_own(admin_client, policy):
    do = address(Policy, "do", policy.pk, "decide")
    assert "Change the contract" in admin_client.post(do, follow=True).content.decode()
    page = decide(admin_client, policy)
    assert "$1,000.00 → $600.00" in page
    assert policy.payments.get(kind="withdrawal").amount == 390_10


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"on": "2020-02-20"}, "The coupon of 2020-02-28 is counted already"),
        ({"nominal": "400.005"}, "It is finer than USD allows"),
        ({"kind": "surrender"}, "A contract that ends keeps no part of its nominal."),
        ({"on": ""}, "This field is required."),
    ],
)
def test_a_decision_that_cannot_be_is_refused_on_its_page(admin_client, policy, said, reason):
    assert reason in decide(admin_client, policy, **said)
    assert not policy.payments.filter(kind="withdrawal").exists()


def test_what_was_applied_for_is_issued_by_a_deed(admin_client, policy):
    Policy.objects.filter(pk=policy.pk).update(state="applied")
    page = admin_client.post(address(Policy, "do", policy.pk, "issue_today"), follow=True)
    assert "The policy is in force." in page.content.decode()
    assert Policy.objects.get(pk=policy.pk).state == "active"


def test_decisions_need_the_right_to_change_policies(client, policy):
    client.force_login(staff_who_may("products.view_policy"))
    url = reverse("admin:products_policy_decide", args=[policy.pk])
    assert client.get(url).status_code == client.post(url, {}).status_code == 403


def test_days_ahead_are_changed_and_looked_at_again(admin_client, db):
    Milestone.objects.update(told_until=date(2020, 1, 1))
    near = Milestone.objects.get(kind="observation.near")
    admin_client.post(page_url(near), {"days": "14", "is_on": "on"})
    near.refresh_from_db()
    assert (near.days, near.told_until) == (14, None)
    refused = admin_client.post(page_url(near), {"days": "100", "is_on": "on"}).content.decode()
    assert "At most 92 days ahead." in refused
