"""A push from the notice to the browser, and a messenger's message to the account."""

import json

import pytest

from apps.messaging import webpush
from apps.messaging.actions.delivery import deliver_due
from apps.messaging.actions.devices import Subscription, add_device
from apps.messaging.actions.letters import tag_of
from apps.messaging.models.devices import Device
from apps.messaging.models.providers import Provider
from apps.profiles.models import Channel, ContactPoint, Purpose
from tests import factories
from tests.messaging.test_webpush import read_by_browser
from tests.messaging.world import DAY, fresh, planned

pytestmark = pytest.mark.django_db
BROWSER, SECRET = webpush.private_key(b"a browser"), "c" * 22


def sent_to(someone, channel):
    factories.consent(someone, Purpose.SERVICE, channel)
    (message,) = planned(someone)
    assert message.channel == channel
    deliver_due(at=DAY, limit=10)
    return fresh(message)


def test_a_note_reaches_the_browser_and_opens_the_page(httpserver):
    httpserver.expect_request("/push").respond_with_data(status=201)
    Provider.objects.create(name="browsers", channel="push", kind="web_push", scheme="web")
    someone = factories.client()
    subscription = Subscription(
        Device.Kind.WEB, "https://fcm.googleapis.com/x", webpush.public_key(BROWSER), SECRET
    )
    add_device(someone.pk, subscription, source="page", at=DAY)
    Device.objects.update(endpoint=httpserver.url_for("/push"))
    message = sent_to(someone, Channel.PUSH)
    assert message.state == "sent", message.reason
    note = json.loads(read_by_browser(httpserver.log[0][0].data, BROWSER, SECRET))
    assert note["body"] == (
        "Your coupon on US Technology is accrued. The figures are on your page."
    )
    assert note["url"].startswith("http://localhost:8000/s/")
    assert note["tag"] == tag_of(message)


def test_a_device_that_is_gone_is_written_to_no_more(httpserver):
    httpserver.expect_request("/push").respond_with_data(status=410)
    Provider.objects.create(name="browsers", channel="push", kind="web_push", scheme="web")
    someone = factories.client()
    subscription = Subscription(
        Device.Kind.WEB, "https://fcm.googleapis.com/x", webpush.public_key(BROWSER), SECRET
    )
    add_device(someone.pk, subscription, source="page", at=DAY)
    Device.objects.update(endpoint=httpserver.url_for("/push"))
    assert sent_to(someone, Channel.PUSH).state == "failed"
    assert ContactPoint.objects.get(client=someone, channel="push").state != "valid"


def test_a_messenger_is_given_the_account_alone(httpserver, settings):
    httpserver.expect_request("/bottoken/sendMessage").respond_with_json(
        {"ok": True, "result": {"message_id": 5}}
    )
    settings.PROVIDER_SECRETS = {"bot": "token"}
    Provider.objects.create(
        name="bot", channel="messenger", kind="telegram", scheme="telegram",
        options={"url": httpserver.url_for("")},
    )  # fmt: skip
    someone = factories.client()
    ContactPoint.objects.create(client=someone, channel="messenger", address="telegram:77")
    message = sent_to(someone, Channel.MESSENGER)
    assert (message.state, message.provider_id) == ("sent", "77/5")
    assert httpserver.log[0][0].json["chat_id"] == "77"
