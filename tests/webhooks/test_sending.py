"""Facts go out signed, once if all is well, again if not, and never where they must not."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection

from apps.events.actions import Fact, record
from apps.events.models import Inbox
from apps.profiles.models import Identifier
from apps.webhooks.actions import outbox, sending
from apps.webhooks.actions.endpoints import (
    OVERLAP,
    change_endpoint,
    register_endpoint,
    rotate_secret,
    switch_off,
    switch_on,
)
from apps.webhooks.channels import Answer
from apps.webhooks.models import Attempt, Delivery, Endpoint
from apps.webhooks.signing import BACK_OFF, sign
from tests import factories
from tests.webhooks.conftest import AT

HOUR = timedelta(hours=1)


def happen(*keys, kind="order.placed", at=AT):
    client = factories.client()
    Identifier.objects.create(client=client, kind="core_id", value=f"C-{client.pk}")
    record([Fact(client.pk, kind, "order:7", at, key, {"price": 5}) for key in keys])
    return client


def queue(at=AT):
    return outbox.queue_deliveries(at=at, limit=100)


def deliver(at=AT, limit=100):
    return sending.deliver_due(at=at, limit=limit, dice=lambda: 0.5)


def test_a_fact_goes_out_once_signed_and_says_nothing_but_whom_and_what(receiver):
    client = happen("a")
    assert (queue(), queue(), Inbox.objects.filter(listener__startswith="webhook").count()) == (
        1,
        0,
        0,
    )
    assert (deliver(), deliver()) == (1, 0)
    ((headers, body),) = receiver.received
    event = client.events.get()
    assert json.loads(body) == {
        "type": "order.placed",
        "timestamp": "2020-03-02T12:00:00.000000Z",
        "data": {
            "event": event.pk,
            "subject": "order:7",
            "client": client.pk,
            "core_id": f"C-{client.pk}",
        },
    }
    assert headers["Webhook-Id"] == f"msg_{receiver.endpoint.pk}_{event.pk}"
    assert headers["Webhook-Timestamp"] == str(int(AT.timestamp()))
    assert headers["Webhook-Signature"] == sign(receiver.secret, headers["Webhook-Id"], AT, body)
    assert headers["Host"] in receiver.endpoint.url
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.delivered_at) == ("delivered", AT)
    log = Attempt.objects.get()
    assert (log.delivery, log.status, log.answer) == (delivery, 204, "")
    assert receiver.again().heard_at == AT


def test_only_what_it_listens_to_reaches_an_endpoint(receiver):
    happen("a", kind="order.shipped")
    change_endpoint(receiver.endpoint.pk, "CRM", receiver.endpoint.url, ["order.shipped"])
    happen("b", kind="order.placed")
    happen("c", kind="order.shipped")
    queue()
    assert [each.kind for each in Delivery.objects.all()] == ["order.shipped"]


def test_what_fails_is_tried_again_later_and_later_and_then_given_up(receiver):
    receiver.status, receiver.body = 400, b"<b>no\n" + b"x" * 600
    happen("a")
    queue()
    at, waits = AT, []
    while deliver(at):
        delivery = Delivery.objects.get()
        waits.append(delivery.send_after - at)
        at = max(at, delivery.send_after)
    assert waits[:-1] == list(BACK_OFF)
    assert (delivery.state, delivery.attempts, len(receiver.received)) == ("failed", 10, 10)
    assert len(set(receiver.ids)) == 1
    log = Attempt.objects.first()
    assert (log.status, log.answer[:6], len(log.answer)) == (400, "<b>no ", 500)


def test_an_endpoint_that_is_down_is_left_alone_and_its_other_messages_wait(receiver):
    receiver.status = 503
    happen("a", "b", "c")
    queue()
    assert deliver() == 3
    assert (len(receiver.received), Attempt.objects.count()) == (1, 1)
    assert sorted(Delivery.objects.values_list("attempts", flat=True)) == [0, 0, 1]
    assert deliver(AT + timedelta(seconds=4)) == 0
    receiver.status = 200
    assert deliver(AT + timedelta(seconds=5)) == 3
    assert (len(receiver.received), receiver.again().failing_since) == (4, None)


def test_a_busy_endpoint_says_itself_when_to_come_back(receiver):
    receiver.status, receiver.headers = 429, {"Retry-After": "3600"}
    happen("a")
    queue()
    deliver()
    assert (deliver(AT + HOUR - timedelta(seconds=1)), deliver(AT + HOUR)) == (0, 1)


def test_one_endpoint_that_is_down_keeps_no_other_waiting(receiver, httpserver):
    receiver.status = 500
    other, _secret = sending_to(httpserver, "/other")
    happen("a", "b")
    queue()
    deliver()
    assert set(other.deliveries.values_list("state", flat=True)) == {"delivered"}


def test_an_answer_that_cannot_be_noted_keeps_no_other_from_being(receiver, monkeypatch):
    happen("a", "b")
    queue()
    first = Delivery.objects.earliest("pk")
    noted = sending.outcome

    def outcome(delivery, *args, **said):
        if delivery.pk == first.pk:
            raise ValueError("broken")
        return noted(delivery, *args, **said)

    monkeypatch.setattr(sending, "outcome", outcome)
    assert deliver() == 2
    states = Delivery.objects.order_by("pk").values_list("state", flat=True)
    assert list(states) == ["claimed", "delivered"]


def sending_to(httpserver, path):
    httpserver.expect_request(path).respond_with_data("ok")
    return register_endpoint(path, httpserver.url_for(path), ["order.placed"], at=AT)


def test_an_endpoint_that_is_gone_is_switched_off_and_hears_no_more(receiver):
    receiver.status = 410
    happen("a", "b")
    queue()
    deliver()
    assert receiver.again().state == Endpoint.State.GONE
    happen("c")
    assert (queue(), deliver(AT + HOUR)) == (0, 0)
    receiver.status = 200
    assert (switch_on(receiver.endpoint.pk), switch_on(receiver.endpoint.pk)) == (True, False)
    assert deliver(AT + HOUR) == 2


def test_an_endpoint_that_fails_for_days_is_switched_off(receiver):
    receiver.status = 500
    happen("a")
    queue()
    deliver()
    Delivery.objects.update(send_after=AT + 3 * 24 * HOUR)
    deliver(AT + 3 * 24 * HOUR)
    assert receiver.again().is_active
    Delivery.objects.update(send_after=AT + 4 * 24 * HOUR)
    deliver(AT + 4 * 24 * HOUR)
    assert receiver.again().state == Endpoint.State.FAILING
    assert not switch_off(receiver.endpoint.pk, Endpoint.State.PAUSED)


def test_a_new_secret_signs_at_once_and_the_old_one_for_another_day(receiver):
    new = rotate_secret(receiver.endpoint.pk, at=AT)
    for number, at in enumerate([AT + OVERLAP - HOUR, AT + OVERLAP]):
        happen(f"k{number}")
        queue(at)
        deliver(at)
    (both, first), (alone, second) = receiver.received
    message = both["Webhook-Id"]
    late = AT + OVERLAP - HOUR
    assert both["Webhook-Signature"].split() == [
        sign(new, message, late, first), sign(receiver.secret, message, late, first),
    ]  # fmt: skip
    assert alone["Webhook-Signature"] == sign(new, alone["Webhook-Id"], AT + OVERLAP, second)


def test_an_endpoint_that_asks_for_eternity_is_asked_again_in_a_day(receiver):
    receiver.status, receiver.headers = 503, {"Retry-After": "9" * 30}
    happen("a")
    queue()
    assert deliver() == 1
    assert Delivery.objects.get().send_after == AT + sending.LONGEST_WAIT


def test_a_secret_that_was_replaced_twice_signs_no_more(receiver):
    rotate_secret(receiver.endpoint.pk, at=AT)
    rotate_secret(receiver.endpoint.pk, at=AT)
    texts = [one.text for one in sending.good_secrets(receiver.again(), AT)]
    assert (len(texts), receiver.secret in texts) == (2, False)


def test_a_sender_that_died_leaves_its_message_to_the_next_under_the_same_id(receiver):
    happen("a")
    queue()
    (taken,) = sending.claim(at=AT, limit=10)
    assert deliver(AT + sending.LEASE) == 0
    assert deliver(AT + sending.LEASE + HOUR) == 1
    # The dead one wakes up and tells what it saw.
    assert not sending.record(taken, Answer(500, 1, ""), at=AT + HOUR, dice=0.5)
    assert (Delivery.objects.get().state, len(receiver.received)) == ("delivered", 1)


def test_what_was_delivered_is_sent_again_under_the_same_id_when_a_person_wants(receiver):
    happen("a", "b")
    queue()
    deliver()
    ids = list(Delivery.objects.values_list("pk", flat=True))
    assert outbox.send_again(ids[:1], at=AT) == 1
    assert outbox.send_again(ids[:1], at=AT) == 0
    assert outbox.replay_span(receiver.endpoint.pk, AT, AT + HOUR, at=AT) == 1
    deliver()
    assert (len(receiver.received), len(set(receiver.ids))) == (4, 2)


def test_a_span_is_told_to_an_endpoint_that_came_later(receiver):
    happen("a", kind="coupon.accrued")
    happen("b", kind="coupon.accrued", at=AT + HOUR)
    happen("c", kind="coupon.lost")
    Inbox.objects.all().delete()
    assert outbox.replay_span(receiver.endpoint.pk, AT, AT + HOUR, at=AT) == 1
    assert deliver() == 1
    assert receiver.ids


def test_a_test_message_is_signed_like_any_other(receiver):
    outbox.queue_test(receiver.endpoint, at=AT)
    deliver()
    ((headers, body),) = receiver.received
    assert json.loads(body)["type"] == "test.sent"
    assert headers["Webhook-Signature"] == sign(receiver.secret, headers["Webhook-Id"], AT, body)


def test_old_messages_are_forgotten_with_their_log_but_none_that_waits(receiver):
    happen("a")
    queue()
    deliver()
    happen("b")
    queue()
    assert outbox.forget_deliveries(at=AT + outbox.KEPT) == 0
    assert outbox.forget_deliveries(at=AT + outbox.KEPT + HOUR) == 2
    assert Delivery.objects.get().state == "queued"


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_four_senders_at_once_send_each_message_once(receiver):
    happen(*(str(number) for number in range(40)))
    queue()
    start = threading.Barrier(4)

    def work(_):
        start.wait()
        try:
            return sum(deliver(limit=7) for _turn in range(6))
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        total = sum(pool.map(work, range(4)))
    while sent := deliver():
        total += sent
    assert (total, len(receiver.received), len(set(receiver.ids))) == (40, 40, 40)
