"""A preview that is worked out aside, followed on its page in a real browser."""

from decimal import Decimal

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from apps.products.actions.evaluation import evaluate_due
from apps.products.actions.quotes import QuoteRow, record_quotes
from apps.products.actions.restatement import foreseeing
from apps.products.actions.restatement.foreseeing import foresee_due, foresee_quotes, note_progress
from apps.products.models.markets import Quote
from tests import factories
from tests.products.observing import FIRST, SECOND, closes, evening, held_policy

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]
AT = evening(SECOND)


def test_who_follows_a_preview_sees_it_come_to_its_end_and_decides(
    live_server, quiet_page, django_user_model, monkeypatch
):
    monkeypatch.setattr(foreseeing, "FEW", 0)
    django_user_model.objects.create_superuser("boss", password="secret")
    held_policy(factories.strategy(call_barrier=1))
    closes(FIRST, ibm="99")
    closes(SECOND, ibm="99")
    evaluate_due(at=AT)
    record_quotes([QuoteRow("IBM", FIRST, Decimal(100))], source="correction", at=AT)
    row = foresee_quotes([Quote.objects.get(state="held").pk], at=AT)
    note_progress(row.pk, 120, 400)
    page = reverse("admin:products_foresight_change", args=[row.pk])
    quiet_page.goto(f"{live_server}{page}")
    quiet_page.get_by_label("Username").fill("boss")
    quiet_page.get_by_label("Password").fill("secret")
    quiet_page.get_by_role("button", name="Log in").click()
    expect(quiet_page.get_by_text("120 of 400 strategies")).to_be_visible()
    foresee_due(at=AT)
    expect(quiet_page.get_by_text("+$975.00").first).to_be_visible()
    quiet_page.get_by_role("button", name="Confirm held quotes").click()
    expect(quiet_page.get_by_text("1 quote confirmed.")).to_be_visible()
