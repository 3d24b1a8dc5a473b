"""Notices become messages: the right channel, language, words and hour, or a reason why not."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from django.db import connection

from apps.messaging.actions.planning import plan_messages
from apps.messaging.models.content import Template, TemplateVersion
from apps.messaging.models.outbox import Message, Notice
from apps.messaging.models.providers import Provider
from apps.messaging.queries.reasons import why
from apps.profiles.actions.suppressions import suppress
from apps.profiles.models import Channel, Purpose
from tests import factories
from tests.messaging.world import DAY, noticed, planned

BOTH = ((Purpose.SERVICE, Channel.SMS), (Purpose.SERVICE, Channel.EMAIL))
SMS_ONLY, EMAIL_ONLY = BOTH[:1], BOTH[1:]
QUERIES = 27  # two are the savepoint

pytestmark = pytest.mark.django_db


def told(client):
    """What became of a client's one notice, and why, as a page would say it."""
    notice = client.notices.get()
    return notice.state, why(notice, notice.verdicts.all())


@pytest.mark.parametrize(
    ("consents", "preferred", "spoiled", "channel"),
    [
        (BOTH, "", (), "sms"),
        (BOTH, "email", (), "email"),
        (BOTH, "push", (), "sms"),
        (SMS_ONLY, "email", (), "sms"),
        (EMAIL_ONLY, "sms", (), "email"),
        (BOTH, "", ("sms",), "email"),
        (BOTH, "email", ("email",), "sms"),
    ],
)
def test_the_channel_is_the_preferred_one_that_is_allowed_and_reaches(
    consents, preferred, spoiled, channel
):
    client = factories.client(consents=consents, preferred_channel=preferred)
    client.contact_points.filter(channel__in=spoiled).update(state="bounced")
    (message,) = planned(client)
    assert message.channel == channel
    assert message.contact_point == client.contact_points.get(channel=channel)
    assert (message.state, message.send_after) == ("queued", DAY)
    assert message.notice.state == "planned"


@pytest.mark.parametrize(
    ("consents", "spoiled", "reason"),
    [
        ((), (), "No consent to news about own contracts by SMS or e-mail."),
        (BOTH, ("sms", "email"), "No valid address for SMS or e-mail."),
        (
            EMAIL_ONLY,
            ("email",),
            "No consent to news about own contracts by SMS. No valid address for e-mail.",
        ),
        (
            ((Purpose.DIGEST, Channel.SMS),),
            (),
            "No consent to news about own contracts by SMS or e-mail.",
        ),
    ],
)
def test_a_client_who_cannot_be_told_is_skipped_with_a_reason(consents, spoiled, reason):
    client = factories.client(consents=consents)
    client.contact_points.filter(channel__in=spoiled).update(state="unreachable")
    assert planned(client) == []
    assert told(client) == ("skipped", reason)


def test_a_withdrawn_consent_counts_no_more():
    client = factories.client(consents=SMS_ONLY)
    factories.consent(client, Purpose.SERVICE, Channel.SMS, granted=False, at=DAY)
    assert planned(client) == []
    assert client.notices.get().state == "skipped"


def test_quiet_hours_put_the_message_off_to_the_clients_morning():
    night = datetime(2020, 3, 2, 20, tzinfo=UTC)  # 23:00 in Moscow, 05:00 in Tokyo
    here = factories.client(time_zone="Europe/Moscow", time_zone_source="stated")
    there = factories.client(time_zone="Asia/Tokyo", time_zone_source="stated")
    nowhere = factories.client(time_zone="Mars/Olympus", time_zone_source="imported")
    messages = planned(here, there, nowhere, at=night)
    assert [message.send_after for message in messages] == [
        datetime(2020, 3, 3, 6, tzinfo=UTC),
        datetime(2020, 3, 3, 0, tzinfo=UTC),
        night,  # a British phone, where it is eight in the evening
    ]


def test_old_news_is_not_planned():
    client = factories.client()
    noticed(client, deadline_at=DAY - timedelta(seconds=1))
    plan_messages(at=DAY, limit=10)
    state, reason = told(client)
    assert state == "skipped"
    assert reason.startswith("Too late")


@pytest.mark.parametrize(
    ("language", "variant", "kept", "chosen"),
    [
        ("ru", "gentle", {"ru/gentle", "ru/plain", "en/gentle", "en/plain"}, "ru/gentle"),
        ("ru", "gentle", {"ru/plain", "en/gentle", "en/plain"}, "ru/plain"),
        ("ru", "gentle", {"en/gentle", "en/plain"}, "en/gentle"),
        ("ru", "gentle", {"en/plain"}, "en/plain"),
        ("en", "plain", {"ru/plain", "en/plain"}, "en/plain"),
    ],
)
def test_words_fall_back_to_plain_and_then_to_english(language, variant, kept, chosen):
    for version in TemplateVersion.objects.filter(template__code="coupon.accrued"):
        if f"{version.language}/{version.variant}" not in kept:
            version.state = "retired"
            version.save()
    client = factories.client(language=language)
    notice = noticed(client)
    Notice.objects.filter(pk=notice.pk).update(variant=variant)
    plan_messages(at=DAY, limit=10)
    message = notice.messages.get()
    assert f"{message.wording.language}/{message.wording.variant}" == chosen
    assert message.language == message.wording.language


def test_a_template_without_published_words_fails_its_notice_and_touches_no_other():
    TemplateVersion.objects.filter(template__code="coupon.saved").update(state="draft")
    clients = [factories.client() for _ in range(3)]
    notices = [noticed(clients[0]), noticed(clients[1], "coupon.saved"), noticed(clients[2])]
    assert plan_messages(at=DAY, limit=10) == 3
    for notice in notices:
        notice.refresh_from_db()
    assert [notice.state for notice in notices] == ["planned", "failed", "planned"]
    assert told(clients[1]) == (
        "failed",
        "“Coupon remembered” has no published wording for SMS or e-mail.",
    )


def test_a_channel_without_words_leaves_the_other():
    TemplateVersion.objects.filter(channel="sms").update(state="draft")
    (message,) = planned(factories.client())
    assert message.channel == "email"


def reached_everywhere(**fields):
    """Make a client with a device and an account besides his phone and mail; all agreed to."""
    client = factories.client(consents=[(Purpose.SERVICE, c) for c in Channel], **fields)
    for channel, address in (("push", "web:1"), ("messenger", "telegram:7")):
        client.contact_points.create(channel=channel, address=f"{address}{client.pk}")
    return client


def worded(channel):
    template = Template.objects.get(code="coupon.accrued")
    TemplateVersion.objects.create(
        template=template, channel=channel, language="en", body="x", state="published"
    )


@pytest.mark.parametrize(
    ("opened", "preferred", "wanted", "channel"),
    [
        ((), "push", [], "sms"),  # nobody carries a push
        (("push/web", "messenger/telegram"), "", [], "push"),
        (("push/web", "messenger/telegram"), "email", [], "email"),
        (("push/fcm", "messenger/telegram"), "", [], "messenger"),  # for apps alone
        (("messenger/viber", "messenger/"), "", [], "messenger"),
        (("messenger/viber",), "", [], "sms"),
        (("push/web",), "", ["email", "push"], "email"),
        (("push/web",), "push", ["email", "push"], "push"),
        ((), "call", [], "sms"),  # an adviser's time is asked for by name
        ((), "", ["call", "sms"], "call"),
        (("push/web",), "push", ["email", "sms"], "email"),
    ],
)
def test_the_channel_is_one_that_somebody_carries_and_the_template_allows(
    opened, preferred, wanted, channel
):
    for name in opened:
        kind, scheme = name.split("/")
        Provider.objects.create(name=name.replace("/", "-"), channel=kind, scheme=scheme)
    Template.objects.update(channels=wanted)
    worded("call")
    (message,) = planned(reached_everywhere(preferred_channel=preferred))
    assert message.channel == channel


def test_a_channel_whose_providers_are_closed_is_the_last_resort():
    Provider.objects.filter(channel="sms").update(is_open=False, reason="broken")
    both, one = factories.client(), factories.client(consents=SMS_ONLY)
    assert [message.channel for message in planned(both, one)] == ["email", "sms"]


def test_an_account_whose_provider_is_closed_waits_for_it_beside_one_that_is_open():
    for name, is_open in (("telegram", True), ("viber", False)):
        Provider.objects.create(
            name=name, channel="messenger", scheme=name, is_open=is_open, reason="broken"
        )
    one, both = (
        factories.client(consents=[(Purpose.SERVICE, Channel.MESSENGER)]) for _ in range(2)
    )
    for client in (one, both):
        client.contact_points.create(channel="messenger", address=f"viber:{client.pk}")
    both.contact_points.create(channel="messenger", address="telegram:7", verified_at=None)
    assert [message.contact_point.address for message in planned(one, both)] == ["telegram:7"]
    state, reason = told(one)
    waits = "Waits: the provider that reaches him by messenger is closed for the time being."
    assert (state, reason.endswith(waits)) == ("queued", True)
    Provider.objects.filter(name="viber").update(is_open=True)
    assert plan_messages(at=DAY + timedelta(minutes=4), limit=10) == 0
    assert plan_messages(at=DAY + timedelta(minutes=5), limit=10) == 1
    assert told(one)[0] == "planned"


def test_a_channel_without_words_is_no_reason_why_not():
    Provider.objects.create(name="browsers", channel="push")
    client = factories.client(consents=())
    TemplateVersion.objects.filter(channel__in=["push", "email"]).update(state="draft")
    assert planned(client) == []
    assert told(client) == ("skipped", "No consent to news about own contracts by SMS.")
    TemplateVersion.objects.filter(channel="push").update(state="published")
    other = factories.client(consents=())
    planned(other)
    assert told(other)[1] == "No consent to news about own contracts by SMS or push."


def test_a_notice_for_one_address_goes_there_without_consent_and_at_night():
    client = factories.client(consents=())
    point = client.contact_points.create(
        channel="email", address="new@example.com", state="unconfirmed"
    )
    night = datetime(2020, 3, 2, 20, tzinfo=UTC)
    values = {"confirm_url": {"url": "https://x.test/c/secret"}}
    (message,) = planned(client, code="email.confirm", values=values, contact_point=point, at=night)
    assert (message.contact_point, message.send_after) == (point, night)


def test_the_verified_address_is_chosen_before_the_newest():
    client = factories.client(consents=EMAIL_ONLY)
    verified = client.contact_points.create(
        channel="email", address="a@example.com", verified_at=DAY
    )
    client.contact_points.create(channel="email", address="b@example.com")
    (message,) = planned(client)
    assert message.contact_point == verified


def test_a_stopped_address_is_not_written_to_and_another_one_is():
    client = factories.client(consents=SMS_ONLY)
    point = client.contact_points.get(channel="sms")
    suppress("sms", point.address, reason="stop", source="inbound SMS", at=DAY)
    noticed(client)
    plan_messages(at=DAY, limit=10)
    assert told(client) == (
        "skipped",
        "No consent to news about own contracts by e-mail."
        " The address for SMS must not be written to: it is suppressed.",
    )
    other = client.contact_points.create(channel="sms", address="+447700800001")
    Notice.objects.update(state="queued")
    plan_messages(at=DAY, limit=10)
    assert Message.objects.get().contact_point == other


def test_planning_twice_changes_nothing():
    planned(factories.client(), factories.client(consents=()))
    assert plan_messages(at=DAY, limit=10) == 0
    assert Message.objects.count() == 1


def test_a_batch_costs_the_same_queries_whatever_its_size(django_assert_num_queries):
    for _ in range(3):
        noticed(factories.client())
    with django_assert_num_queries(QUERIES):
        plan_messages(at=DAY, limit=100)
    for _ in range(30):
        noticed(factories.client())
    with django_assert_num_queries(QUERIES):
        plan_messages(at=DAY, limit=100)


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_four_who_plan_at_once_plan_each_notice_once():
    for _ in range(30):
        noticed(factories.client())
    start = Barrier(4)

    def plan(_):
        start.wait()
        try:
            return sum(iter(lambda: plan_messages(at=DAY, limit=4), 0))
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(plan, range(4))) == 30
    assert Message.objects.count() == 30


@pytest.mark.parametrize(("state", "told"), [("removed", "skipped"), ("unconfirmed", "planned")])
def test_an_address_that_opens_something_ends_with_a_notice_that_is_refused(state, told):
    client = factories.client(consents=())
    point = client.contact_points.get(channel="email")
    point.state = state
    point.save()
    url = {"url": "http://localhost:8000/e/sEcReT"}
    notice = noticed(client, "email.confirm", values={"confirm_url": url}, contact_point=point)
    plan_messages(at=DAY, limit=10)
    notice.refresh_from_db()
    assert notice.state == told
    assert ("sEcReT" in str(notice.values)) is (told == "planned")
