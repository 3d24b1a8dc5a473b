"""What a client saw, shown again: the letter as it looked, or its words where that cannot be."""

import re

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from apps.messaging.actions.delivery import deliver_due
from apps.messaging.actions.previews import as_sent
from apps.messaging.models.outbox import Message
from apps.profiles.models import Client
from tests.messaging.world import DAY, by_email, planned

pytestmark = pytest.mark.django_db


def page_of(client, message):
    address = reverse("admin:messaging_message_change", args=[message.pk])
    return client.get(address).content.decode()


@pytest.fixture
def message(inbox):
    (message,) = planned(by_email(first_name="Anna"))
    deliver_due(at=DAY, limit=10)
    rows = Message.objects.select_related(
        "notice__client", "notice__template", "contact_point", "wording"
    )
    return rows.get(pk=message.pk)


def test_a_letter_is_shown_as_it_looked(admin_client, message, inbox):
    sent = inbox.letters[0].get_body(("html",)).get_content().strip()
    masked = re.sub(r"/s/\w{22}", f"/s/{'x' * 22}", sent)
    assert as_sent(message).html.strip().splitlines() == masked.splitlines()
    assert "words-letter" in page_of(admin_client, message)


def test_a_letter_of_which_something_changed_is_shown_in_its_words(admin_client, message):
    Client.objects.filter(pk=message.notice.client_id).update(first_name="Hanna")
    page = page_of(admin_client, message)
    assert "words-letter" not in page
    assert "Anna" in page
    assert "not the same any more" in page


def test_who_may_not_see_people_sees_no_letter(client, message, django_user_model):
    user = django_user_model.objects.create_user("ops", password="secret", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_message"))
    client.force_login(user)
    page = page_of(client, message)
    assert "words-letter" not in page
    assert "Anna" not in page
