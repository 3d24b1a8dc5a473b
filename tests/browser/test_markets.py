"""Calendars, keys and the API's page in a real browser, under their own policies."""

import os
from datetime import UTC, date, datetime, time, timedelta

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from apps.core import clock
from apps.products.actions.calendars import Calendar, override_day, store_calendar
from apps.products.models.feeds import Feed
from apps.products.models.markets import Exchange
from tests import factories

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

PHONE = {"width": 360, "height": 740}
EVENING = datetime(2020, 2, 28, 23, 30, tzinfo=UTC)
FRI = date(2020, 2, 28)


@pytest.fixture
def exchange(settings, db) -> Exchange:
    """A year of weekdays with one half day, one closure, and a strategy observed on a Friday."""
    settings.CLOCK_OFFSET = EVENING - clock.now()
    days = [date(2020, 1, 1) + timedelta(days=n) for n in range(366)]
    sessions = {day: None for day in days if day.weekday() < 5 and day != date(2020, 5, 25)}
    sessions[date(2020, 7, 2)] = time(13)
    store_calendar(
        Calendar("XNYS", "New York", "America/New_York", time(16), days[0], days[-1], sessions),
        at=EVENING,
    )
    made = Exchange.objects.get()
    factories.strategy(days=[FRI, date(2020, 5, 29)])
    override_day(
        made.pk, date(2020, 4, 10), "closed", reason="Good Friday", by=None, at=EVENING
    )  # fmt: skip
    Feed.objects.create(name="Closes of New York", exchange=made, source="file:closes")
    return made


@pytest.fixture
def desk(exchange, signed_in) -> Page:
    return signed_in


def shot(page: Page, name: str) -> None:
    if folder := os.environ.get("SHOTS"):
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def test_a_day_is_closed_from_the_calendar_and_its_observation_moves(desk, live_server, exchange):
    shot(desk, "start")
    page = reverse("admin:products_exchange_change", args=[exchange.pk])
    desk.goto(f"{live_server}{page}?month=2020-02")
    expect(desk.get_by_text("February 2020")).to_be_visible()
    shot(desk, "exchange")
    desk.set_viewport_size(PHONE)
    assert fits(desk)
    shot(desk, "exchange-phone")
    desk.set_viewport_size({"width": 1280, "height": 900})
    desk.locator(".desk-day-observed a").first.click()
    expect(desk.get_by_label("Day")).to_have_value("2020-02-28")
    shot(desk, "override")
    desk.get_by_label("Reason").fill("Storm over New York")
    desk.get_by_role("button", name="Save", exact=True).click()
    expect(desk.get_by_text("1 observation was derived anew")).to_be_visible()
    shot(desk, "overrides")
    moved = exchange.underlyings.first().memberships.first().strategy.observations.first()
    assert moved.valuation_on == date(2020, 3, 2)
    desk.goto(f"{live_server}{reverse('admin:products_observation_change', args=[moved.pk])}")
    shot(desk, "observation")


def test_a_key_is_made_and_shown_on_a_page_that_fits_a_phone(desk, live_server):
    desk.goto(f"{live_server}{reverse('admin:core_apikey_add')}")
    desk.get_by_label("Name").fill("Vendor")
    desk.get_by_label("bring closing prices").check()
    shot(desk, "key-form")
    desk.get_by_role("button", name="Save", exact=True).click()
    expect(desk.locator(".desk-key")).to_contain_text("tdg_")
    desk.set_viewport_size(PHONE)
    assert fits(desk)
    shot(desk, "key-phone")


def test_the_api_shows_itself_under_the_strict_policy(quiet_page, live_server):
    answer = quiet_page.goto(f"{live_server}/api/v1/docs")
    assert "unsafe" not in answer.headers["content-security-policy"]
    expect(quiet_page.get_by_text("/api/v1/quotes/batch")).to_be_visible()
    shot(quiet_page, "docs")
