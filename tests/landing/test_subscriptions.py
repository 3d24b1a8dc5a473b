import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection

from apps.events.models import Event
from apps.landing.actions.subscriptions import (
    MOST_LETTERS,
    RESEND_AFTER,
    VALID_FOR,
    Asked,
    ask_subscription,
    confirm_subscription,
    find_subscription,
)
from apps.landing.models import EmailSubscription
from apps.messaging.actions.links import revoke_link
from apps.messaging.actions.planning import plan_messages
from apps.messaging.models.outbox import Notice
from apps.profiles.models import Channel, ConsentRecord, ContactPoint
from apps.profiles.queries import consents
from tests.landing.test_views import counted

ADDRESS = "vera@example.com"


def token_in(notice):
    return re.search(r"/e/([\w-]+)$", notice.values["confirm_url"]["url"])[1]


def ask(world, at, address=ADDRESS):
    return ask_subscription(world.link, address, at=at)


def test_asking_queues_a_letter_and_believes_nothing_yet(world, today):
    before = consents([world.client.pk], "service")
    assert ask(world, today) == Asked.SENT
    point = ContactPoint.objects.get(address=ADDRESS)
    assert (point.client, point.state) == (world.client, ContactPoint.State.UNCONFIRMED)
    notice = Notice.objects.get(template__code="email.confirm")
    assert (notice.client, notice.contact_point) == (world.client, point)
    subscription = EmailSubscription.objects.get()
    assert token_in(notice).encode() not in bytes(subscription.token_hash)
    assert consents([world.client.pk], "service") == before


def test_asking_twice_sends_one_letter_until_some_time_has_passed(world, today):
    assert ask(world, today) == Asked.SENT
    assert ask(world, today + timedelta(minutes=1), "Vera@EXAMPLE.com") == Asked.TOO_SOON
    assert Notice.objects.filter(template__code="email.confirm").count() == 1
    later = today + RESEND_AFTER + timedelta(seconds=1)
    assert ask(world, later) == Asked.SENT
    assert EmailSubscription.objects.count() == 1
    first, second = Notice.objects.filter(template__code="email.confirm").order_by("pk")
    assert find_subscription(token_in(first), at=later) is None
    assert find_subscription(token_in(second), at=later)


def letters():
    return Notice.objects.filter(template__code="email.confirm").count()


def test_one_link_cannot_write_to_the_world(world, today):
    before = ContactPoint.objects.count()
    for number in range(MOST_LETTERS):
        assert ask(world, today, f"v{number}@example.com") == Asked.SENT
    for number in range(MOST_LETTERS, 20):
        assert ask(world, today, f"v{number}@example.com") == Asked.TOO_MANY
    assert ContactPoint.objects.count() == before + MOST_LETTERS
    assert ask(world, today + VALID_FOR, "one.more@example.com") == Asked.SENT


def test_one_link_cannot_fill_somebodys_inbox(world, today):
    for hours in range(3 * 24):
        ask(world, today + timedelta(hours=hours))
    assert letters() == MOST_LETTERS


@pytest.mark.parametrize("state", ["bounced", "unreachable", "removed"])
def test_an_address_that_was_lost_gets_the_letter_that_its_owner_asks_for(world, today, state):
    point = world.client.contact_points.create(channel="email", address=ADDRESS, state=state)
    assert ask(world, today) == Asked.SENT
    plan_messages(at=today, limit=10)
    assert Notice.objects.get(template__code="email.confirm").state == Notice.State.PLANNED
    point.refresh_from_db()
    assert point.state == ContactPoint.State.UNCONFIRMED


def test_confirming_makes_the_address_valid_and_records_the_consent_once(world, today):
    ask(world, today)
    token = token_in(Notice.objects.get(template__code="email.confirm"))
    earlier = ConsentRecord.objects.count()
    subscription = find_subscription(token, at=today)
    assert confirm_subscription(subscription, at=today) is True
    assert confirm_subscription(subscription, at=today) is False
    point = ContactPoint.objects.get(address=ADDRESS)
    assert (point.state, point.verified_at) == (ContactPoint.State.VALID, today)
    record = ConsentRecord.objects.latest("pk")
    assert (record.channel, record.granted, record.source) == (Channel.EMAIL, True, "personal page")
    assert ConsentRecord.objects.count() == earlier + 1
    assert Event.objects.filter(kind="email.confirmed").count() == 1
    assert ask(world, today) == Asked.ALREADY


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_two_presses_at_once_are_one_consent(world, today):
    ask(world, today)
    subscription = EmailSubscription.objects.get()
    earlier = ConsentRecord.objects.count()

    def press(_):
        try:
            return confirm_subscription(subscription, at=today)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(press, range(4))) == [False, False, False, True]
    assert ConsentRecord.objects.count() == earlier + 1


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_two_requests_at_once_are_one_letter(world, today):
    def press(_):
        try:
            return ask(world, today)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(press, range(4))) == [Asked.SENT, *[Asked.TOO_SOON] * 3]
    assert Notice.objects.filter(template__code="email.confirm").count() == 1


def test_a_letter_passes_and_ends_with_its_link(world, today):
    ask(world, today)
    token = token_in(Notice.objects.get(template__code="email.confirm"))
    assert find_subscription(token, at=today + VALID_FOR) is None
    revoke_link(world.link.pk, at=today)
    assert find_subscription(token, at=today) is None


def test_following_the_letters_link_changes_nothing_and_its_button_confirms(client, world):
    client.post(f"{world.page}show/")
    answer = client.post(f"{world.page}subscribe/", {"address": ADDRESS})
    assert answer["Location"] == f"{world.page}?said=sent#subscribe"
    address = f"/e/{token_in(Notice.objects.get(template__code='email.confirm'))}"
    before = counted()
    text = client.get(address).content.decode()
    client.head(address)
    assert counted() == before
    assert "Confirm the address" in text
    assert ADDRESS not in text
    for _ in range(2):
        assert client.post(address)["Location"] == address
    assert "Thank you" in client.get(address).content.decode()


def test_the_form_says_what_is_wrong(client, world):
    client.post(f"{world.page}show/")
    answer = client.post(f"{world.page}subscribe/", {"address": "vera at example"})
    assert answer.status_code == 422
    assert "This is no e-mail address" in answer.content.decode()
    assert 'aria-invalid="true"' in answer.content.decode()
    assert not EmailSubscription.objects.exists()


def test_the_form_belongs_to_those_who_asked_for_the_figures(client, world):
    assert "subscribe" not in client.get(world.page).content.decode()
    answer = client.post(f"{world.page}subscribe/", {"address": ADDRESS})
    assert (answer.status_code, answer["Location"]) == (303, world.page)
    assert not EmailSubscription.objects.exists()
