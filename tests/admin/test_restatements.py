"""A restatement in the back office: judged before, carried out by a second person, told after."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse

from apps.messaging.actions import delivery
from apps.messaging.actions.corrections import correct_news
from apps.messaging.actions.planning import plan_messages
from apps.messaging.actions.routing import queue_notices
from apps.messaging.models.outbox import Notice
from apps.products.actions.evaluation import evaluate_due
from apps.products.actions.payments import mark_paid
from apps.products.actions.quotes import QuoteRow, confirm_quotes, record_quotes
from apps.products.actions.restatement import restate_due
from apps.products.models.holdings import Payment
from apps.products.models.markets import CorporateAction, Quote
from apps.products.models.restatements import Restatement
from apps.products.models.strategies import ObservationResult, Strategy
from tests import factories
from tests.messaging.world import DAY, by_sms
from tests.products.observing import FIRST, closes, evening
from tests.products.restating import person

pytestmark = pytest.mark.django_db


@pytest.fixture
def policy():
    """A policy whose first coupon was paid and told."""
    strategy = factories.strategy(name="US Technology")
    held = factories.policy(by_sms(), strategy, entered_on=None)
    closes(FIRST)
    evaluate_due(at=evening(FIRST))
    mark_paid([payment.pk for payment in Payment.objects.all()], on=FIRST, at=DAY)
    return held


def proposed(close="74"):
    record_quotes([QuoteRow("IBM", FIRST, Decimal(close))], source="correction", at=DAY)
    return Quote.objects.get(state="held")


def page(client, row):
    meta = row._meta
    return client.get(reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[row.pk]))


def do(client, row, deed):
    meta = row._meta
    url = reverse(f"admin:{meta.app_label}_{meta.model_name}_do", args=[row.pk, deed])
    return client.post(url, follow=True).content.decode()


def choose(client, model, action, *rows):
    url = reverse(f"admin:products_{model}_changelist")
    chosen = {"action": action, "_selected_action": [row.pk for row in rows]}
    return client.post(url, chosen, follow=True).content.decode()


def test_a_proposed_close_shows_what_confirming_would_change(admin_client, policy):
    quote = proposed()
    said = "1 strategy, 1 observation, 1 policy, −$25.00"
    assert said in page(admin_client, quote).content.decode()
    assert said in choose(admin_client, "quote", "foresee", quote)
    assert ObservationResult.objects.count() == 1
    choose(admin_client, "quote", "confirm", quote)
    assert Restatement.objects.get().state == "queued"


def test_the_restatement_and_its_difference_list_say_before_and_after(admin_client, policy):
    quote = proposed()
    confirm_quotes([quote.pk], by=person(), at=DAY)
    restate_due(at=DAY)
    shown = page(admin_client, Restatement.objects.get()).content.decode()
    assert "−$25.00" in shown
    url = reverse("admin:products_correction_changelist")
    lines = admin_client.get(url, {"q": policy.number}).content.decode()
    assert policy.number in lines
    assert "−$25.00" in lines
    assert policy.number not in admin_client.get(url, {"q": "nobody"}).content.decode()
    exported = admin_client.post(
        reverse("admin:products_correction_export"), {"format": "0", "resource": ""}
    )
    assert exported.status_code == 200


def test_an_overpayment_is_left_or_asked_back_by_a_person(admin_client, policy):
    quote = proposed()
    confirm_quotes([quote.pk], by=person(), at=DAY)
    restate_due(at=DAY)
    held = Payment.objects.get(state="held")
    start = admin_client.get(reverse("admin:index")).content.decode()
    assert "Overpayments that wait for a decision" in start
    assert "1 payment decided on." in do(admin_client, held, "leave_to_client")
    held.refresh_from_db()
    assert held.state == "waived"
    assert "nothing to do" in do(admin_client, held, "ask_back_from_client")


def test_corrections_are_shown_as_they_would_be_sent_and_approved(admin_client, policy, gateway):
    queue_notices(at=DAY, limit=10)
    plan_messages(at=DAY, limit=10)
    delivery.deliver_due(at=DAY, limit=10)
    quote = proposed()
    confirm_quotes([quote.pk], by=person(), at=DAY)
    restate_due(at=DAY)
    correct_news(at=DAY, limit=10)
    restatement = Restatement.objects.get()
    start = admin_client.get(reverse("admin:index")).content.decode()
    assert "Corrections that wait for approval" in start
    shown = page(admin_client, restatement).content.decode()
    assert "we told you a coupon of $25.00; correct is $25.00 remembered" in shown
    assert "1 correction goes out." in do(admin_client, restatement, "approve_all")
    assert Notice.objects.get(template__code="result.corrected").state == "queued"


def test_who_confirmed_the_close_cannot_approve_its_corrections(admin_client, policy, gateway):
    queue_notices(at=DAY, limit=10)
    plan_messages(at=DAY, limit=10)
    delivery.deliver_due(at=DAY, limit=10)
    quote = proposed()
    confirm_quotes([quote.pk], by=get_user_model().objects.get(username="admin"), at=DAY)
    restate_due(at=DAY)
    correct_news(at=DAY, limit=10)
    answer = do(admin_client, Restatement.objects.get(), "approve_all")
    assert "somebody else must decide" in answer
    assert Notice.objects.filter(state="drafted").exists()


def test_a_corporate_action_entered_late_waits_for_a_second_person(admin_client, client, policy):
    answer = admin_client.post(
        reverse("admin:products_corporateaction_add"),
        {
            "underlying": factories.underlying("IBM").pk, "kind": "split", "ex_on": "2020-02-01",
            "ratio": "0.5", "source": "notice",
        },
        follow=True,
    )  # fmt: skip
    assert "waits for a second person" in answer.content.decode()
    restatement = Restatement.objects.get()
    assert (restatement.state, restatement.trigger) == ("proposed", "corporate_action")
    assert "1 strategy, 1 observation, 1 policy" in page(admin_client, restatement).content.decode()
    assert "second person must confirm" in do(admin_client, restatement, "confirm")
    second = get_user_model().objects.create_superuser("boss")
    client.force_login(second)
    do(client, restatement, "confirm")
    restatement.refresh_from_db()
    assert (restatement.state, restatement.decided_by) == ("queued", second)
    assert restate_due(at=DAY) == 1
    assert ObservationResult.objects.get(superseded_by=None).outcome == "SAVED"
    CorporateAction.objects.get()


def test_a_wrong_term_is_restated_from_an_observation_on(admin_client, policy):
    Strategy.objects.update(coupon_rate=Decimal("0.03"))
    observation = policy.strategy.observations.get(number=1)
    answer = do(admin_client, observation, "restate_from_here")
    assert "1 strategy, 1 observation, 1 policy, +$5.00" in answer


def test_a_rejected_restatement_changes_nothing(admin_client, policy):
    CorporateAction.objects.create(
        underlying=factories.underlying("IBM"), kind="split", ex_on=FIRST - timedelta(days=9),
        ratio=Decimal("0.5"), source="notice",
    )  # fmt: skip
    action = CorporateAction.objects.get()
    admin_client.post(
        reverse("admin:products_corporateaction_delete", args=[action.pk]), {"post": "yes"}
    )
    restatement = Restatement.objects.get()
    do(admin_client, restatement, "reject")
    restatement.refresh_from_db()
    assert restatement.state == "rejected"
    assert restate_due(at=DAY) == 0


def test_late_policies_stand_on_the_start_page_and_are_evaluated_by_one_action(
    admin_client, policy
):
    late = factories.policy(by_sms(), policy.strategy)
    start = admin_client.get(reverse("admin:index")).content.decode()
    assert "Policies that came after their observation" in start
    listed = admin_client.get(reverse("admin:products_policy_changelist"), {"late": "1"})
    assert late.number in listed.content.decode()
    assert policy.number not in listed.content.decode()
    assert "1 late coupon written." in choose(admin_client, "policy", "evaluate_late", late)
    assert late.coupons.get().amount == 25_00
    start = admin_client.get(reverse("admin:index")).content.decode()
    assert "Policies that came after their observation" not in start
