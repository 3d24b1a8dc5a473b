"""Files of events and purchases: each row is told once, whichever way it came before."""

from datetime import UTC, datetime

import pytest
from django.db import connection

from apps.events.actions import listen
from apps.events.imports.events import EventResource, PurchaseResource
from apps.events.models import Event, Inbox
from apps.files.actions import reading
from apps.files.actions.bringing import bring as bring_file
from tests.events.test_arrivals import AT, bring, drained, event, person
from tests.importing import import_file

pytestmark = pytest.mark.django_db

EVENTS = "id,core_id,kind,subject,occurred_at,prop_channel"
PURCHASES = "number,core_id,product,amount,currency,occurred_at"


def load(resource, *lines):
    text = "\n".join(lines) + "\n"
    return import_file(resource, text.encode(), filename="rows.csv", at=AT)


def test_events_of_a_file_are_told_once_with_what_they_hold():
    client = person()
    listen("first", ["order.placed"])
    file = (
        EVENTS,
        "e1,C-1,order.placed,order:7,2020-03-02T12:00:00Z,site",
        "e2,C-1,order.shipped,,2012-03-02T12:00:00+03:00,",
    )
    assert (load(EventResource, *file).new, load(EventResource, *file).unchanged) == (2, 2)
    first, second = Event.objects.order_by("source_key")
    assert (first.client, first.subject, first.properties) == (
        client, "order:7", {"channel": "site"},
    )  # fmt: skip
    assert (second.subject, second.occurred_at) == (
        f"client:{client.pk}", datetime(2012, 3, 2, 9, tzinfo=UTC),
    )  # fmt: skip
    assert Inbox.objects.filter(listener="first").count() == 1


def test_what_came_by_the_api_is_known_to_the_file_and_not_changed_by_it():
    person()
    bring(event(1))
    drained()
    line = "e1,C-1,order.placed,,2020-03-02T12:00:00Z,"
    assert load(EventResource, EVENTS, line).unchanged == 1
    report = load(EventResource, EVENTS, line.replace("placed", "lost"))
    assert [fault.column for fault in report.faults] == ["id"]
    assert Event.objects.get().kind == "order.placed"


def test_old_months_are_opened_before_a_file_takes_the_timeline(monkeypatch):
    person()
    for small in (reading.SMALL, 0):
        monkeypatch.setattr(reading, "SMALL", small)
        month = 3 if small else 4
        lines = f"{EVENTS}\nh{month},C-1,order.placed,,2003-0{month}-02T12:00:00Z,\n"
        batch = bring_file(lines.encode(), kind="events", filename="x.csv", at=AT)
        assert batch.new == 1
        assert Event.objects.count() == 0  # what was tried is taken back; the month stays open
        with connection.cursor() as cursor:
            cursor.execute("SELECT to_regclass(%s)", [f"events_event_2003_0{month}"])
            assert cursor.fetchone()[0]


@pytest.mark.parametrize(
    ("line", "column"),
    [
        ("e1,C-2,order.placed,,2020-03-02T12:00:00Z,", "core_id"),
        ("e1,C-1,coupon.accrued,,2020-03-02T12:00:00Z,", "kind"),
        ("e1,C-1,purchase.made,,2020-03-02T12:00:00Z,", "kind"),
        ("e1,C-1,order.placed,,2020-03-02T12:00:00,", "occurred_at"),
        ("e1,C-1,order.placed,,1999-12-31T12:00:00Z,", "occurred_at"),
        ("e1,C-1,order.placed,,2020-03-03T12:00:00Z,", "occurred_at"),
        (",C-1,order.placed,,2020-03-02T12:00:00Z,", "id"),
    ],
)
def test_a_row_that_is_no_event_is_refused_with_its_column(line, column):
    person()
    report = load(EventResource, EVENTS, line)
    assert [(fault.line, fault.column) for fault in report.faults] == [(2, column)]
    assert not Event.objects.exists()


def test_a_purchase_is_known_by_its_number_and_keeps_its_amount_in_minor_units():
    person()
    file = (PURCHASES, "N-1,C-1,Fund 7,1250.00,EUR,2020-03-02T12:00:00Z")
    assert (load(PurchaseResource, *file).new, load(PurchaseResource, *file).unchanged) == (1, 1)
    bought = {"number": "N-1", "product": "Fund 7", "amount": 125000, "currency": "EUR"}
    told = Event.objects.get()
    assert (told.kind, told.properties, told.source_key) == (
        "purchase.made", bought, "purchase:N-1",
    )  # fmt: skip
    bring(event(5, kind="purchase.made", properties=bought))
    drained()
    assert Event.objects.count() == 1


@pytest.mark.parametrize(
    ("line", "column"),
    [
        ("N-1,C-1,Fund 7,1250.001,EUR,2020-03-02T12:00:00Z", "amount"),
        ("N-1,C-1,Fund 7,0,EUR,2020-03-02T12:00:00Z", "amount"),
        ("N-1,C-1,Fund 7,5,XXZ,2020-03-02T12:00:00Z", "currency"),
        ("N-1,C-9,Fund 7,5,EUR,2020-03-02T12:00:00Z", "core_id"),
    ],
)
def test_a_purchase_that_cannot_be_reckoned_with_is_refused(line, column):
    person()
    report = load(PurchaseResource, PURCHASES, line)
    assert [fault.column for fault in report.faults] == [column]
