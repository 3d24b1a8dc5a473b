"""Two clients are put side by side in a real browser, made one and made two again."""

import os
from datetime import date

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from apps.core.admin.display import page_url
from apps.profiles.actions.conflicts import Claim, hold_claims
from apps.profiles.actions.duplicates import suggest_duplicates
from apps.profiles.models import Client, ContactPoint, Duplicate, Identifier
from tests import factories
from tests.admin.scene import EVENING
from tests.browser.test_back_office import PHONE, desk, evening, fits

__all__ = ["desk", "evening"]  # fixtures

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]


def pair():
    made = []
    for name, tier in (("Ada", "affluent"), ("Adelaide", "")):
        client = Client.objects.create(
            first_name=name, last_name="Lovelace-Testowa", created_at=EVENING, tier=tier,
            birth_on=date(1975, 12, 10), attributes={"branch": "North", name: "yes"},
        )  # fmt: skip
        ContactPoint.objects.create(client=client, channel="sms", address="+447700900001")
        mail = f"{name.lower()}.of.a.rather.long.address@example.com"
        ContactPoint.objects.create(client=client, channel="email", address=mail, state="bounced")
        Identifier.objects.create(client=client, kind="core_id", value=f"C-{client.pk}")
        made.append(client)
    suggest_duplicates([made[0].pk], at=EVENING)
    return made


def shot(page, name):
    if folder := os.environ.get("SHOTS"):
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


def test_two_clients_are_made_one_and_two_again(desk, live_server):
    kept, dropped = pair()
    factories.policy(dropped, factories.strategy())
    row = {"core_id": f"C-{dropped.pk}", "contract": "K-1", "last_name": "Lovelace"}
    hold_claims(
        [Claim(kept.pk, "core_id", f"C-{dropped.pk}", "file:clients.csv", 7, row)], at=EVENING
    )
    hold_claims(
        [Claim(dropped.pk, "core_id", f"C-{kept.pk}", "file:clients.csv", 8, row)], at=EVENING
    )
    desk.goto(f"{live_server}{reverse('admin:index')}")
    shot(desk, "start")
    desk.get_by_role("link", name="Clients who may be one person").click()
    shot(desk, "queue")
    desk.goto(f"{live_server}{page_url(Duplicate.objects.get())}")
    expect(desk.get_by_role("heading", name="One person or two?").first).to_be_visible()
    shot(desk, "pair")
    desk.set_viewport_size(PHONE)
    shot(desk, "pair-phone")
    assert fits(desk)
    desk.get_by_label("How you know that they are one person").fill("one passport")
    desk.get_by_role("button", name="One person: merge").click()
    expect(desk.get_by_text("They are one client now.")).to_be_visible()
    shot(desk, "merged-phone")
    assert fits(desk)
    desk.set_viewport_size({"width": 1280, "height": 900})
    shot(desk, "merged")
    desk.goto(f"{live_server}{page_url(dropped)}")
    expect(desk.get_by_text("stands for this client now")).to_be_visible()
    shot(desk, "tombstone")
    desk.go_back()
    desk.get_by_role("button", name="Take the merge back").click()
    expect(desk.get_by_text("They are two clients again.")).to_be_visible()
    shot(desk, "undone")
