"""Recording events: once each, with a row in the inbox of everyone who listens to the kind."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from django.db import connection, transaction

from apps.events.models import Inbox, Listening

# One statement, so that a fact and the wish to act on it are written or lost together.
RECORDED = """
recorded AS (
    INSERT INTO events_event (client_id, kind, subject, occurred_at, properties, source_key)
    {select}
    {conflict}
    RETURNING id, kind, occurred_at
), told AS (
    INSERT INTO events_inbox (listener, kind, event_id, occurred_at)
    SELECT listening.listener, recorded.kind, recorded.id, recorded.occurred_at
    FROM recorded JOIN events_listening AS listening USING (kind)
)
"""
RECORD = f"WITH {RECORDED} SELECT count(*) FROM recorded"  # noqa: S608 (our own)
ONCE = "ON CONFLICT (source_key, occurred_at) DO NOTHING"
# Holding the client, as a foreign key would: without him it is no event but an error.
FACTS = """
SELECT (SELECT id FROM profiles_client AS client WHERE client.id = fact.client_id FOR KEY SHARE),
    fact.kind, fact.subject, fact.occurred_at, fact.properties, fact.source_key
FROM json_to_recordset(%s) AS fact (
    client_id bigint, kind text, subject text, occurred_at timestamptz, properties jsonb,
    source_key text
)
"""

PATIENCE = "2s"  # that a new month waits for who is writing

# One look at an index for each row: a join would read the timeline of all clients.
UNTOLD = "(SELECT 1 FROM events_event AS told WHERE told.source_key = {key} LIMIT 1) IS NULL"


def untold(key: str) -> str:
    """Return the SQL condition that no event has this source key yet, whenever it occurred."""
    return UNTOLD.format(key=key)


@dataclass(frozen=True)
class Fact:
    """One event to record; `source_key` and `occurred_at` together make it unique."""

    client_id: int
    kind: str
    subject: str
    occurred_at: datetime
    source_key: str
    properties: dict[str, Any] = field(default_factory=dict)


def open_months(*, at: datetime) -> None:
    """Open this month and the next one ahead of those who will write to them.

    A new partition locks the timeline against everybody until its transaction ends: here for a
    moment, in an evaluation of many policies for as long as that lasts. Raises OperationalError
    where a long transaction is in the way; the next tick comes soon enough.
    """
    open_span(at, at.replace(day=1) + timedelta(days=32))


def open_span(first: datetime, last: datetime) -> None:
    """Open the months from one moment to another, each for itself and without a long wait."""
    for moment in months_between(first, last):
        with transaction.atomic():
            wait_briefly()
            open_month(moment)


def wait_briefly() -> None:
    """Limit the wait for locks in this transaction: whoever comes after us waits behind us."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = '{PATIENCE}'")


def months_between(first: datetime, last: datetime) -> list[datetime]:
    """Return a moment of every month from that of the first to that of the last."""
    months = [first]
    while (following := months[-1].replace(day=1) + timedelta(days=32)) < last:
        months.append(following)
    return [*months, last]


def open_month(moment: datetime) -> None:
    """Make the partition of the (UTC) month that holds the moment, unless it is there."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT events_open_month(%s)", [moment])


@transaction.atomic
def record_selected(
    select: str,
    params: Sequence[Any] | Mapping[str, Any],
    occurred_at: datetime,
    *,
    keys_are_new: bool = False,
) -> int:
    """Record the events a SELECT yields; all of them occur at `occurred_at`.

    The SELECT gives client_id, kind, subject, occurred_at, properties (jsonb), source_key; the clients
    come from rows that hold them by a foreign key, such as policies. Returns how many were new. Who
    knows that `keys_are_new`, since the rows in them are, spares a look for each; an IntegrityError
    tells him where he errs.
    """
    open_month(occurred_at)
    with connection.cursor() as cursor:
        conflict = "" if keys_are_new else ONCE
        cursor.execute(RECORD.format(select=select, conflict=conflict), params)
        (count,) = cursor.fetchone()
    return int(count)


@transaction.atomic
def record(facts: Iterable[Fact]) -> int:
    """Record events given one by one; return how many were new."""
    rows = list(facts)
    if not rows:
        return 0
    months = {
        (moment.year, moment.month): moment
        for moment in (fact.occurred_at.astimezone(UTC) for fact in rows)
    }
    for moment in months.values():
        open_month(moment)
    with connection.cursor() as cursor:
        written = orjson.dumps(rows).decode()
        cursor.execute(RECORD.format(select=FACTS, conflict=ONCE), [written])
        (count,) = cursor.fetchone()
    return int(count)


def listen(listener: str, kinds: Iterable[str]) -> None:
    """Have a row put into the listener's inbox for every new event of these kinds."""
    Listening.objects.bulk_create(
        [Listening(listener=listener, kind=kind) for kind in kinds], ignore_conflicts=True
    )


def stop_listening(listener: str, kinds: Iterable[str]) -> None:
    """Put no more events of these kinds into the listener's inbox, and take out what waits there."""
    rows = {"listener": listener, "kind__in": list(kinds)}
    Listening.objects.filter(**rows).delete()
    Inbox.objects.filter(**rows).delete()
