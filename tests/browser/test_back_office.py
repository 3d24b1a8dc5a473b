"""The back office in a real browser: it works, and nothing is refused by its own policy."""

import re
from datetime import UTC, datetime

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from apps.core import clock
from apps.core.admin.display import page_url
from apps.products.models.markets import Quote
from apps.products.models.strategies import Observation, Strategy
from tests.admin.scene import world

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

PHONE = {"width": 360, "height": 740}


@pytest.fixture(autouse=True)
def evening(settings):
    settings.CLOCK_OFFSET = datetime(2020, 2, 28, 23, 30, tzinfo=UTC) - clock.now()


@pytest.fixture
def desk(signed_in) -> Page:
    return signed_in


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def test_the_start_page_is_calm_when_empty_and_fits_a_phone(
    live_server, quiet_page, django_user_model
):
    django_user_model.objects.create_superuser("boss", password="secret")
    desk = quiet_page
    desk.goto(f"{live_server}{reverse('admin:login')}")
    desk.get_by_label("Username").fill("boss")
    desk.get_by_label("Password").fill("secret")
    desk.get_by_role("button", name="Log in").click()
    expect(desk.get_by_text("Nothing needs your attention")).to_be_visible()
    desk.set_viewport_size(PHONE)
    assert fits(desk)


def test_the_start_page_leads_to_what_waits(desk, live_server):
    world()
    desk.goto(f"{live_server}{reverse('admin:index')}")
    expect(desk.get_by_role("heading", name="Observations that wait")).to_be_visible()
    desk.set_viewport_size(PHONE)
    assert fits(desk)
    desk.get_by_role("link", name="Prices that wait for your word").click()
    expect(desk.get_by_text("jump of +60.0 %")).to_be_visible()


def test_a_held_price_is_confirmed_and_its_observation_evaluated(desk, live_server):
    world()
    waits = Observation.objects.get(state="waiting")
    desk.goto(f"{live_server}{page_url(waits)}")
    desk.get_by_role("button", name="Evaluate now").click()
    expect(desk.get_by_text("MSFT: close of 28 Feb 2020 is held").first).to_be_visible()
    desk.goto(f"{live_server}{reverse('admin:products_quote_changelist')}?state__exact=held")
    desk.locator("#result_list input.action-select").first.check()
    desk.locator("select[name=action]").select_option("confirm")
    desk.get_by_role("button", name=re.compile("Run")).click()
    expect(desk.get_by_text("1 quote confirmed.")).to_be_visible()
    assert not Quote.objects.filter(state="held").exists()
    desk.goto(f"{live_server}{page_url(waits)}")
    desk.get_by_role("button", name="Evaluate now").click()
    expect(desk.get_by_text("1 observation evaluated.")).to_be_visible()


def test_every_kind_of_page_keeps_its_policy(desk, live_server):
    clients = world()
    strategy = Strategy.objects.exclude(state="draft").first()
    draft = Strategy.objects.get(state="draft")
    addresses = [page_url(row) for row in (clients[0], strategy, draft)] + [
        reverse(f"admin:{name}")
        for name in (
            "profiles_client_changelist", "files_batch_add", "profiles_client_export",
            "messaging_message_changelist", "django_celery_beat_periodictask_add",
            "password_change", "auth_user_add",
        )
    ]  # fmt: skip
    for address in addresses:
        desk.goto(f"{live_server}{address}")
        desk.set_viewport_size(PHONE)
        assert fits(desk), address
        desk.set_viewport_size({"width": 1280, "height": 800})
    desk.context.add_cookies([{"name": "django_language", "value": "ru", "url": live_server.url}])
    for wide in ("strategy", "observationresult", "quote"):
        desk.goto(f"{live_server}{reverse(f'admin:products_{wide}_changelist')}")
        runs_over = "list => list.scrollWidth - list.parentElement.clientWidth"
        assert desk.locator("#result_list").evaluate(runs_over) <= 0, wide


def test_a_strategys_page_draws_its_chart(desk, live_server):
    world()
    strategy = Strategy.objects.exclude(state="draft").first()
    desk.goto(f"{live_server}{page_url(strategy)}")
    expect(desk.locator("[data-chart].is-drawn")).to_be_visible()
    expect(desk.locator("[data-chart] svg").first).to_be_visible()


def test_russian_and_the_dark_mode_are_a_click_away(desk, live_server):
    desk.goto(f"{live_server}{reverse('admin:index')}")
    desk.evaluate("localStorage.setItem('adminTheme', JSON.stringify('dark'))")
    desk.reload()
    expect(desk.locator("html")).to_have_class(re.compile("dark"))
    desk.locator("form[action='/i18n/setlang/'] button", has_text="ru").first.evaluate(
        "b => b.click()"
    )
    expect(desk.locator("html")).to_have_attribute("lang", "ru")
