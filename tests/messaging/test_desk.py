"""The desk: how providers and the queue do, how far a sending is, and unknowns that people settle."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse

from apps.core import clock
from apps.messaging.models.outbox import Message, Notice
from apps.messaging.models.providers import Provider
from apps.messaging.models.sendings import CascadeStep, Sending
from apps.messaging.queries.carriers import (
    ailing,
    cost_since,
    costs_since,
    lately,
    progress,
    queues,
)
from tests import factories
from tests.messaging.world import DAY, planned

pytestmark = pytest.mark.django_db


def sent(provider=None, **fields):
    (message,) = planned(factories.client())
    handed = {"handed_at": DAY, "sent_at": DAY} if provider else {}
    Message.objects.filter(pk=message.pk).update(carried_by=provider, **handed, **fields)
    return message


def now(row):
    row.refresh_from_db()
    return row


@pytest.fixture
def provider():
    return Provider.objects.create(
        name="smpp-one", channel="sms", kind="smpp", cost=3, currency="EUR"
    )


def test_the_queue_is_counted_by_channel_and_no_further_than_asked():
    for _ in range(3):
        sent()
    later = DAY + timedelta(hours=1)
    (queue,) = queues(at=later, most=10)
    assert (queue.count, queue.oldest) == (3, DAY)
    assert sum(each.count for each in queues(at=later, most=2)) == 2
    assert queues(at=DAY - timedelta(seconds=1), most=10) == []


def test_a_provider_is_judged_by_its_last_hour(provider):
    sent(provider, state="sent", cost=3)
    sent(provider, state="delivered", cost=6)
    sent(provider, state="delivered", cost=3)
    sent(None)
    soon = DAY + timedelta(minutes=59)
    assert lately(provider, at=soon) == {"delivered": 2, "sent": 1}
    assert lately(provider, at=DAY + timedelta(minutes=61)) == {}
    assert cost_since(provider, DAY) == 12
    assert cost_since(provider, soon) == 0
    assert (costs_since(DAY), costs_since(soon)) == ([("EUR", 12)], [])


def test_a_closed_and_a_resting_provider_are_ailing(provider):
    assert provider not in ailing(at=DAY)
    Provider.objects.filter(pk=provider.pk).update(rests_until=DAY + timedelta(minutes=1))
    assert provider in ailing(at=DAY)
    assert provider not in ailing(at=DAY + timedelta(minutes=2))
    Provider.objects.filter(pk=provider.pk).update(is_open=False, reason="Maintenance.")
    assert provider in ailing(at=DAY + timedelta(minutes=2))


def test_a_live_installation_names_providers_that_name_no_environment(
    admin_client, provider, settings
):
    assert provider not in ailing(at=DAY)
    settings.LIVE, settings.ENVIRONMENT = True, "production"
    assert provider in ailing(at=DAY)
    assert "names no environment" in admin_client.get(reverse("admin:index")).content.decode()
    Provider.objects.filter(pk=provider.pk).update(environment="production")
    assert provider not in ailing(at=DAY)


@pytest.fixture
def sending():
    made = Sending.objects.create(title="Spring", source="campaign:1", released=10)
    for state, moments in (
        ("done", {"delivered_at": DAY, "seen_at": DAY}),
        ("done", {"delivered_at": DAY}),
        ("planned", {}),
        ("skipped", {}),
    ):
        message = sent(**moments)
        Notice.objects.filter(pk=message.notice_id).update(
            state=state, sending=made, reason="no_consent" if state == "skipped" else ""
        )
    return made


def test_a_sending_knows_how_far_it_is(sending):
    known = progress(sending)
    assert (known.total, known.done, known.percent) == (4, 3, 75)


def do(client, row, name):
    url = reverse(f"admin:messaging_{row._meta.model_name}_do", args=[row.pk, name])
    return client.post(url, follow=True)


def test_a_sending_is_paused_let_go_on_and_stopped(admin_client, sending):
    page = do(admin_client, sending, "pause").content.decode()
    assert "3 of 4 clients decided" in page
    assert now(sending).state == "paused"
    assert "Sendings on pause" in admin_client.get(reverse("admin:index")).content.decode()
    do(admin_client, sending, "go_on")
    assert now(sending).state == "running"
    do(admin_client, sending, "end")
    assert (now(sending).state, now(sending).reason) == ("stopped", "Stopped by admin.")


@pytest.mark.parametrize(
    ("deed", "state"), [("arrived", "delivered"), ("did_not_arrive", "failed")]
)
def test_a_person_settles_what_nobody_knew(admin_client, deed, state):
    message = sent(None, state="unknown", reason="No answer.", handed_at=DAY)
    for _ in range(2):
        do(admin_client, message, deed)
    assert now(message).state == state


def test_the_pages_open_and_say_what_ails(admin_client, provider):
    sent(provider, state="delivered", cost=3)
    at = clock.now()
    Message.objects.update(handed_at=at, sent_at=at)
    Provider.objects.filter(pk=provider.pk).update(rests_until=at + timedelta(hours=1))
    CascadeStep.objects.create(
        template=Message.objects.get().notice.template, number=2, within=timedelta(hours=2)
    )
    index = admin_client.get(reverse("admin:index")).content.decode()
    assert "Providers that carry nothing" in index
    page = admin_client.get(reverse("admin:messaging_provider_change", args=[provider.pk]))
    assert "€0.03" in page.content.decode()
    for name in ("provider", "sending", "cascadestep"):
        assert admin_client.get(reverse(f"admin:messaging_{name}_changelist")).status_code == 200


def test_who_may_only_look_halts_nothing(client, sending):
    viewer = get_user_model().objects.create_user("viewer", is_staff=True)
    client.force_login(viewer)
    assert do(client, sending, "pause").status_code == 403
    assert now(sending).state == "running"


@pytest.mark.parametrize(
    ("kind", "options", "said"),
    [
        ("smpp", '{"host": "x", "name": "y", "prot": 1}', "the option “prot”"),
        ("smpp", '{"name": "y"}', "“host” cannot be"),
        ("telegram", '{"bot": 5}', "is written like"),
        ("smtp", '{"host": "x"}', "the option “host”"),
        ("sms_http", '["url"]', "Options are written like"),
    ],
)
def test_options_that_a_provider_could_not_use_are_refused_when_saved(
    admin_client, kind, options, said
):
    form = {
        "name": "new", "channel": "sms", "kind": kind, "options": options, "is_open": "on",
        "preference": 1, "settles": "none", "window": 1, "cost": 0,
    }  # fmt: skip
    page = admin_client.post(reverse("admin:messaging_provider_add"), form).content.decode()
    assert said in page
    assert not Provider.objects.filter(name="new").exists()
