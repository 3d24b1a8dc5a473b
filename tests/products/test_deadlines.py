"""A deadline that comes near is told once, so many days before or as soon as it is known."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from threading import Barrier

import pytest
from django.db import connection

from apps.events.models import Event
from apps.products.actions import deadlines
from apps.products.actions.deadlines import mark_done, record_deadlines
from apps.products.models.deadlines import Deadline
from tests import factories

pytestmark = pytest.mark.django_db

DAY = date(2020, 12, 31)
EVE = datetime(2020, 12, 1, 9, tzinfo=UTC)  # thirty days before


def deadline(client=None, **fields):
    client = client or factories.client()
    fields = {"kind": "tax_deduction", "day": DAY, **fields}
    return Deadline.objects.create(
        client=client, reference=f"D-{Deadline.objects.count()}", **fields
    )


def test_a_deadline_is_told_once_so_many_days_before():
    account = factories.account(factories.client())
    near = deadline(account.client, account=account, year=2020, amount=520_00, currency="USD")
    assert record_deadlines(at=EVE - timedelta(days=1)) == 0
    assert [record_deadlines(at=EVE + timedelta(days=number)) for number in range(3)] == [1, 0, 0]
    event = Event.objects.get()
    assert (event.kind, event.client_id) == ("deadline.near", account.client_id)
    assert event.properties["deadline"] == near.pk
    assert event.properties["values"] == {
        "kind": "tax_deduction",
        "is_tax": True,
        "day": {"date": "2020-12-31"},
        "days": 30,
        "year": "2020",
        "about": "Savings",
        "amount": {"money": 520_00, "currency": "USD"},
    }


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"day": date(2020, 12, 1)}, 1),  # known on the very day
        ({"day": date(2020, 11, 30)}, 0),  # over
        ({"day": date(2021, 1, 31)}, 0),
        ({"day": date(2021, 1, 31), "days_before": 61}, 1),
        ({"done_on": date(2020, 6, 1)}, 0),
    ],
)
def test_what_is_over_done_or_far_is_not_told(fields, told):
    deadline(**fields)
    assert record_deadlines(at=EVE) == told


def test_done_counts_once():
    one = deadline()
    assert mark_done([one.pk], at=EVE) == 1
    assert mark_done([one.pk], at=EVE + timedelta(days=1)) == 0
    assert Deadline.objects.get().done_on == EVE.date()


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_two_at_once_tell_every_deadline_once(monkeypatch):
    monkeypatch.setattr(deadlines, "BATCH", 2)
    for _ in range(9):
        deadline()
    together = Barrier(3)

    def run(number):
        together.wait()
        try:
            return record_deadlines(at=EVE + timedelta(seconds=number))
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as pool:
        assert sum(pool.map(run, range(3))) == 9
    assert Event.objects.count() == 9
