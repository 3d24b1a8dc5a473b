"""Test sends through the process that holds a provider's session: each once, and seen by who asked."""

from datetime import timedelta

import pytest
from django.urls import reverse

from apps.messaging.actions.standing import account_to_hold
from apps.messaging.actions.trying import MARK, UntriedError, begun, carry_asked, send_test
from apps.messaging.channels import smpp
from apps.messaging.channels.smpp.incoming import Style, text_of
from apps.messaging.models.outbox import Message
from apps.messaging.models.providers import Provider
from apps.messaging.models.receipts import Receipt
from apps.messaging.models.stops import Stop
from apps.messaging.models.trials import SeedLetter
from tests.messaging.test_trying import seed, wording
from tests.messaging.world import DAY
from tests.peers.smsc import centre

pytestmark = pytest.mark.django_db
LATER = timedelta(minutes=6)


@pytest.fixture
def smsc(settings):
    """A message centre whose session this process holds, and an address for tests."""
    settings.PROVIDER_SECRETS = {"smsc": "secret"}
    with centre(receipts="DELIVRD") as running:
        options = {"host": "127.0.0.1", "port": running.port, "name": "tidings"}
        Provider.objects.filter(channel="sms").update(name="smsc", kind="smpp", options=options)
        seed("sms", "+447700900123")
        with smpp.bound(account_to_hold("smsc"), list):
            yield running


def letters():
    return list(SeedLetter.objects.order_by("pk").values_list("state", "reason"))


def test_a_test_goes_over_the_session_once_and_is_nobodys_message(smsc):
    (tried,) = send_test(wording("sms"), at=DAY)
    assert (tried.answer, letters()) == (None, [("asked", "")])
    assert [carry_asked("smsc", at=DAY) for _ in range(2)] == [1, 0]
    assert letters() == [("sent", "")]
    (sent,) = smsc.messages
    assert text_of(sent, Style(sender="x")).startswith(MARK)
    assert sent.registered_delivery == 0
    assert not Message.objects.exists()
    assert not Receipt.objects.exists()


def test_a_refusal_of_the_centre_is_told(smsc):
    smsc.answers.append(0x0B)
    send_test(wording("sms"), at=DAY)
    carry_asked("smsc", at=DAY)
    assert letters() == [("failed", "The message centre answered 0x0000000B.")]


def test_what_nobody_took_in_time_and_what_a_dead_process_had_begun_go_to_nobody(smsc):
    send_test(wording("sms"), at=DAY)
    send_test(wording("sms"), at=DAY)
    SeedLetter.objects.filter(pk=SeedLetter.objects.first().pk).update(
        state="handed", handed_at=DAY
    )
    assert carry_asked("smsc", at=DAY + LATER) == 0
    assert letters() == [
        ("unknown", "Its process ended before it could note the answer."),
        ("failed", "Its provider's process did not take it in time."),
    ]
    assert smsc.messages == []


def test_a_letter_that_another_process_took_is_not_ours(smsc):
    for _ in range(3):
        send_test(wording("sms"), at=DAY)
    asked = SeedLetter.objects.filter(state="asked")
    mine = begun(asked, Provider.objects.get(name="smsc"), at=DAY)
    assert next(mine).to == "+447700900123"
    others = begun(asked, Provider.objects.get(name="smsc"), at=DAY)
    next(others)
    assert len(list(mine)) == 1


def test_a_stop_and_the_test_list_hold_for_it_too(smsc, settings):
    send_test(wording("sms"), at=DAY)
    stop = Stop.objects.create(scope="global", reason="a drill")
    assert carry_asked("smsc", at=DAY) == 0
    with pytest.raises(UntriedError, match="stopped"):
        send_test(wording("sms"), at=DAY)
    Stop.objects.filter(pk=stop.pk).update(released_at=DAY)
    settings.DEMO, settings.TEST_RECIPIENTS = False, []
    assert carry_asked("smsc", at=DAY) == 1
    ((state, reason),) = letters()
    assert (state, "test list" in reason, smsc.messages) == ("failed", True, [])


def test_who_asked_sees_on_the_page_what_became_of_it(smsc, admin_client):
    address = reverse("admin:messaging_templateversion_do", args=[wording("sms").pk, "try_out"])
    page = admin_client.post(address, follow=True).content.decode()
    assert "The test to +447700900123 waits for its provider" in page
    assert "manage.py smpp smsc" in page
    SeedLetter.objects.update(state="failed", reason="No such number.")
    page = reverse("admin:messaging_templateversion_change", args=[wording("sms").pk])
    assert "No such number." in admin_client.get(page).content.decode()
