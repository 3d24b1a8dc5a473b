"""How far a file is, as somebody else sees it while one long transaction runs."""

from datetime import UTC, datetime
from threading import Event, Thread

import pytest
from django.db import connection

from apps.core.imports.kinds import KINDS
from apps.files.actions import progress as telling
from apps.files.actions import reading
from apps.files.actions.bringing import bring
from apps.files.models import Batch
from apps.files.queries.progress import progress
from apps.products.models.accounts import Account
from tests import factories

AT = datetime(2026, 11, 2, 9, tzinfo=UTC)


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_rows_rate_and_time_left_are_seen_while_a_file_lands(monkeypatch):
    owner = factories.client()
    owner.identifiers.create(kind="core_id", value="C-1", created_at=AT)
    monkeypatch.setattr(reading, "SMALL", 0)
    monkeypatch.setattr(telling, "EVERY", 0)
    text = "number,core_id,name,currency,opened_on\n" + "".join(
        f"A-{n},C-1,Account,USD,2020-01-02\n" for n in range(300)
    )
    seen, stop = [], Event()

    def look():
        while not stop.is_set():
            for pk in Batch.objects.filter(state="landing").values_list("pk", flat=True):
                if (reached := progress(pk)) and reached.step == "land":
                    seen.append((reached, Account.objects.count()))
                    stop.set()
        connection.close()

    watcher = Thread(target=look)
    watcher.start()

    def wait(reached):
        if reached.step == "land":
            stop.wait(30)

    try:
        batch = bring(
            text.encode(), kind="accounts", filename="a.csv", confirmed=True, at=AT, hear=wait
        )
    finally:
        stop.set()
        watcher.join()
    assert batch.state == "landed"
    ((reached, stored),) = seen
    assert (reached.rows, reached.of, reached.left, stored) == (300, 300, 0, 0)
    assert reached.rate > 0
    assert progress(batch.pk) is None
    assert KINDS["accounts"].sets is None
