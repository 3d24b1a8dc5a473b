"""Notices on the issuer's own site: another origin, a strict policy, three forms, the keyboard alone."""

import json
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect
from werkzeug import Response

from apps.messaging.models.reactions import Reaction
from tests.browser.conftest import DESK, PHONE
from tests.messaging.board import hung, make_site, someone, token
from tests.messaging.world import fresh

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Issuer</title>
<meta name="viewport" content="width=device-width">
<link rel="icon" href="data:,"></head><body><h1>My account</h1>
<p><button id="ours">Order</button></p>
<script src="{tidings}/static/messaging/in_app.js" data-url="{tidings}/in-app/site"
  data-token="/token"></script></body></html>"""
POLICY = (
    "default-src 'none'; script-src {tidings}; style-src {tidings}; connect-src 'self' {tidings};"
    " img-src data:"
)
FORGED = """() => {
    const shadow = document.querySelector("tidings-notice").shadowRoot;
    const dialog = shadow.querySelector("dialog"), button = dialog.querySelector("button");
    const calls = [], ours = window.fetch;
    window.fetch = (address, ...rest) => (calls.push(address), ours(address, ...rest));
    dialog.dispatchEvent(new PointerEvent("pointermove", {bubbles: true}));
    button.click();
    dialog.dispatchEvent(new Event("cancel", {cancelable: true}));
    window.fetch = ours;
    const found = {calls, disabled: button.disabled, stands: dialog.isConnected};
    dialog.close();
    return found;
}"""


@pytest.fixture
def issuer(httpserver, live_server, settings):
    """The issuer's site: one page, and its backend's vouching for who is signed in."""
    origin = httpserver.url_for("/").rstrip("/")
    make_site(settings, origin)
    settings.TEST_RECIPIENTS = ["C-*"]
    said = {"tidings": live_server.url}
    policy = {"Content-Security-Policy": POLICY.format(**said)}
    httpserver.expect_request("/").respond_with_data(
        PAGE.format(**said), content_type="text/html", headers=policy
    )
    httpserver.expect_request("/token").respond_with_handler(
        lambda _request: Response(json.dumps({"token": token()}))
    )
    assert urlsplit(origin).port != urlsplit(live_server.url).port
    return origin


def until(page, message, name):
    """Wait until the server has noted a moment of a message."""
    for _ in range(600):
        if found := getattr(fresh(message), name):
            return found
        page.wait_for_timeout(50)
    raise AssertionError(name)


def test_a_banner_is_shown_seen_by_a_gesture_and_closed_for_good(open_context, issuer):
    message = hung(someone(), "banner", text="Your coupon of $25.00 is accrued.")
    page = open_context(viewport=DESK).new_page()
    page.goto(issuer)
    banner = page.get_by_role("region", name="News")
    expect(banner).to_contain_text("$25.00")
    until(page, message, "delivered_at")
    assert fresh(message).seen_at is None  # nobody has moved yet
    page.get_by_role("button", name="Order").click()  # the page goes on beside it
    banner.hover()
    until(page, message, "seen_at")
    banner.get_by_role("button", name="Close").click()
    expect(banner).to_have_count(0)
    for _ in range(600):
        if Reaction.objects.exists():
            break
        page.wait_for_timeout(50)
    page.reload()
    page.wait_for_load_state("networkidle")
    expect(banner).to_have_count(0)
    assert Reaction.objects.get().deed == "dismissed"


def test_a_popup_is_closed_by_escape_and_gives_the_focus_back(open_context, issuer):
    message = hung(someone(language="ru"), "popup", title="Купон", text="Купон начислен.")
    page = open_context(viewport=DESK).new_page()
    page.goto(issuer)
    popup = page.get_by_role("dialog", name="Купон")
    expect(popup).to_be_visible()
    page.keyboard.press("Escape")
    expect(popup).to_have_count(0)
    until(page, message, "seen_at")


def test_a_blocking_notice_stays_until_it_is_acknowledged_by_keyboard(open_context, issuer):
    person = someone()
    hung(person, "banner", "coupon.saved", title="Later")
    message = hung(person, title="A change", text="Read this.\n\n" + "It is long. " * 200)
    page = open_context(viewport=PHONE).new_page()
    page.goto(issuer)
    notice = page.get_by_role("alertdialog", name="A change")
    expect(notice).to_be_visible()
    # A script of the page can neither do it for him nor look like him, nor take it away.
    assert page.evaluate(FORGED) == {"calls": [], "disabled": False, "stands": True}
    expect(notice).to_be_visible()
    for _ in range(3):
        page.keyboard.press("Escape")
    page.mouse.click(3, 3)  # beside it
    expect(notice).to_be_visible()
    button = notice.get_by_role("button", name="I have read this")
    expect(button).to_be_visible()
    # Whatever the key, the page behind is never reached.
    for _ in range(6):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") != "ours"
    expect(notice).to_be_visible()
    assert not Reaction.objects.exists()
    button.focus()
    page.keyboard.press("Enter")
    expect(notice).to_have_count(0)
    assert Reaction.objects.get(message=message).deed == "acknowledged"
    expect(page.get_by_role("region", name="Later")).to_be_visible()  # one after the other


def test_what_could_not_be_saved_is_asked_again(open_context, issuer, complaints):
    message = hung(someone())
    context = open_context(viewport=DESK)
    page = context.new_page()
    page.goto(issuer)
    notice = page.get_by_role("alertdialog")
    expect(notice).to_be_visible()
    until(page, message, "delivered_at")
    page.route("**/acknowledged", lambda route: route.abort())
    notice.get_by_role("button", name="I have read this").click()
    expect(notice.get_by_role("alert")).to_contain_text("could not be saved")
    page.unroute("**/acknowledged")
    notice.get_by_role("button", name="I have read this").click()
    expect(notice).to_have_count(0)
    assert Reaction.objects.count() == 1
    complaints.clear()  # it was to fail
