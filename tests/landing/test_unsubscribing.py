"""Unsubscribing from a letter itself: by the mail program, or on the page behind its link."""

from uuid import UUID, uuid4

import pytest

from apps.messaging.channels import unsubscribing
from apps.messaging.models.content import Template
from apps.profiles.models import Channel, ConsentRecord, Purpose
from tests import factories
from tests.messaging.world import planned

pytestmark = pytest.mark.django_db
ONE_CLICK = {"List-Unsubscribe": "One-Click"}
DIGEST = {"code": "digest.monthly", "values": {"month": {"month": "2020-02-01"}, "policies": 2}}
BOTH = [(Purpose.DIGEST, Channel.EMAIL), (Purpose.SERVICE, Channel.EMAIL)]


@pytest.fixture
def letter():
    (message,) = planned(factories.client(consents=BOTH, language="ru"), **DIGEST)
    return message


def address(message):
    return f"/u/{unsubscribing.token(message.key)}"


def withdrawn():
    return list(ConsentRecord.objects.filter(granted=False).values_list("purpose", "channel"))


@pytest.mark.parametrize("method", ["get", "head"])
def test_looking_at_the_page_changes_nothing(client, letter, method):
    answer = getattr(client, method)(address(letter))
    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")
    assert withdrawn() == []


def test_the_page_speaks_the_clients_language_and_names_nobody(client, letter):
    page = client.get(address(letter)).content.decode()
    assert '<html lang="ru">' in page
    assert '<form method="post">' in page
    assert letter.notice.client.last_name not in page
    assert letter.contact_point.address not in page
    assert '<html lang="en">' in client.get(f"{address(letter)}?lang=en").content.decode()


def test_a_mail_program_unsubscribes_without_cookie_or_page(client, letter):
    client.handler.enforce_csrf_checks = True
    answer = client.post(address(letter), ONE_CLICK)
    assert answer.status_code == 200
    assert withdrawn() == [("digest", "email")]
    record = ConsentRecord.objects.get(granted=False)
    assert (record.client, record.source) == (letter.notice.client, f"message:{letter.pk}")


def test_a_person_presses_the_button_and_reads_that_it_is_done(client, letter):
    answer = client.post(address(letter), follow=True)
    assert answer.redirect_chain == [(address(letter), 303)]
    assert '<form method="post">' not in answer.content.decode()
    assert withdrawn() == [("digest", "email")]


def test_unsubscribing_twice_withdraws_once(client, letter):
    for _ in range(3):
        client.post(address(letter), ONE_CLICK)
    assert withdrawn() == [("digest", "email")]


@pytest.mark.parametrize(
    "token", ["x", "A" * 38, "_" * 38, "%F0%9F%98%80", unsubscribing.token(UUID(int=1))]
)
def test_a_token_that_is_not_of_a_letter_opens_nothing(client, letter, token):
    assert client.get(f"/u/{token}").status_code == 404
    assert client.post(f"/u/{token}", ONE_CLICK).status_code == 404
    assert withdrawn() == []


def test_the_key_of_a_letter_alone_opens_nothing(client, letter):
    token = unsubscribing.token(letter.key)
    forged = token[:22] + unsubscribing.token(uuid4())[22:]
    assert client.post(f"/u/{forged}", ONE_CLICK).status_code == 404


def test_a_letter_that_needs_no_consent_cannot_be_unsubscribed_from(client, letter):
    Template.objects.update(purpose="")
    assert client.get(address(letter)).status_code == 404
