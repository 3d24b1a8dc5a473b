"""Terms tried in a real browser: the chart is drawn, a draft follows, its form shows what counts."""

import json

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from tests import factories
from tests.admin.test_trials import CASE
from tests.browser.test_back_office import PHONE, desk, evening, fits

__all__ = ["desk", "evening"]  # fixtures

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]


def test_terms_are_tried_saved_and_opened_where_only_what_counts_is_shown(desk, live_server):
    for ticker in ("AAPL", "IBM"):
        factories.underlying(ticker)
    desk.goto(f"{live_server}{reverse('admin:products_strategy_changelist')}")
    desk.get_by_role("link", name="Try terms").first.click()
    desk.get_by_label("Terms and prices").fill(json.dumps(CASE))
    desk.get_by_role("button", name="Try", exact=True).click()
    expect(desk.locator("[data-chart].is-drawn svg").first).to_be_visible()
    desk.set_viewport_size(PHONE)
    assert fits(desk)
    desk.set_viewport_size({"width": 1280, "height": 800})
    desk.get_by_text("Save as draft").first.click()
    desk.get_by_role("button", name="Save as draft").click()
    expect(desk.get_by_text("The terms are saved as a draft")).to_be_visible()

    desk.get_by_text("Capital at maturity", exact=True).first.click()
    barrier, buffer = desk.locator("#id_knock_in_barrier"), desk.locator("#id_buffer")
    expect(barrier).to_be_visible()
    expect(buffer).to_be_hidden()
    desk.locator("#id_redemption").select_option("buffer")
    expect(buffer).to_be_visible()
    expect(barrier).to_be_visible()  # it still holds something: what is refused must be seen
    barrier.fill("")
    expect(barrier).to_be_hidden()
    desk.set_viewport_size(PHONE)
    assert fits(desk)
