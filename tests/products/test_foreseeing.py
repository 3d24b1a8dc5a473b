"""What a restatement would change, worked out aside where that takes longer than a page may."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.urls import reverse

from apps.products.actions.evaluation import evaluate_due
from apps.products.actions.quotes import QuoteRow, record_quotes
from apps.products.actions.restatement import foreseeing
from apps.products.actions.restatement.foreseeing import (
    FRESH,
    foresee_due,
    foresee_quotes,
    foresee_restatement,
    note_progress,
    read,
)
from apps.products.actions.restatement.ordering import propose_terms
from apps.products.actions.restatement.preview import preview_quotes, preview_restatement
from apps.products.models.markets import Quote
from apps.products.models.restatements import Foresight
from apps.products.models.strategies import Strategy
from tests import factories
from tests.products.observing import FIRST, SECOND, closes, evening, held_policy, written

pytestmark = pytest.mark.django_db
AT = evening(SECOND)


@pytest.fixture
def proposed():
    """A close that would end one strategy earlier, and shows another one's level otherwise."""
    held_policy(factories.strategy(call_barrier=1))
    held_policy(factories.strategy())
    closes(FIRST, ibm="99")
    closes(SECOND, ibm="99")
    evaluate_due(at=AT)
    record_quotes([QuoteRow("IBM", FIRST, Decimal(100))], source="correction", at=AT)
    return Quote.objects.get(state="held")


@pytest.fixture
def aside(monkeypatch):
    """Have nothing be so small that it is worked out at once."""
    monkeypatch.setattr(foreseeing, "FEW", 0)


def said(seen):
    """Say what is shown of a preview."""
    return [
        (
            one.strategy,
            [(step.observation.number, step.before.outcome, step.after.outcome,
              step.before.called, step.after.called) for step in one.steps],
            one.policies, one.difference, one.waiting_for,
        )
        for one in (*seen.changed, *seen.waiting)
    ], seen.checked, seen.differences  # fmt: skip


def test_what_is_small_is_worked_out_at_once(proposed):
    assert said(foresee_quotes([proposed.pk], at=AT)) == said(preview_quotes([proposed.pk], at=AT))
    assert not Foresight.objects.exists()


def test_many_policies_are_not_small(proposed, monkeypatch):
    monkeypatch.setattr(foreseeing, "SMALL", 1)
    assert isinstance(foresee_quotes([proposed.pk], at=AT), Foresight)


def test_what_is_worked_out_aside_says_the_same_and_changes_nothing(proposed, aside):
    before, at_once = written(), preview_quotes([proposed.pk], at=AT)
    asked = foresee_quotes([proposed.pk], at=AT)
    assert foresee_quotes([proposed.pk], at=AT) == asked
    assert [foresee_due(at=AT) for _ in range(2)] == [1, 0]
    assert written() == before
    asked.refresh_from_db()
    assert said(read(asked.found)) == said(at_once)
    assert foresee_quotes([proposed.pk], at=AT) == asked
    assert foresee_quotes([proposed.pk], at=AT + FRESH) != asked


def test_a_proposed_restatement_is_worked_out_aside_too(proposed, aside):
    Strategy.objects.update(coupon_rate=Decimal("0.03"))
    strategy = Strategy.objects.first()
    order = propose_terms(strategy.pk, since=FIRST, reason="3 %", at=AT, by=None)
    asked = foresee_restatement(order, at=AT)
    foresee_due(at=AT)
    asked.refresh_from_db()
    assert said(read(asked.found)) == said(preview_restatement(order, at=AT))


def test_what_somebody_has_begun_nobody_begins_again_until_he_must_be_dead(proposed, aside):
    foresee_quotes([proposed.pk], at=AT)
    Foresight.objects.update(state="working", begun_at=AT)
    assert foresee_due(at=AT) == 0
    assert foresee_quotes([proposed.pk], at=AT).state == "working"
    assert foresee_quotes([proposed.pk], at=AT + foreseeing.LOST).state == "asked"


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_of_several_workers_one_works_it_out(proposed, aside):
    foresee_quotes([proposed.pk], at=AT)

    def working(_):
        try:
            return foresee_due(at=AT)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(working, range(4))) == 1


def test_what_cannot_be_worked_out_is_told_and_may_be_asked_for_again(
    proposed, aside, admin_client
):
    asked = foresee_quotes([proposed.pk], at=AT)
    with connection.cursor() as cursor:
        cursor.execute("ALTER FUNCTION products_money RENAME TO gone")
    assert foresee_due(at=AT) == 1
    page = reverse("admin:products_foresight_change", args=[asked.pk])
    assert "could not be worked out" in admin_client.get(page).content.decode()
    assert foresee_quotes([proposed.pk], at=AT) != asked


def test_old_ones_are_forgotten(proposed, aside):
    foresee_quotes([proposed.pk], at=AT)
    foresee_due(at=AT + timedelta(days=1, seconds=1))
    assert not Foresight.objects.exists()


def test_the_back_office_follows_it_and_confirms_what_it_foresaw(proposed, aside, admin_client):
    quotes = reverse("admin:products_quote_changelist")
    chosen = {"action": "foresee", "_selected_action": proposed.pk}
    answer = admin_client.post(quotes, chosen)
    row = Foresight.objects.get()
    page = reverse("admin:products_foresight_change", args=[row.pk])
    assert answer.url == page
    assert "begins in a moment" in admin_client.get(page).content.decode()
    note_progress(row.pk, 3, 12)
    shown = admin_client.get(page).content.decode()
    assert "3 of 12 strategies" in shown
    assert 'data-live="2000"' in shown
    of_quote = reverse("admin:products_quote_change", args=[proposed.pk])
    assert "begins in a moment" not in admin_client.get(of_quote).content.decode()
    foresee_due(at=AT)
    shown = admin_client.get(page).content.decode()
    assert "+$975.00" in shown
    assert "As of" in shown
    do = reverse("admin:products_foresight_do", args=[row.pk, "confirm"])
    assert "1 quote confirmed" in admin_client.post(do, follow=True).content.decode()
