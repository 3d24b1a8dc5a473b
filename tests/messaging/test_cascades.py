"""The next channel: after a failure, in time, or all in turn for an alert; never a second notice."""

from datetime import timedelta

import pytest

from apps.messaging.actions.cascades import follow_up
from apps.messaging.actions.delivery import deliver_due
from apps.messaging.models.content import Template
from apps.messaging.models.outbox import Message
from apps.messaging.models.sendings import CascadeStep
from apps.messaging.queries.reasons import why
from apps.profiles.actions.suppressions import suppress
from apps.profiles.models import Purpose
from tests import factories
from tests.messaging.world import DAY, fresh, planned

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def cascade():
    """After an hour without a receipt, an e-mail."""
    template = Template.objects.get(code="coupon.accrued")
    return CascadeStep.objects.create(template=template, number=2, channel="email", within=HOUR)


def attempts(message):
    rows = Message.objects.filter(notice=message.notice).order_by("number")
    return list(rows.values_list("number", "channel", "state"))


def test_a_refused_sms_is_followed_by_an_email_at_once_and_only_once(gateway, inbox):
    gateway.answers = [400]
    (message,) = planned(factories.client())
    deliver_due(at=DAY, limit=10)
    assert [follow_up(at=DAY, limit=10) for _ in range(2)] == [1, 0]
    deliver_due(at=DAY, limit=10)
    assert attempts(message) == [(1, "sms", "failed"), (2, "email", "sent")]
    message.notice.refresh_from_db()
    assert (message.notice.state, len(inbox.letters)) == ("done", 1)


@pytest.mark.parametrize("barred", ["withdrawn", "suppressed", "bounced"])
def test_what_may_not_go_out_any_more_is_told_in_the_next_channel_and_only_once(
    barred, gateway, inbox
):
    (message,) = planned(factories.client())
    point = message.contact_point
    if barred == "withdrawn":
        factories.consent(message.notice.client, Purpose.SERVICE, "sms", granted=False, at=DAY)
    elif barred == "suppressed":
        suppress("sms", point.address, reason="stop", source="inbound SMS", at=DAY)
    else:
        type(point).objects.filter(pk=point.pk).update(state="bounced")
    deliver_due(at=DAY, limit=10)
    assert [follow_up(at=DAY, limit=10) for _ in range(2)] == [1, 0]
    deliver_due(at=DAY, limit=10)
    assert attempts(message) == [(1, "sms", "skipped"), (2, "email", "sent")]
    assert (len(gateway.requests), len(inbox.letters)) == (0, 1)
    notice = fresh(message).notice
    assert (notice.state, notice.reason) == ("done", "")
    assert why(notice, notice.verdicts.all()) == "May be told by e-mail."


def test_another_number_of_his_comes_before_another_channel(gateway, inbox):
    (message,) = planned(factories.client())
    message.notice.client.contact_points.create(channel="sms", address="+447700900999")
    suppress("sms", message.contact_point.address, reason="stop", source="x", at=DAY)
    deliver_due(at=DAY, limit=10)
    follow_up(at=DAY, limit=10)
    deliver_due(at=DAY, limit=10)
    assert attempts(message) == [(1, "sms", "skipped"), (2, "sms", "sent")]


def test_what_is_old_news_in_every_channel_is_followed_by_nothing(gateway, inbox):
    (message,) = planned(factories.client(), deadline_at=DAY)
    deliver_due(at=DAY + HOUR, limit=10)
    assert follow_up(at=DAY + HOUR, limit=10) == 0
    assert attempts(message) == [(1, "sms", "skipped")]


def test_when_every_channel_has_failed_the_notice_has(gateway, inbox):
    gateway.answers = [400]
    (message,) = planned(factories.client())
    inbox.refusals = {
        point.address: "550 no such user"
        for point in message.notice.client.contact_points.filter(channel="email")
    }
    for _ in range(3):
        deliver_due(at=DAY, limit=10)
        follow_up(at=DAY, limit=10)
    assert attempts(message) == [(1, "sms", "failed"), (2, "email", "failed")]
    message.notice.refresh_from_db()
    assert message.notice.state == "failed"


@pytest.mark.parametrize(
    ("unless", "moments", "follows"),
    [
        ("delivered", {}, True),
        ("delivered", {"delivered_at": DAY}, False),
        ("delivered", {"seen_at": DAY}, False),
        ("seen", {"delivered_at": DAY}, True),
        ("seen", {"seen_at": DAY}, False),
    ],
)
def test_what_did_not_arrive_in_time_is_told_in_the_next_channel(
    gateway, inbox, cascade, unless, moments, follows
):
    CascadeStep.objects.update(unless=unless)
    (message,) = planned(factories.client())
    deliver_due(at=DAY, limit=10)
    Message.objects.filter(pk=message.pk).update(**moments)
    assert follow_up(at=DAY + HOUR - timedelta(seconds=1), limit=10) == 0
    assert follow_up(at=DAY + HOUR, limit=10) == 1
    assert len(attempts(message)) == 1 + follows


@pytest.mark.parametrize(
    ("unless", "came", "then"),
    [
        ("delivered", {"delivered_at": DAY}, "skipped"),
        ("seen", {"delivered_at": DAY}, "sent"),
        ("seen", {"seen_at": DAY}, "skipped"),
    ],
)
def test_what_waits_is_spared_when_a_late_receipt_says_that_the_first_arrived(
    gateway, inbox, cascade, unless, came, then
):
    CascadeStep.objects.update(unless=unless)
    (message,) = planned(factories.client())
    deliver_due(at=DAY, limit=10)
    follow_up(at=DAY + HOUR, limit=10)
    Message.objects.filter(pk=message.pk).update(**came)
    follow_up(at=DAY + HOUR, limit=10)
    deliver_due(at=DAY + HOUR, limit=10)
    assert attempts(message) == [(1, "sms", "sent"), (2, "email", then)]


def test_an_alert_goes_out_in_every_channel_in_turn_until_one_is_confirmed(gateway, inbox):
    Template.objects.filter(code="coupon.accrued").update(kind="security")
    first, second = planned(factories.client(), factories.client())
    deliver_due(at=DAY, limit=10)
    Message.objects.filter(pk=second.pk).update(delivered_at=DAY)
    follow_up(at=DAY + timedelta(minutes=1), limit=10)
    deliver_due(at=DAY + timedelta(minutes=1), limit=10)
    assert attempts(first) == [(1, "sms", "sent"), (2, "email", "sent")]
    assert len(attempts(second)) == 1


def test_an_alert_does_not_wait_for_a_provider_that_is_down(gateway, inbox):
    Template.objects.filter(code="coupon.accrued").update(kind="security")
    gateway.answers = [503]
    (message,) = planned(factories.client())
    deliver_due(at=DAY, limit=10)
    follow_up(at=DAY + timedelta(seconds=20), limit=10)
    assert attempts(message) == [(1, "sms", "queued"), (2, "email", "queued")]
    deliver_due(at=DAY + timedelta(seconds=20), limit=10)
    Message.objects.filter(notice=message.notice, number=2).update(delivered_at=DAY)
    follow_up(at=DAY + timedelta(seconds=30), limit=10)
    assert attempts(message) == [(1, "sms", "skipped"), (2, "email", "sent")]


@pytest.mark.parametrize("fails", [True, False])
def test_what_a_late_receipt_says_has_arrived_is_not_told_in_a_third_channel(
    fails, gateway, inbox, cascade
):
    """The one that followed came to nothing, and is not needed any more."""
    client = factories.client()
    client.contact_points.create(channel="sms", address="+447700900999")
    CascadeStep.objects.create(template=cascade.template, number=3, channel="sms", within=HOUR)
    (message,) = planned(client)
    deliver_due(at=DAY, limit=10)
    follow_up(at=DAY + HOUR, limit=10)
    if fails:
        inbox.refusals = {client.contact_points.get(channel="email").address: "550 no such user"}
    else:
        factories.consent(client, Purpose.SERVICE, "email", granted=False, at=DAY)
    deliver_due(at=DAY + HOUR, limit=10)
    suppress("sms", message.contact_point.address, reason="stop", source="x", at=DAY)
    Message.objects.filter(pk=message.pk).update(delivered_at=DAY + HOUR, state="delivered")
    assert follow_up(at=DAY + HOUR, limit=10) == 1
    then = "failed" if fails else "skipped"
    assert attempts(message) == [(1, "sms", "delivered"), (2, "email", then)]


def test_a_step_into_a_channel_that_nobody_carries_leaves_the_notice_failed(
    gateway, inbox, cascade
):
    """Else it would be planned for good, and nobody would see that the client was not told."""
    CascadeStep.objects.update(channel="messenger")
    client = factories.client(consents=[("service", "sms"), ("service", "messenger")])
    client.contact_points.create(channel="messenger", address="telegram:1", state="valid")
    gateway.answers = [400]
    (message,) = planned(client)
    deliver_due(at=DAY, limit=10)
    follow_up(at=DAY, limit=10)
    assert attempts(message) == [(1, "sms", "failed")]
    assert fresh(message).notice.state == "failed"
