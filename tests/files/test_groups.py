"""Rows that belong together land together or not at all, and nobody else waits for them."""

from datetime import UTC, datetime

import pytest
from django.db import connection

from apps.core.imports import landing
from apps.files.actions import reading
from apps.files.actions.bringing import bring
from apps.files.queries.reports import entries
from apps.products.models.accounts import Account, Transaction
from tests import factories

AT = datetime(2026, 11, 2, 9, tzinfo=UTC)
HEAD = "reference,account,kind,day,ticker,units,amount,currency\n"
pytestmark = pytest.mark.django_db


@pytest.fixture(params=[None, 0], ids=["small", "large"])
def accounts(request, monkeypatch):
    """Have two accounts, and files in batches of two rows where the way is the large one's."""
    if request.param is not None:
        monkeypatch.setattr(reading, "SMALL", 0)
        monkeypatch.setattr(landing, "BATCH", 2)
    owner = factories.client()
    factories.underlying("AAPL")
    for number in ("A-1", "A-2"):
        factories.account(owner, number=number, currency="USD")
    Transaction.objects.all().delete()


def brought(*rows):
    text = HEAD + "".join(f"{row}\n" for row in rows)
    return bring(text.encode(), kind="transactions", filename="t.csv", confirmed=True, at=AT)


def codes(batch):
    return [entry.get("code", entry["fate"]) for entry in entries(batch)]


BUY = "T-{},{},buy,2020-01-0{},AAPL,5,500,USD"
SELL = "T-{},{},sell,2020-01-0{},AAPL,{},500,USD"


def test_a_wrong_cell_keeps_its_group_out_and_no_other(accounts):
    batch = brought(
        BUY.format(1, "A-1", 2),
        BUY.format(2, "A-2", 2),
        BUY.format(3, "A-1", 3).replace("500", "x"),
    )
    assert [code == "group" for code in codes(batch)] == [True, False, False]
    assert codes(batch)[1] == "ok"
    assert set(Transaction.objects.values_list("account__number", flat=True)) == {"A-2"}


def test_what_is_refused_while_it_is_stored_takes_its_group_along(accounts):
    batch = brought(BUY.format(1, "A-1", 2), BUY.format(2, "A-2", 2), SELL.format(3, "A-1", 3, 9))
    assert (batch.ok, batch.rejected) == (1, 2)
    assert codes(batch)[:2] == ["group", "ok"]
    assert "fewer units" in [entry.get("sentence", "") for entry in entries(batch)][2]
    assert Transaction.objects.count() == 1


def test_rows_that_stand_on_each_other_land_over_many_batches(accounts):
    rows = [BUY.format(n, "A-1", 1 + n) for n in range(1, 5)]
    batch = brought(*rows, SELL.format(5, "A-1", 7, 20), BUY.format(6, "A-2", 2))
    assert (batch.ok, batch.rejected) == (6, 0)


def test_what_the_database_refuses_keeps_no_other_out(accounts):
    with connection.cursor() as cursor:
        cursor.execute(
            "ALTER TABLE products_transaction ADD CONSTRAINT odd CHECK (reference <> 'T-3')"
        )
    rows = [BUY.format(n, f"A-{1 + n % 2}", 2) for n in (2, 3, 4)]
    batch = brought(*rows)
    assert codes(batch) == ["ok", "refused", "ok"]
    assert Account.objects.count() == 2


def test_sums_are_told_by_currency_before_and_after(accounts):
    brought(BUY.format(1, "A-1", 2))
    text = HEAD + BUY.format(1, "A-1", 2) + "\n" + BUY.format(2, "A-2", 2).replace("500", "99.5")
    batch = bring(text.encode(), kind="transactions", filename="t.csv", at=AT)
    assert batch.diff["sums"] == [
        {"column": "amount", "currency": "USD", "before": "500.00", "after": "599.5"}
    ]
