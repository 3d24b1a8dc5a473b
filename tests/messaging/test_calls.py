"""Calls of advisers as a channel: one task a message, the gate before every call, what came of it."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model

from apps.advisers.actions.outcomes import Said as Told
from apps.advisers.actions.outcomes import note_outcome
from apps.advisers.actions.taking import TakingError, show_number, take
from apps.advisers.models import CallTask
from apps.messaging.actions import inbound
from apps.messaging.actions.called import heed_calls
from apps.messaging.actions.calling import objection, withdraw_refused
from apps.messaging.actions.cascades import follow_up
from apps.messaging.actions.delivery import deliver_due
from apps.messaging.actions.passing_on import PassingError
from apps.messaging.actions.planning import plan_messages
from apps.messaging.actions.stops import ask_release, release, stop
from apps.messaging.models.content import Template, TemplateVersion
from apps.messaging.models.frequency import Reservation
from apps.messaging.models.outbox import Message
from apps.messaging.models.providers import Provider
from apps.messaging.models.replies import Reply
from apps.messaging.models.sendings import CascadeStep
from apps.messaging.models.stops import Stop
from apps.profiles.actions.suppressions import suppress
from apps.profiles.models import Channel, Purpose
from tests import factories
from tests.messaging.world import DAY, fresh, noticed, planned

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
LONDON = {"time_zone": "Europe/London", "time_zone_source": "stated"}
ALL = [(purpose, channel) for purpose in Purpose for channel in (Channel.SMS, Channel.CALL)]


@pytest.fixture(autouse=True)
def words():
    """What advisers say; an SMS is followed by a call as soon as it has failed."""
    template = Template.objects.get(code="coupon.accrued")
    TemplateVersion.objects.create(
        template=template, channel=Channel.CALL, language="en", state="published",
        subject="Coupon of {{ strategy }}", body="Good day, {{ name }}: {{ amount }}.",
    )  # fmt: skip
    CascadeStep.objects.create(
        template=template, number=2, channel=Channel.CALL, within=timedelta(days=1)
    )


@pytest.fixture
def ada():
    return get_user_model().objects.create_user("Ada", password="secret", is_staff=True)


def called(client=None, *, at=DAY, code="coupon.accrued", **options):
    """Have a client's news told by a call: its SMS has failed."""
    client = client or factories.client(consents=ALL, **LONDON)
    (before,) = planned(client, at=at, code=code, **options)
    Message.objects.filter(pk=before.pk).update(state="failed", reason="No.", ended_at=at)
    message = Message.objects.create(
        notice=before.notice, number=2, channel=Channel.CALL, contact_point=before.contact_point,
        language="en", wording=TemplateVersion.objects.get(template__code=code, channel="call"),
        queued_at=at, send_after=at,
    )  # fmt: skip
    deliver_due(at=at, limit=10)
    return fresh(message)


def task_of(message):
    return CallTask.objects.select_related("client", "contact_point").get(key=str(message.key))


def in_hand(task, by, at=DAY):
    take(task.pk, by=by, at=at, ask=lambda each: objection(each, at=at))
    show_number(task.pk, by=by, at=at, ask=lambda each: objection(each, at=at))


def test_a_message_becomes_a_task_with_its_script_and_once_however_often_handed_over():
    message = called()
    task = task_of(message)
    assert message.state == "sent"
    assert task.contact_point.channel == Channel.SMS
    assert task.title == "Coupon of US Technology"
    assert task.script == "Good day, Test: $25.00."
    assert (task.source, task.about) == (f"message:{message.pk}", "strategy:5")
    assert task.expires_at == message.notice.deadline_at or message.notice.deadline_at is None
    Message.objects.filter(pk=message.pk).update(
        state="claimed", leased_until=DAY, carried_by=Provider.objects.get(name="advisers")
    )  # its sender died before he could note that the task is there
    deliver_due(at=DAY + HOUR, limit=10)
    assert (fresh(message).state, CallTask.objects.count()) == ("sent", 1)


@pytest.mark.parametrize(
    ("outcomes", "state", "reason"),
    [
        (["reached"], "delivered", ""),
        (["interested"], "delivered", ""),
        (["refused"], "delivered", ""),
        (["wrong_number"], "failed", "The number is not the client's."),
        (["no_answer"] * 3, "failed", "Nobody answered the calls."),
    ],
)
def test_what_came_of_a_call_comes_to_its_message_once(ada, outcomes, state, reason):
    message = called()
    for n, outcome in enumerate(outcomes):
        at = DAY + n * 2 * HOUR
        in_hand(task_of(message), ada, at=at)
        note_outcome(task_of(message).pk, Told(outcome), by=ada, at=at)
    assert [heed_calls(at=DAY + HOUR, limit=10) for _ in range(2)] == [1, 0]
    after = fresh(message)
    assert (after.state, after.reason) == (state, reason)
    assert bool(after.seen_at) == (state == "delivered")
    assert after.notice.state == ("done" if state == "delivered" else "failed")


def test_whom_nobody_reaches_by_phone_is_told_by_the_next_channel(ada):
    CascadeStep.objects.create(
        template=Template.objects.get(code="coupon.accrued"), number=3, channel=Channel.EMAIL,
        within=timedelta(days=5),
    )  # fmt: skip
    client = factories.client(consents=[*ALL, ("service", "email")], **LONDON)
    message = called(client)
    task = task_of(message)
    in_hand(task, ada)
    note_outcome(task.pk, Told("wrong_number"), by=ada, at=DAY)
    heed_calls(at=DAY, limit=10)
    follow_up(at=DAY, limit=10)
    last = Message.objects.get(notice=message.notice, number=3)
    assert (last.channel, last.state) == ("email", "queued")


def test_a_stop_that_comes_while_a_call_waits_takes_it_out_of_the_queue(ada):
    task = task_of(called())
    assert objection(task, at=DAY) is None
    suppress("sms", task.contact_point.address, reason="stop", source="reply:1", at=DAY)
    assert [withdraw_refused(at=DAY, limit=10)[0] for _ in range(2)] == [1, 0]
    with pytest.raises(TakingError, match="suppressed"):
        in_hand(task, ada)


@pytest.mark.parametrize("of_reply", [False, True])
def test_while_calls_are_stopped_nobody_sees_a_number_and_afterwards_he_does(ada, of_reply):
    task = task_of(called()) if not of_reply else asked_for()
    take(task.pk, by=ada, at=DAY, ask=lambda each: objection(each, at=DAY))
    stop("channel", "call", reason="A fault", by=ada, at=DAY)
    with pytest.raises(TakingError, match="topped"):
        show_number(task.pk, by=ada, at=DAY, ask=lambda each: objection(each, at=DAY))
    waiting = CallTask.objects.get(pk=task.pk)
    assert (waiting.state, waiting.shown_at) == ("open", None)
    assert withdraw_refused(at=DAY, limit=10)[0] == 0
    second = get_user_model().objects.create_user("Second")
    ask_release(Stop.objects.get().pk, by=ada, at=DAY)
    release(Stop.objects.get().pk, by=second, at=DAY)
    in_hand(task, ada, at=waiting.call_after)


@pytest.mark.parametrize("of_reply", [False, True])
def test_nobody_is_called_in_his_quiet_hours(ada, of_reply):
    task = task_of(called()) if not of_reply else asked_for()
    with pytest.raises(TakingError, match="quiet hours"):
        in_hand(task, ada, at=DAY.replace(hour=22))
    task.refresh_from_db()
    assert (task.state, task.call_after) == ("open", (DAY + timedelta(days=1)).replace(hour=9))


def test_who_has_heard_it_elsewhere_is_not_called(ada):
    message = called()
    Message.objects.filter(notice=message.notice, number=1).update(seen_at=DAY)
    assert withdraw_refused(at=DAY, limit=10)[0] == 1
    assert task_of(message).reason == "Another channel has reached him."


def test_who_was_told_later_in_another_channel_is_not_called_any_more(ada):
    message = called()
    before = Message.objects.filter(notice=message.notice, number=1)
    before.update(state="delivered", reason="", delivered_at=DAY, ended_at=None)
    assert withdraw_refused(at=DAY, limit=10)[0] == 0  # the call is for who did not look at it
    before.update(number=3)
    assert withdraw_refused(at=DAY, limit=10)[0] == 1


def offer_by_call():
    template = Template.objects.create(
        code="offer.call", name="An offer", purpose=Purpose.MARKETING, kind="offer"
    )
    for channel in (Channel.SMS, Channel.CALL):
        TemplateVersion.objects.create(
            template=template, channel=channel, language="en", state="published", body="Offer"
        )
    CascadeStep.objects.create(
        template=template, number=2, channel=Channel.CALL, within=timedelta(days=1)
    )


def test_an_offer_by_call_is_the_offer_of_its_day(ada):
    offer_by_call()
    client = factories.client(consents=ALL, **LONDON)
    message = called(client, code="offer.call")
    assert message.state == "sent"
    second = noticed(client, "offer.call", key="second")
    plan_messages(at=DAY, limit=10)
    second.refresh_from_db()
    assert (second.state, second.reason) == ("skipped", "day_taken")
    in_hand(task_of(message), ada)  # its own day is no obstacle
    note_outcome(task_of(message).pk, Told("reached"), by=ada, at=DAY)
    heed_calls(at=DAY, limit=10)
    third = noticed(client, "offer.call", key="third")
    plan_messages(at=DAY + HOUR, limit=10)
    third.refresh_from_db()
    assert third.reason == "day_taken"


def test_an_offer_that_is_called_on_another_day_takes_that_day(ada):
    offer_by_call()
    client = factories.client(consents=ALL, **LONDON)
    message = called(client, code="offer.call")
    tomorrow = DAY + timedelta(days=1)
    in_hand(task_of(message), ada, at=tomorrow)
    assert Reservation.objects.get().day == tomorrow.date()


def test_an_offer_waits_for_a_day_without_another(ada):
    offer_by_call()
    client = factories.client(consents=ALL, **LONDON)
    message = called(client, code="offer.call")
    tomorrow = DAY + timedelta(days=1)
    noticed(client, "offer.call", key="second", at=tomorrow)
    plan_messages(at=tomorrow, limit=10)
    Message.objects.filter(notice__dedupe_key="second").update(state="sent", sent_at=tomorrow)
    with pytest.raises(TakingError, match="one offer a day"):
        in_hand(task_of(message), ada, at=tomorrow)
    assert task_of(message).state == "open"


def test_a_complaint_on_the_phone_comes_to_the_desk_of_replies_once(ada):
    task = task_of(called())
    in_hand(task, ada)
    note_outcome(task.pk, Told("complaint", note="He is angry."), by=ada, at=DAY)
    heed_calls(at=DAY, limit=10)
    reply = Reply.objects.get()
    assert (reply.channel, reply.meaning, reply.state) == ("call", "complaint", "open")
    assert (reply.text, reply.client) == ("He is angry.", task.client)


def asked_for(text="Please call me", *, at_once=True, **fields):
    """Have a client ask for a call by SMS."""
    Provider.objects.filter(name="advisers").update(options={"replies_at_once": at_once})
    client = factories.client(consents=[], **{**LONDON, **fields})
    sender = client.contact_points.get(channel="sms").address
    inbound.receive("gateway", "sms", [inbound.Said(sender, text, f"in-{client.pk}")], at=DAY)
    task = CallTask.objects.filter(client=client).first()
    return task or Reply.objects.get(client=client)


def test_who_asks_for_a_call_is_called_without_anybodys_help_where_the_rule_says_so():
    task = asked_for()
    assert (task.asked, task.purpose, task.priority) == ("Please call me", "", 200)
    assert task.due_at == DAY + 2 * HOUR
    assert objection(task, at=DAY) is None
    reply = Reply.objects.get()
    assert (reply.state, reply.outcome) == ("settled", "passed_on")


def test_one_click_makes_one_call_of_a_reply(ada):
    reply = asked_for(at_once=False)
    for _ in range(2):
        inbound.settle_reply(reply.pk, "passed_on", note="", by=ada, at=DAY)
    assert CallTask.objects.get().key == f"reply:{reply.pk}"


def test_a_reply_of_nobody_stays_with_who_reads_it(ada):
    inbound.receive("gateway", "sms", [inbound.Said("+447700900999", "call me", "x")], at=DAY)
    reply = Reply.objects.get()
    with pytest.raises(PassingError, match="nobody to call"):
        inbound.settle_reply(reply.pk, "passed_on", note="", by=ada, at=DAY)
    reply.refresh_from_db()
    assert reply.state == "open"


def test_a_template_may_ask_for_a_call_first_and_then_it_goes_to_the_clients_phone():
    Template.objects.filter(code="coupon.accrued").update(channels=["call", "sms"])
    client = factories.client(consents=ALL, **LONDON)
    (message,) = planned(client)
    assert (message.channel, message.contact_point.channel) == ("call", "sms")
    other = factories.client(consents=[("service", "sms")], **LONDON)
    assert [each.channel for each in planned(other)] == ["sms"]


def test_a_step_of_the_cascade_asks_for_a_call_where_an_sms_has_failed():
    (message,) = planned(factories.client(consents=ALL, preferred_channel="sms", **LONDON))
    assert message.channel == "sms"  # of itself nobody is called
    Message.objects.filter(pk=message.pk).update(
        state="failed", reason="No.", ended_at=DAY, follow_at=DAY
    )
    assert [follow_up(at=DAY, limit=10) for _ in range(2)] == [1, 0]
    second = Message.objects.get(notice=message.notice, number=2)
    assert (second.channel, second.contact_point) == ("call", message.contact_point)
