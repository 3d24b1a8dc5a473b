"""What may be out and waits for its provider: no other gets it, and a person hears of it in time."""

from datetime import timedelta

import pytest
from django.urls import reverse
from werkzeug import Response

from apps.core import clock
from apps.messaging.actions import sendings
from apps.messaging.actions.claims import LEASE
from apps.messaging.actions.delivery import deliver_due
from apps.messaging.actions.reaping import ASKED_FOR, STRANDED, give_up_stranded, settle_expired
from apps.messaging.models.outbox import Message, Notice
from apps.messaging.models.providers import Provider
from apps.messaging.models.sendings import Sending
from apps.messaging.queries.desk import broken_messages
from tests.messaging.world import DAY, by_sms, fresh, planned

pytestmark = pytest.mark.django_db
REASON = "It was handed over, no answer came, and its provider carries nothing more."


@pytest.fixture
def provider():
    Provider.objects.filter(channel="sms").update(settles="key")
    return Provider.objects.get(channel="sms")


@pytest.fixture
def message(provider):
    """Hand a message over to a provider with a key that did not answer."""
    (made,) = planned(by_sms(quiet_from="00:00", quiet_until="00:01"))
    Message.objects.filter(pk=made.pk).update(carried_by=provider, handed_at=DAY, attempts=1)
    return made


def closed(provider):
    provider.is_open, provider.reason = False, "Dear."


def elsewhere(provider):
    provider.environment = "another"


def of_no_kind(provider):
    provider.kind = "pigeons"


def of_another_channel(provider):
    provider.channel = "push"


@pytest.mark.parametrize("change", [closed, elsewhere, of_no_kind, of_another_channel])
def test_what_a_provider_may_have_is_unknown_once_it_carries_nothing_more(
    provider, message, gateway, change
):
    change(provider)
    provider.save()
    Provider.objects.create(name="other", channel="sms", kind="sms_http", settles="key")
    deliver_due(at=DAY, limit=10)
    assert give_up_stranded(at=DAY + STRANDED - timedelta(seconds=1)) == 0
    assert give_up_stranded(at=DAY + STRANDED) == 1
    assert give_up_stranded(at=DAY + STRANDED) == 0
    message = fresh(message)
    assert (message.state, message.reason, message.notice.state) == ("unknown", REASON, "failed")
    assert message.carried_by_id == provider.pk
    assert gateway.requests == []
    Message.objects.update(queued_at=clock.now())
    assert message in broken_messages("unknown", at=clock.now())


def test_an_open_provider_gets_a_day_for_what_it_may_have(provider, message):
    assert give_up_stranded(at=DAY + ASKED_FOR - timedelta(seconds=1)) == 0
    assert give_up_stranded(at=DAY + ASKED_FOR) == 1


@pytest.mark.parametrize(
    "state", [{"handed_at": None}, {"state": "sent"}, {"send_after": DAY + STRANDED}]
)
def test_what_has_not_left_or_waits_for_its_moment_is_left(provider, message, state):
    Message.objects.filter(pk=message.pk).update(**state)
    closed(provider)
    provider.save()
    assert give_up_stranded(at=DAY + STRANDED) == 0


def test_a_giver_up_that_dies_leaves_the_message_to_the_next(provider, message):
    closed(provider)
    provider.save()
    over = DAY + STRANDED
    Message.objects.update(state="claimed", leased_until=over, attempts=2)
    settle_expired(at=over + LEASE)
    assert fresh(message).state == "queued"
    assert give_up_stranded(at=over + LEASE + STRANDED) == 1
    assert fresh(message).state == "unknown"


def test_a_provider_described_anew_is_not_given_what_the_former_service_may_have(
    provider, message, httpserver, admin_client
):
    httpserver.expect_request("/other").respond_with_handler(lambda _: Response('{"id": "2"}'))
    url = reverse("admin:messaging_provider_change", args=[provider.pk])
    form = admin_client.get(url).context["adminform"].form
    given = {name: form[name].value() for name in form.fields}
    given = {name: value for name, value in given.items() if value is not None}
    admin_client.post(url, given | {"preference": 7})
    provider.refresh_from_db()
    assert (provider.preference, provider.described_at) == (7, None)
    admin_client.post(url, given | {"options": f'{{"url": "{httpserver.url_for("/other")}"}}'})
    provider.refresh_from_db()
    assert provider.described_at is not None
    deliver_due(at=DAY + timedelta(minutes=1), limit=10)
    assert fresh(message).state == "unknown"
    assert not httpserver.log


def test_a_process_that_is_no_more_keeps_nothing_claimed(provider, message):
    Provider.objects.update(kind="smpp", settles="look_up")
    Message.objects.update(state="claimed", leased_until=DAY)
    settle_expired(at=DAY + ASKED_FOR / 2)
    assert fresh(message).state == "claimed"
    settle_expired(at=DAY + ASKED_FOR)
    assert fresh(message).state == "unknown"


def test_what_may_be_out_is_not_called_unsent_when_its_sending_is_stopped(message):
    sending = Sending.objects.create(title="Offer", source="campaign:1", state="running")
    Notice.objects.update(sending=sending)
    sendings.stop_sending(sending.pk, "Wrong terms.")
    deliver_due(at=DAY, limit=10)
    sendings.let_go_on(at=DAY)
    message = fresh(message)
    assert (message.state, message.reason) == ("unknown", "Wrong terms.")
    assert message.notice.state == "failed"
