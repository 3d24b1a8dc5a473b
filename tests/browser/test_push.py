"""Push in Chromium: the browser's own permission, worker and notification.

The browser asks its maker's push service for an endpoint, and there is none without the internet:
that one answer is given to it.
"""

import json

import pytest
from playwright.sync_api import expect

from apps.messaging import webpush
from apps.messaging.models.devices import Device
from tests.landing.conftest import today, world  # noqa: F401

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

SUBSCRIPTION = {
    "endpoint": "https://fcm.googleapis.com/fcm/send/abc",
    "keys": {
        "p256dh": webpush.public_key(webpush.private_key(b"a browser")),
        "auth": "s" * 22,
    },
}
SERVICE = f"""
const subscription = {{
    endpoint: "{SUBSCRIPTION["endpoint"]}", toJSON: () => ({json.dumps(SUBSCRIPTION)})
}};
PushManager.prototype.subscribe = async function ({{applicationServerKey}}) {{
    if (applicationServerKey.length !== 65) throw new Error("no key");
    sessionStorage.subscribed = "1";
    return subscription;
}};
PushManager.prototype.getSubscription = async () => sessionStorage.subscribed ? subscription : null;
"""

# One that is evaluated, not waited for: a promise is true before it is kept.
SHOWN = """async () => {
    const registration = await navigator.serviceWorker.ready;
    for (let look = 0; look < 1200; look++) {
        const [note] = await registration.getNotifications();
        if (note) return [note.title, note.body];
        await new Promise((go) => setTimeout(go, 50));
    }
}"""


def deliver(context, page, told):
    """Hand the worker what the browser's push service would."""
    session, found = context.new_cdp_session(page), []
    session.on(
        "ServiceWorker.workerRegistrationUpdated",
        lambda event: found.extend(event["registrations"]),
    )
    session.send("ServiceWorker.enable")
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    for _ in range(1200):
        if found:
            break
        page.wait_for_timeout(50)
    origin = page.evaluate("location.origin")
    session.send(
        "ServiceWorker.deliverPushMessage",
        {"origin": origin, "registrationId": found[0]["registrationId"], "data": json.dumps(told)},
    )


def test_a_browser_is_taken_up_told_and_given_up(open_context, world):  # noqa: F811
    context = open_context(permissions=["notifications"])
    context.add_init_script(SERVICE)
    page = context.new_page()
    page.goto(world.page)
    page.get_by_role("button", name="Show my figures").click()
    offer = page.get_by_role("button", name="Allow notes on this device")
    offer.click()
    expect(page.locator("#push li")).to_have_count(1)
    expect(offer).to_be_hidden()
    assert Device.objects.get().contact_point.client_id == world.client.pk

    deliver(
        context, page, {"title": "Issuer", "body": "Your coupon is accrued.", "url": world.page}
    )
    assert page.evaluate(SHOWN) == ["Issuer", "Your coupon is accrued."]
    page.get_by_role("button", name="No more notes").click()
    expect(page.locator("#push li")).to_have_count(0)
