"""What people answer: STOP takes effect in one transaction, the rest waits for a person."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connection, transaction
from django.urls import reverse

from apps.events.models import Event
from apps.messaging.actions.delivery import deliver_due
from apps.messaging.actions.inbound import Said, finish_stops, receive, settle_reply
from apps.messaging.models.outbox import Message
from apps.messaging.models.replies import Reply
from apps.profiles.actions.locks import lock_clients
from apps.profiles.models import Channel, Client, ConsentRecord, ContactPoint, Purpose, Suppression
from apps.profiles.queries.consents import consents
from tests import factories
from tests.messaging.world import DAY, fresh, planned

pytestmark = pytest.mark.django_db
PHONE = "+447700900123"


def owner(phone=PHONE, **fields):
    made = factories.client(**fields)
    made.contact_points.filter(channel=Channel.SMS).update(address=phone)
    return made


def said(text, number="in-1", sender=PHONE):
    receive("gateway", "sms", [Said(sender, text, number)], at=DAY)
    return Reply.objects.get(provider_id=number)


def agreed(client, channel=Channel.SMS):
    return {
        purpose
        for purpose in Purpose.values
        if (client.pk, channel) in consents([client.pk], purpose)
    }


def test_a_stop_stops_the_address_and_withdraws_what_was_agreed():
    client = owner(consents=[(each, Channel.SMS) for each in Purpose] + [("service", "email")])
    reply = said("СТ0П.", sender=PHONE[1:])
    assert (reply.meaning, reply.state, reply.outcome) == ("stop", "settled", "stopped")
    assert reply.client == client
    assert reply.sender == PHONE
    assert agreed(client) == set()
    assert agreed(client, Channel.EMAIL) == {"service"}
    assert Suppression.objects.get().source == f"reply:{reply.pk}"
    assert Event.objects.get().properties == {
        "reply": reply.pk,
        "channel": "sms",
        "meaning": "stop",
    }


def test_after_a_stop_what_was_planned_is_not_sent(gateway):
    (message,) = planned(owner(consents=[(Purpose.SERVICE, Channel.SMS)]))
    said("stop")
    deliver_due(at=DAY, limit=10)
    assert fresh(message).state == "skipped"
    assert gateway.requests == []


def test_a_stop_counts_for_all_who_share_the_phone_and_for_nobody_known():
    both = [owner(), owner()]
    reply = said("wypisz mnie")
    assert reply.client is None
    assert [agreed(each) for each in both] == [set(), set()]
    assert Event.objects.count() == 2
    assert said("STOP", "in-2", "+48500100200").client is None
    assert Suppression.objects.count() == 2


def test_the_same_reply_twice_is_one():
    owner()
    assert receive("gateway", "sms", [Said(PHONE, "stop", "in-1")] * 2, at=DAY) == 1
    assert receive("gateway", "sms", [Said(PHONE, "stop", "in-1")], at=DAY) == 0
    assert ConsentRecord.objects.filter(granted=False).count() == 1


def again(text, minutes=0, sender=PHONE, provider="smsc"):
    return receive(provider, "sms", [Said(sender, text)], at=DAY + timedelta(minutes=minutes))


def test_what_a_centre_brings_again_is_one_reply_that_says_so(admin_user):
    owner()
    assert [again("call me"), again("call me", 1), again("call me", 9)] == [1, 0, 0]
    reply = Reply.objects.get()
    assert (reply.times, reply.again_at) == (3, DAY + timedelta(minutes=9))
    assert Event.objects.count() == 1
    others = [
        again("Call me?", 9),
        again("call me", 9, "+447700900124"),
        again("call me", 9, provider="x"),
    ]
    assert others == [1, 1, 1]
    assert again("call me", 10) == 1  # it is his second message by now
    Reply.objects.filter(pk=reply.pk).update(received_at=DAY + timedelta(minutes=5))
    newest = Reply.objects.latest("pk")
    for one in (reply, newest):
        settle_reply(one.pk, "answered", note="", by=admin_user, at=DAY + timedelta(minutes=11))
    assert again("call me", 12) == 1, "what a person has settled is not what he says now"


def test_a_stop_that_comes_again_stops_again_whatever_was_said_between():
    owner()
    assert [again("STOP"), again("START", 1)] == [1, 1]
    Suppression.objects.update(lifted_at=DAY + timedelta(minutes=2))
    assert again("STOP", 3) == 0
    assert Suppression.objects.filter(lifted_at=None).count() == 1


def test_a_start_grants_nothing_and_lifts_nothing():
    client = owner()
    said("stop")
    reply = said("START", "in-2")
    assert (reply.meaning, reply.state) == ("start", "open")
    assert agreed(client) == set()
    assert Suppression.objects.get().lifted_at is None


@pytest.mark.parametrize(
    ("text", "understood"),
    [("call me", "call"), ("Please do not stop!", "text"), ("это спам", "complaint")],
)
def test_the_rest_waits_for_a_person(text, understood):
    client = owner()
    reply = said(text)
    assert (reply.meaning, reply.state) == (understood, "open")
    assert agreed(client) == {"service"}


def test_a_sender_that_is_nobodys_address_stops_nobody():
    reply = said("STOP", sender="BANK")
    assert (reply.sender, reply.state) == ("BANK", "open")
    assert finish_stops(at=DAY) == 0
    assert not Suppression.objects.exists()


def test_those_who_are_nobodys_address_hold_up_none_of_the_others():
    client = owner()
    Reply.objects.bulk_create(
        Reply(channel="sms", sender="BANK", text="STOP", provider="sms", provider_id=f"bank-{n}",
              meaning="stop", received_at=DAY)
        for n in range(1_001)
    )  # fmt: skip
    Reply.objects.filter(pk=said("stop", "in-2").pk).update(
        state="open", outcome="", settled_at=None
    )
    assert finish_stops(at=DAY) == 1
    assert agreed(client) == set()


def test_a_person_settles_a_reply_once_and_may_hear_a_stop_in_it(admin_user):
    client = owner()
    reply = said("I have no more interest in these")
    assert settle_reply(reply.pk, "stopped", note="clear enough", by=admin_user, at=DAY)
    assert not settle_reply(reply.pk, "nothing", note="", by=admin_user, at=DAY)
    reply.refresh_from_db()
    assert (reply.outcome, reply.note, reply.settled_by) == ("stopped", "clear enough", admin_user)
    assert agreed(client) == set()


def test_the_desk_settles_a_reply_on_its_page(admin_client, admin_user):
    reply = said("call me tomorrow")
    page = reverse("admin:messaging_reply_change", args=[reply.pk])
    assert admin_client.post(page, {"outcome": "", "note": ""}).status_code == 200
    admin_client.post(page, {"outcome": "called", "note": "at ten"})
    reply.refresh_from_db()
    assert (reply.state, reply.outcome, reply.settled_by) == ("settled", "called", admin_user)
    assert "at ten" in admin_client.get(page).content.decode()
    assert "Replies that wait" not in admin_client.get(reverse("admin:index")).content.decode()


def test_a_reply_stands_above_what_it_may_answer(admin_client):
    (message,) = planned(owner())
    Message.objects.filter(pk=message.pk).update(
        sent_at=DAY - timedelta(hours=1), body="Your coupon is accrued."
    )
    page = reverse("admin:messaging_reply_change", args=[said("How much?").pk])
    shown = admin_client.get(page).content.decode()
    assert shown.index("How much?") < shown.index("Your coupon is accrued.")


def test_a_removed_address_is_not_its_clients_any_more():
    owner().contact_points.update(state=ContactPoint.State.REMOVED)
    assert said("hello").client is None


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_a_stop_does_not_wait_for_a_file_that_lands():
    client, held, done = owner(), Barrier(2), Barrier(2)

    def land():
        with transaction.atomic():
            lock_clients([client.pk])
            held.wait(30)
            done.wait(30)
        connection.close()

    with ThreadPoolExecutor(1) as pool:
        landing = pool.submit(land)
        held.wait(30)
        reply = said("stop")
        assert Suppression.objects.count() == 1
        assert (reply.state, agreed(client)) == ("open", {"service"})
        done.wait(30)
        landing.result()
    assert finish_stops(at=DAY + timedelta(minutes=1)) == 1
    assert agreed(client) == set()
    assert Client.objects.get().replies.get().state == "settled"
