"""An adviser's call in a real browser, from the queue to the next one, without a pointer."""

import pytest
from django.conf import settings
from playwright.sync_api import Page, expect

from apps.advisers.models import CallTask
from apps.core import clock
from apps.core.admin.display import list_url, page_url
from tests import factories
from tests.advisers.world import awake, fresh, opened, phone
from tests.browser.conftest import DESK, PHONE

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def desk(open_context, live_server, admin_client) -> Page:
    """A page on which somebody has logged in who lives far from his clients."""
    context = open_context(timezone_id="Asia/Tokyo")
    name = settings.SESSION_COOKIE_NAME
    session = {"name": name, "value": admin_client.cookies[name].value, "url": live_server.url}
    context.add_cookies([session])
    page: Page = context.new_page()
    return page


def press_with_alt(page: Page, letter: str) -> None:
    """Press Alt and a letter as a keyboard does: Playwright leaves out what access keys go by."""
    session = page.context.new_cdp_session(page)
    key = {"modifiers": 1, "key": letter, "unmodifiedText": letter}
    session.send("Input.dispatchKeyEvent", {"type": "keyDown", **key})
    session.send("Input.dispatchKeyEvent", {"type": "keyUp", **key})
    session.detach()


def fits(page: Page) -> bool:
    """Say whether nothing runs over the edge, on a desk and on a phone."""
    found = []
    for size in (PHONE, DESK):
        page.set_viewport_size(size)
        found.append(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))
    return all(found)


def test_a_call_is_made_by_the_keyboard_alone(desk):
    client, now = awake(), clock.now()
    factories.policy(client, factories.strategy(name="Harbour"), nominal=12_345_00)
    task = opened(client, at=now, priority=200, purpose="")
    later = opened(awake(), key="k2", at=now)
    desk.goto(list_url(CallTask))
    assert fits(desk)

    press_with_alt(desk, "n")  # the next call
    expect(desk.locator(".call-words")).to_have_text("Hello")
    expect(desk.get_by_role("row", name="Harbour")).to_contain_text("$12,345.00")
    assert fits(desk)

    press_with_alt(desk, "c")  # his number
    expect(desk.get_by_role("link", name=phone(client).address)).to_be_visible()
    press_with_alt(desk, "w")  # when
    desk.keyboard.type("02022099")
    desk.keyboard.press("Tab")
    desk.keyboard.type("1100AM")
    by_his_own = "By your own clock: 2 Feb 2099, 20:00 (Asia/Tokyo)"
    expect(desk.get_by_text(by_his_own)).to_be_visible()
    press_with_alt(desk, "o")
    desk.keyboard.type("After lunch")
    assert fits(desk)
    press_with_alt(desk, "4")  # wants to be called later

    expect(desk.get_by_text("He is to be called on 2 Feb 2099, 11:00")).to_be_visible()
    assert (fresh(task).state, fresh(task).note) == ("open", "After lunch")
    press_with_alt(desk, "n")
    expect(desk).to_have_url(page_url(later))
