"""A contract in the back office, in a real browser: its life, its money and a decision on it."""

from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, expect

from apps.core import clock
from apps.core.admin.display import page_url
from apps.products.actions.lifecycle import record_milestones
from apps.products.models.holdings import Policy, PolicyCoupon
from tests.admin.scene import EVENING, world
from tests.browser.test_back_office import PHONE, fits

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def a_week_later(settings):
    settings.CLOCK_OFFSET = datetime(2020, 3, 10, 9, tzinfo=UTC) - clock.now()


@pytest.fixture
def desk(signed_in) -> Page:
    return signed_in


def test_a_withdrawal_is_decided_and_seen_on_the_page_of_the_policy(desk, live_server):
    world(1)
    record_milestones(at=EVENING)
    policy = PolicyCoupon.objects.earliest("pk").policy
    desk.goto(f"{live_server}{page_url(policy)}")
    expect(desk.get_by_text("Policy issued")).to_be_visible()
    desk.get_by_role("button", name="Change the contract").click()
    desk.get_by_label("Decision").select_option("withdrawal")
    desk.get_by_label("Nominal").fill("400.00")
    desk.get_by_label("Amount").fill("390.10")
    desk.set_viewport_size(PHONE)
    assert fits(desk)
    desk.get_by_role("button", name="Carry out").click()
    expect(desk.get_by_text("$1,000.00 → $600.00")).to_be_visible()
    assert fits(desk)
    assert Policy.objects.get(pk=policy.pk).nominal == 600_00
