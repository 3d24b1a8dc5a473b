"""The archive: what was sent is sealed, and whatever is changed afterwards is told."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.urls import reverse

from apps.messaging.actions import claims
from apps.messaging.actions.archive import (
    SETTLED,
    breaches,
    due_since,
    seal,
    seal_overlooked,
    settled_until,
)
from apps.messaging.actions.delivery import deliver_due
from apps.messaging.actions.handing import mark
from apps.messaging.actions.preparing import write_letters
from apps.messaging.models.archive import Sealed
from apps.messaging.models.outbox import Message
from apps.messaging.models.providers import Provider
from tests import factories
from tests.messaging.world import DAY, by_sms, fresh, planned

pytestmark = pytest.mark.django_db
LATER = DAY + SETTLED + timedelta(seconds=1)


def handed_over(number=3):
    """Make messages that were handed over, in an order that is not theirs."""
    messages = []
    for each in range(number):
        (message,) = planned(factories.client())
        Message.objects.filter(pk=message.pk).update(
            state="sent", subject="News", body=f"Text {each}",
            handed_at=DAY - timedelta(seconds=each % 2),
        )  # fmt: skip
        messages.append(message)
    return messages


def test_what_was_handed_over_is_sealed_once_in_its_order():
    first, second, third = handed_over()
    assert seal(at=DAY + SETTLED) == 1
    assert seal(at=LATER, limit=1) == 1
    assert seal(at=LATER) == 1
    assert seal(at=LATER) == 0
    sealed = list(Sealed.objects.order_by("pk").values_list("message", flat=True))
    assert sealed == [second.pk, first.pk, third.pk]
    assert list(breaches()) == []


def test_what_has_not_left_and_what_just_leaves_is_not_sealed():
    planned(factories.client())
    (message,) = handed_over(1)
    assert seal(at=message.queued_at + SETTLED) == 0
    assert not Sealed.objects.exists()


def test_what_is_handed_over_anew_is_sealed_once_and_holds_up_nothing():
    again, other = handed_over(2)
    assert seal(at=LATER) == 2
    (later,) = handed_over(1)
    Message.objects.filter(pk__in=[again.pk, later.pk]).update(handed_at=LATER)
    assert seal(at=LATER + SETTLED * 2) == 1
    assert Sealed.objects.filter(message=other).count() == 1
    assert list(breaches()) == []


def test_only_blocks_in_which_something_was_handed_over_since_are_read():
    handed_over()
    seal(at=LATER)
    due = due_since(settled_until(LATER), at=LATER)
    with connection.cursor() as cursor:  # a table of three rows is read at once otherwise
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_indexscan = off")
        cursor.execute("SET LOCAL enable_indexonlyscan = off")
    scan = due.explain().partition("Bitmap Index Scan on message_handed")[2]
    condition = scan.partition("Index Cond: ")[2].partition("\n")[0]
    assert "handed_at < " in condition
    assert "handed_at >= " in condition


def test_what_leaves_after_a_clock_that_was_ahead_is_set_right_is_sealed():
    ahead, slow = timedelta(hours=1), timedelta(minutes=20)
    messages = handed_over(4)
    for message, moment in zip(
        messages, (DAY, DAY + ahead, DAY + slow, DAY + slow * 2), strict=True
    ):
        Message.objects.filter(pk=message.pk).update(handed_at=moment)
    first, fast, late, later = messages
    assert seal(at=LATER) == 1
    Message.objects.filter(pk__in=[late.pk, later.pk]).update(handed_at=None)
    assert seal(at=LATER + ahead) == 1
    Message.objects.filter(pk=late.pk).update(handed_at=DAY + slow)  # the clock is right again
    assert seal(at=LATER + slow) == 1
    Message.objects.filter(pk=later.pk).update(handed_at=DAY + slow * 2)
    assert [seal(at=LATER + slow * 2), seal(at=LATER + ahead * 2)] == [1, 0]
    sealed = list(Sealed.objects.order_by("pk").values_list("message", flat=True))
    assert sealed == [first.pk, fast.pk, late.pk, later.pk]
    assert list(breaches()) == []


def test_what_left_by_a_clock_that_was_behind_is_sealed_within_a_day():
    (message,) = handed_over(1)
    seal(at=LATER)
    (behind,) = handed_over(1)
    Message.objects.filter(pk=behind.pk).update(handed_at=message.queued_at - timedelta(hours=1))
    assert seal(at=LATER) == 0
    assert [seal_overlooked(at=LATER) for _ in range(2)] == [1, 0]
    assert list(breaches()) == []


def test_what_may_be_out_is_not_repeated_in_other_words(gateway):
    provider = Provider.objects.get(channel="sms")
    Provider.objects.filter(pk=provider.pk).update(settles="key")
    same, other = planned(by_sms(), by_sms())
    taken, _count = claims.claim(provider, at=DAY, limit=10)
    mark(write_letters(claims.loaded(taken), at=DAY), provider, at=DAY)  # and the sender dies
    Message.objects.filter(pk=other.pk).update(body="With last month's disclaimer.")
    assert seal(at=LATER) == 2
    deliver_due(at=LATER, limit=10)
    assert (fresh(same).state, fresh(other).state) == ("sent", "unknown")
    assert fresh(other).body == "With last month's disclaimer."
    assert gateway.keys == [str(same.key)]
    assert list(breaches()) == []


def test_a_changed_text_is_told():
    messages = handed_over()
    seal(at=LATER)
    Message.objects.filter(pk=messages[1].pk).update(body="Something else")
    (breach,) = breaches()
    assert (breach.message_id, breach.is_chain, breach.is_cleared) == (
        messages[1].pk, False, False,
    )  # fmt: skip
    with pytest.raises(CommandError):
        call_command("verify_archive", stdout=StringIO(), stderr=StringIO())


def test_an_erased_text_is_no_forgery():
    messages = handed_over()
    seal(at=LATER)
    Message.objects.filter(pk=messages[0].pk).update(subject="", body="")
    said = StringIO()
    call_command("verify_archive", stdout=said)
    assert said.getvalue().strip() == "3 sealed, 0 acknowledged, 1 erased, 0 changed"


@pytest.mark.parametrize("how", ["UPDATE messaging_sealed SET words = ''",
                                 "DELETE FROM messaging_sealed"])  # fmt: skip
def test_nobody_changes_a_seal(how):
    handed_over(1)
    seal(at=LATER)
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        connection.cursor().execute(how)


def test_a_seal_changed_behind_the_trigger_breaks_the_chain():
    messages = handed_over()
    seal(at=LATER)
    middle = Sealed.objects.order_by("pk")[1]
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE messaging_sealed DISABLE TRIGGER append_only")
        cursor.execute(
            "UPDATE messaging_sealed SET handed_at = handed_at + interval '1 s' WHERE id = %s",
            [middle.pk],
        )
        cursor.execute("ALTER TABLE messaging_sealed ENABLE TRIGGER append_only")
    (breach,) = breaches()
    assert (breach.sealed_id, breach.is_chain) == (middle.pk, True)
    assert breach.message_id in {message.pk for message in messages}


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_two_who_seal_at_once_make_one_chain():
    handed_over(6)

    def sealing(_):
        try:
            return sum(iter(lambda: seal(at=LATER, limit=1), 0))
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as pool:
        assert sum(pool.map(sealing, range(3))) == 6
    assert list(breaches()) == []


def test_the_back_office_says_whether_a_text_is_what_was_sent(admin_client):
    (message,) = handed_over(1)
    page = reverse("admin:messaging_message_change", args=[message.pk])
    assert "Sealed ten minutes after" in admin_client.get(page).content.decode()
    seal(at=LATER)
    assert "as it was sent" in admin_client.get(page).content.decode()
    Message.objects.filter(pk=message.pk).update(body="Something else")
    assert "not what was sent" in admin_client.get(page).content.decode()
