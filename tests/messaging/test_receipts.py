"""What providers tell of messages: any order, any number of copies, one state."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import permutations
from threading import Barrier
from uuid import uuid4

import pytest
from django.db import connection

from apps.events.models import Event
from apps.messaging.actions.receipts import LATE, Word, receive, settle_receipts
from apps.messaging.models.outbox import Message, Notice
from apps.messaging.models.providers import Provider
from apps.messaging.models.receipts import Receipt
from tests.messaging.world import DAY, by_sms, fresh, planned

pytestmark = pytest.mark.django_db
NOW = DAY + timedelta(minutes=1)


def sent(number="sms-1", state="sent", **fields):
    (message,) = planned(by_sms())
    reason = "nobody knows" if state in {"unknown", "failed"} else ""
    provider_id = "" if state == "unknown" else number
    Message.objects.filter(pk=message.pk).update(
        state=state, reason=reason, provider_id=provider_id, attempts=1, handed_at=DAY,
        sent_at=DAY if state == "sent" else None, **fields,
    )  # fmt: skip
    return fresh(message)


def said(state, number="sms-1", second=1, **fields):
    return Word(state, number, occurred_at=DAY + timedelta(seconds=second), **fields)


STORY = [
    said("accepted", second=1), said("failed", second=2, reason="absent"),
    said("delivered", second=3), said("seen", second=4), said("delivered", second=3),
]  # fmt: skip


def moments(message):
    return message.state, message.reason, message.sent_at, message.delivered_at, message.ended_at


def test_an_id_of_another_provider_is_another_message():
    message = sent(carried_by=Provider.objects.get(name="sms-gateway"))
    receive("another", [said("failed")], at=NOW)
    assert fresh(message).state == "sent"
    receive("sms-gateway", [said("delivered")], at=NOW)
    assert fresh(message).state == "delivered"


def test_in_whichever_order_receipts_come_the_end_is_the_same():
    ends = set()
    for number, order in enumerate(list(permutations(STORY))[::7]):
        message = sent(f"sms-{number}")
        for word in order:
            receive(
                "gateway", [Word(word.state, f"sms-{number}", occurred_at=word.occurred_at)], at=NOW
            )
        ends.add(moments(fresh(message)))
        assert fresh(message).seen_at == DAY + timedelta(seconds=4)
    assert ends == {("delivered", "", DAY, DAY + timedelta(seconds=3), None)}


def test_what_failed_and_was_delivered_after_all_is_delivered():
    message = sent()
    receive("gateway", [said("failed", reason="The phone was off.")], at=NOW)
    assert moments(fresh(message))[:2] == ("failed", "The phone was off.")
    assert fresh(message).notice.state == Notice.State.FAILED
    receive("gateway", [said("delivered", second=0)], at=NOW)
    receive("gateway", [said("failed", second=9, reason="Expired.")], at=NOW)
    assert moments(fresh(message))[:2] == ("delivered", "")
    assert fresh(message).notice.state == Notice.State.DONE
    kinds = Event.objects.order_by("pk").values_list("kind", flat=True)
    assert list(kinds) == ["message.undelivered", "message.sent"]


def test_what_no_column_holds_keeps_no_other_receipt_from_being_heard():
    message = sent()
    broken = [
        Word("failed", "\0"), Word("failed", "x" * 121), Word("failed", "y\0z", reason="\ud83d\0"),
    ]  # fmt: skip
    assert receive("sms", [*broken, said("delivered")], at=NOW) == 3
    assert fresh(message).state == "delivered"


def test_a_thousand_copies_are_one_receipt():
    message = sent()
    words = [said("delivered")] * 1_000
    assert receive("gateway", words, at=NOW) == 1
    assert receive("gateway", words, at=NOW) == 0
    assert message.receipts.count() == 1
    assert Event.objects.count() == 1


def test_a_receipt_settles_what_nobody_knew_by_our_own_key():
    message = sent(state="unknown")
    receive("gateway", [Word("accepted", "sms-9", key=message.key)], at=NOW)
    assert moments(fresh(message)) == ("sent", "", DAY, None, None)
    assert Event.objects.get().kind == "message.sent"


def test_what_waits_to_be_sent_again_is_not_once_the_provider_has_it():
    waiting, again = sent(state="queued"), sent(state="queued")
    receive("gateway", [Word("accepted", key=waiting.key)], at=NOW)
    assert fresh(waiting).state == "sent"
    receive("gateway", [Word("failed", key=again.key)], at=NOW)
    receive("gateway", [Word("accepted", key=again.key)], at=NOW)
    assert fresh(again).state == "failed"


def test_an_unknown_id_is_kept_and_counts_once_its_message_is_noted():
    receive("gateway", [said("delivered", "sms-7")], at=NOW)
    assert Receipt.objects.get(message=None).provider_id == "sms-7"
    assert settle_receipts(at=NOW) == 0
    message = sent("sms-7")
    assert settle_receipts(at=NOW + LATE) == 0
    assert settle_receipts(at=NOW + LATE, since=LATE) == 1
    assert fresh(message).state == "delivered"
    assert settle_receipts(at=NOW) == 0


def test_a_receipt_waits_for_the_sender_that_is_at_it():
    message = sent(state="claimed", leased_until=DAY)
    receive("gateway", [said("delivered")], at=NOW)
    assert fresh(message).state == "claimed"
    Message.objects.filter(pk=message.pk).update(state="sent")
    assert settle_receipts(at=NOW) == 1
    assert fresh(message).state == "delivered"


def test_receipts_of_a_key_that_is_not_ours_change_nothing():
    message = sent()
    receive("gateway", [Word("failed", key=uuid4())], at=NOW)
    assert fresh(message).state == "sent"


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_receipts_that_come_at_once_have_one_end():
    message, start = sent(), Barrier(4)

    def tell(word):
        start.wait()
        try:
            return receive("gateway", [word], at=NOW)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        words = [said("accepted"), said("failed"), said("delivered"), said("failed")]
        assert sum(pool.map(tell, words)) == 3
    assert fresh(message).state == "delivered"
    assert Receipt.objects.filter(applied_at=None).count() == 0
