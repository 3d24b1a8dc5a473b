"""Events are recorded once, reach whoever listens, and are never changed."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction

from apps.events.actions import Fact, listen, open_months, record, record_selected, recording
from apps.events.models import Event, Inbox
from tests import factories

MOMENT = datetime(2020, 2, 28, 23, 30, tzinfo=UTC)


def fact(client, key, **fields):
    return Fact(
        **{
            "client_id": client.pk,
            "kind": "test.happened",
            "subject": "policy:1",
            "occurred_at": MOMENT,
            "source_key": key,
            **fields,
        }
    )


@pytest.mark.django_db
def test_an_event_recorded_twice_is_there_once():
    client = factories.client()
    assert record([fact(client, "a"), fact(client, "b")]) == 2
    assert record([fact(client, "b"), fact(client, "c")]) == 1
    assert Event.objects.count() == 3


@pytest.mark.django_db
def test_only_kinds_somebody_listens_to_reach_an_inbox_once_per_listener():
    client = factories.client()
    listen("first", ["test.happened"])
    listen("second", ["test.happened"])
    listen("second", ["test.happened"])
    record([fact(client, "a"), fact(client, "b", kind="test.ignored")])
    record([fact(client, "a")])
    told = Inbox.objects.filter(kind__startswith="test.").values_list(
        "listener", "event__source_key"
    )
    assert sorted(told) == [("first", "a"), ("second", "a")]


@pytest.mark.django_db
def test_events_of_a_select_are_recorded_like_events_given_one_by_one():
    client = factories.client()
    listen("first", ["test.happened"])
    select = """
        SELECT id, 'test.happened', 'client:' || id, %s::timestamptz, '{}'::jsonb, 'key:' || id
        FROM profiles_client
    """
    assert record_selected(select, [MOMENT], MOMENT) == 1
    assert record_selected(select, [MOMENT], MOMENT) == 0
    assert Event.objects.get().subject == f"client:{client.pk}"
    assert Inbox.objects.filter(listener="first").count() == 1


@pytest.mark.django_db
def test_events_of_every_month_find_their_partition():
    client = factories.client()
    moments = [
        MOMENT.replace(month=1, day=1, hour=0, minute=0) + timedelta(days=d) for d in (0, 31, 400)
    ]
    moments.append(datetime.fromisoformat("2021-01-01T00:30:00+03:00"))  # still 2020 in UTC
    record([fact(client, str(n), occurred_at=moment) for n, moment in enumerate(moments)])
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT tableoid::regclass::text FROM events_event ORDER BY 1")
        parts = [name for (name,) in cursor.fetchall()]
    assert parts == [
        f"events_event_{month}" for month in ("2020_01", "2020_02", "2020_12", "2021_02")
    ]


LOCKS = """
SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND mode = 'AccessExclusiveLock'
    AND relation = 'events_event'::regclass
"""


def locks_everybody_out():
    with connection.cursor() as cursor:
        cursor.execute(LOCKS)
        return cursor.fetchone() == (1,)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("days", [0, 25, 33])
def test_who_writes_to_a_month_that_was_opened_ahead_locks_nobody_out(days):
    moment = datetime(2032 + days, 1, 31, 23, 59, tzinfo=UTC)
    client = factories.client()
    for _twice in range(2):
        open_months(at=moment)
    with transaction.atomic():
        record([fact(client, "a", occurred_at=moment + timedelta(days=days))])
        assert locks_everybody_out() == (days == 33)


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_a_month_is_not_opened_while_somebody_writes_but_at_the_next_tick(monkeypatch):
    monkeypatch.setattr(recording, "PATIENCE", "50ms")
    moment = datetime(2033, 5, 31, tzinfo=UTC)
    client = factories.client()

    def tick():
        try:
            open_months(at=moment)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            record([fact(client, "a")])
            with pytest.raises(OperationalError, match="lock timeout"):
                pool.submit(tick).result()
        monkeypatch.undo()
        pool.submit(tick).result()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "change",
    [
        lambda: Event.objects.update(kind="test.rewritten"),
        lambda: Event.objects.all()._raw_delete("default"),
    ],
    ids=["update", "delete"],
)
def test_an_event_is_never_changed_or_deleted(change):
    record([fact(factories.client(), "a")])
    with pytest.raises(IntegrityError, match="append-only"):
        change()


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_four_writers_at_once_open_a_month_and_record_each_event_once():
    client = factories.client()
    start = Barrier(4)
    moment = datetime(2031, 5, 5, tzinfo=UTC)

    def write(_):
        start.wait()
        try:
            return record([fact(client, f"k{n}", occurred_at=moment) for n in range(50)])
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(write, range(4))) == 50
    assert Event.objects.count() == 50
