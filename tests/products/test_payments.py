"""Money moves once from state to state, and the timeline says so."""

from datetime import UTC, date, datetime, timedelta

import pytest

from apps.events.models import Event
from apps.products.actions.payments import cancel, mark_failed, mark_paid
from apps.products.models.holdings import Payment
from tests import factories

pytestmark = pytest.mark.django_db

DUE = date(2020, 3, 6)
AT = datetime(2020, 3, 6, 12, tzinfo=UTC)


def payment(**fields):
    policy = factories.policy(factories.client(), factories.strategy())
    return Payment.objects.create(
        **{"policy": policy, "kind": "premium", "amount": 1000_00, "due_on": DUE, **fields}
    )


def state(row):
    row.refresh_from_db()
    return row.state, row.paid_on, row.because


def told():
    return list(Event.objects.order_by("pk").values_list("kind", flat=True))


def test_a_planned_payment_is_paid_once():
    row = payment()
    assert mark_paid([row.pk], on=DUE, at=AT) == 1
    assert mark_paid([row.pk], on=DUE + timedelta(1), at=AT + timedelta(1)) == 0
    assert state(row) == ("paid", DUE, "")
    assert told() == ["payment.received", "policy.paid_in"]


def test_what_goes_to_the_client_is_paid_and_what_comes_from_him_received():
    mark_paid([payment(kind="coupon").pk, payment(kind="top_up").pk], on=DUE, at=AT)
    assert told() == ["payment.paid", "payment.received"]
    assert Event.objects.earliest("pk").properties == {
        "payment": Payment.objects.earliest("pk").pk, "policy": Payment.objects.earliest("pk").policy_id,
        "strategy": Payment.objects.earliest("pk").policy.strategy_id, "kind": "coupon",
        "amount": 1000_00, "currency": "USD", "due_on": "2020-03-06", "on": "2020-03-06",
        "because": "",
    }  # fmt: skip


def test_a_second_premium_does_not_pay_in_again():
    first = payment()
    second = Payment.objects.create(policy=first.policy, kind="premium", amount=1, due_on=DUE)
    mark_paid([first.pk], on=DUE, at=AT)
    mark_paid([second.pk], on=DUE + timedelta(9), at=AT + timedelta(9))
    assert told().count("policy.paid_in") == 1


def test_what_was_paid_days_ago_is_told_with_its_own_day():
    mark_paid([payment().pk], on=DUE - timedelta(20), at=AT)
    assert {event.occurred_at.date() for event in Event.objects.all()} == {date(2020, 2, 15)}


def test_a_payment_fails_and_is_made_good():
    row = payment(kind="coupon")
    mark_paid([row.pk], on=DUE, at=AT)
    assert mark_failed([row.pk], because="The account is closed.", on=DUE, at=AT) == 1
    assert mark_failed([row.pk], because="Again.", on=DUE, at=AT) == 0
    assert state(row) == ("failed", None, "The account is closed.")
    later = DUE + timedelta(3)
    assert mark_paid([row.pk], on=later, at=AT + timedelta(3)) == 1
    assert state(row) == ("paid", later, "")
    assert told() == ["payment.paid", "payment.failed", "payment.paid"]


def test_an_open_payment_is_cancelled_once_and_a_paid_one_never():
    row, paid = payment(), payment()
    mark_paid([paid.pk], on=DUE, at=AT)
    both = [row.pk, paid.pk]
    assert cancel(both, because="Agreed by phone.", on=DUE, at=AT) == 1
    assert cancel(both, because="Again.", on=DUE, at=AT) == 0
    assert mark_paid([row.pk], on=DUE, at=AT) == 0
    assert state(row) == ("cancelled", None, "Agreed by phone.")
