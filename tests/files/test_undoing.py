"""A landed file taken back, whole, and everything that stands in the way of that."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction

from apps.core.models import Change
from apps.files.actions import reading
from apps.files.actions.bringing import bring
from apps.files.actions.undoing import undo
from apps.files.actions.working import work
from apps.products.actions.lifecycle import record_milestones
from apps.products.models.strategies import ObservationResult
from apps.profiles.actions.consents import Answer, record_consent
from apps.profiles.models import Client, ConsentRecord, ContactPoint, Identifier
from tests import factories
from tests.products.waiting import wait_for_lock

AT = datetime(2026, 11, 2, 9, tzinfo=UTC)
LATER = AT + timedelta(hours=3)
HEAD = "core_id,first_name,phone,consent_service,consent_text\n"
ANN = "C-1,Ann,+447700900001,sms,1\n"
pytestmark = pytest.mark.django_db


def brought(text, kind="clients", at=AT):
    batch = bring(text.encode(), kind=kind, filename="x.csv", confirmed=True, at=at)
    assert batch.state == "landed", (batch.faults, batch.note)
    return batch


def undone(batch):
    assert undo(batch.pk, by=None, at=LATER)
    work(batch.pk, at=LATER)
    batch.refresh_from_db()
    return batch


def everything():
    return {
        model.__name__: list(model.objects.order_by("pk").values())
        for model in (Client, Identifier, ContactPoint, ConsentRecord)
    }


@pytest.fixture(params=[None, 0], ids=["small", "large"])
def way(request, monkeypatch):
    if request.param is not None:
        monkeypatch.setattr(reading, "SMALL", request.param)


def test_what_a_file_added_goes_and_what_it_changed_is_as_before(way):
    brought(HEAD + ANN)
    before = everything()
    batch = brought(HEAD + "C-1,Anna,+447700900002,none,1\nC-2,Bob,,sms,1\n", at=AT)
    assert everything() != before
    assert undone(batch).state == "undone", batch.note
    assert everything() == before


def test_a_file_is_undone_once():
    batch = undone(brought(HEAD + ANN))
    assert batch.state == "undone", batch.note
    assert not undo(batch.pk, by=None, at=LATER)
    assert not work(batch.pk, at=LATER)


def test_an_undone_file_can_be_brought_again():
    undone(brought(HEAD + ANN))
    assert brought(HEAD + ANN).new == 1


def test_a_later_change_stands_in_the_way_and_is_named():
    batch = brought(HEAD + ANN)
    Client.objects.update(first_name="Anna")
    assert undone(batch).state == "landed"
    assert "Changed since" in batch.note
    assert "clients" in batch.note
    assert Client.objects.get().first_name == "Anna"


def test_a_row_from_elsewhere_that_refers_to_it_stands_in_the_way():
    batch = brought(HEAD + ANN)
    factories.policy(Client.objects.get(), factories.strategy(), number="P-7")
    assert undone(batch).state == "landed"
    assert "Built on it since: 1 policies, such as “P-7”" in batch.note


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_a_change_that_comes_between_look_and_deed_waits_or_stands_in_the_way():
    brought(HEAD + ANN)
    second = brought(HEAD + "C-1,Anna,,,\n")
    changed = threading.Event()

    def change():
        with transaction.atomic():
            Client.objects.update(first_name="Annabel")
            changed.set()
            wait_for_lock()
        connection.close()

    other = threading.Thread(target=change)
    other.start()
    assert changed.wait(60)
    assert undone(second).state == "landed"
    other.join()
    assert "Changed since" in second.note
    assert Client.objects.get().first_name == "Annabel"


def test_what_the_client_withdrew_himself_stays_when_a_file_is_undone():
    brought(HEAD + ANN)
    wrong = brought(HEAD + "C-1,,,none,1\n")
    own = Answer(Client.objects.get().pk, "service", "sms", False, "1", "page")
    assert record_consent(own, at=LATER)
    assert not record_consent(own, at=LATER)
    assert undone(wrong).state == "undone", wrong.note
    assert not ConsentRecord.objects.latest("pk").granted
    again = bring((HEAD + ANN).encode(), kind="clients", filename="y.csv", confirmed=True, at=LATER)
    assert again.state == "unchanged"
    assert not ConsentRecord.objects.latest("pk").granted


def test_the_undoing_stands_in_the_trail_itself():
    batch = undone(brought(HEAD + ANN))
    assert batch.state == "undone", batch.note
    lines = Change.objects.filter(kind="removed", table_name="profiles_client")
    assert [(line.reason, line.batch) for line in lines] == [
        (f"undone: clients-{batch.pk}", batch.pk)
    ]
    assert Change.objects.filter(batch=batch.pk, kind="added").exists()


def test_files_are_undone_one_after_another_the_last_one_first():
    before = everything()
    first = brought(HEAD + ANN)
    between = everything()
    second = brought(HEAD + "C-1,Anna,+447700900002,none,1\nC-2,Bob,,sms,1\n", at=LATER)
    assert undone(first).state == "landed"
    assert "Changed since" in first.note
    assert undone(second).state == "undone", second.note
    assert everything() == between
    assert undone(first).state == "undone", first.note
    assert everything() == before


def test_prices_from_which_results_were_computed_are_not_taken_back():
    strategy = factories.strategy(state="published")
    day = strategy.observations.earliest("valuation_on").valuation_on
    factories.sessions(day)
    batch = brought(f"ticker,day,close\nAAPL,{day},100\nIBM,{day},100\n", kind="quotes")
    ObservationResult.objects.create(
        observation=strategy.observations.earliest("valuation_on"),
        outcome="ACCRUED", levels=[], carried={}, rate_paid=0, rate_remembered=0, evaluated_at=AT, formula_version="1",
    )  # fmt: skip
    assert undone(batch).state == "landed"
    assert strategy.code in batch.note


def test_a_policy_that_timelines_tell_of_is_not_taken_back():
    strategy = factories.strategy(state="published", code="duo", currency="USD")
    brought(HEAD + ANN)
    text = (
        "number,core_id,strategy,nominal,premium,currency,starts_on,ends_on\n"
        "P-1,C-1,duo,1000,1000,USD,2026-01-05,2027-01-05\n"
    )
    batch = brought(text, kind="policies")
    record_milestones(at=LATER)
    assert undone(batch).state == "landed"
    assert "P-1" in batch.note
    assert strategy.policies.count() == 1
