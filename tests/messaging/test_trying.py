"""Test sends: to the list alone, marked, outside everything that is counted."""

import json

import pytest
from django.urls import reverse

from apps.messaging.actions.trying import MARK, UntriedError, send_test
from apps.messaging.models.content import TemplateVersion
from apps.messaging.models.outbox import Message, Notice
from apps.messaging.models.phrases import SeedAddress
from apps.messaging.models.stops import Stop
from tests.messaging.world import DAY

pytestmark = pytest.mark.django_db


def wording(channel, **fields):
    return TemplateVersion.objects.get(
        template__code="coupon.accrued", channel=channel, language="en", variant="plain", **fields
    )


def seed(channel, address, **fields):
    return SeedAddress.objects.create(name=address, channel=channel, address=address, **fields)


def test_a_test_goes_to_the_addresses_in_use_and_says_what_it_is(inbox):
    seed("email", "one@example.com")
    seed("email", "two@example.com", is_active=False)
    seed("sms", "+447700900123")
    (tried,) = send_test(wording("email"), at=DAY)
    assert tried.is_sent
    (letter,) = inbox.letters
    assert letter["To"] == "one@example.com"
    assert letter["Subject"].startswith(f"{MARK} Your coupon on")
    assert letter["List-Unsubscribe"] is None
    assert letter.get_body(("plain",)).get_content().startswith(MARK)
    page = letter.get_body(("html",)).get_content()
    assert f">{MARK}</p>" in page.partition("<body")[2][:400]
    assert "$1,234,567.89" in letter.get_body(("plain",)).get_content()
    assert not Notice.objects.exists()
    assert not Message.objects.exists()


def test_sent_twice_it_is_two_tests(gateway):
    seed("sms", "+447700900123")
    for _ in range(2):
        assert send_test(wording("sms"), at=DAY)[0].is_sent
    first, second = (json.loads(request.data) for request in gateway.requests)
    assert first["text"].startswith(f"{MARK} Your coupon of")
    assert first["key"] != second["key"]


def test_a_refusal_is_told(inbox):
    seed("email", "one@example.com")
    inbox.refusals["one@example.com"] = "550 no such mailbox"
    (tried,) = send_test(wording("email"), at=DAY)
    assert not tried.is_sent
    assert tried.answer.reason


def test_without_a_list_nothing_goes_out():
    with pytest.raises(UntriedError, match="list"):
        send_test(wording("sms"), at=DAY)


def test_a_wording_that_cannot_be_written_goes_to_nobody(gateway):
    seed("sms", "+447700900123")
    version = wording("sms")
    version.body = "{{ amonut }}"
    with pytest.raises(UntriedError, match="amonut"):
        send_test(version, at=DAY)
    assert gateway.requests == []


@pytest.mark.parametrize(("scope", "value"), [("global", ""), ("channel", "sms")])
def test_what_is_stopped_is_stopped_for_tests_too(gateway, scope, value):
    seed("sms", "+447700900123")
    Stop.objects.create(scope=scope, value=value, reason="a drill")
    with pytest.raises(UntriedError, match="stopped"):
        send_test(wording("sms"), at=DAY)
    assert gateway.requests == []


def test_the_button_says_what_became_of_each(admin_client, gateway):
    address = reverse("admin:messaging_templateversion_do", args=[wording("sms").pk, "try_out"])
    page = admin_client.post(address, follow=True).content.decode()
    assert "No address for tests" in page
    seed("sms", "+447700900123")
    page = admin_client.post(address, follow=True).content.decode()
    assert "The test is on its way to +447700900123" in page
