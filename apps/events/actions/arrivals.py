"""Events from outside: taken in at once, put on timelines a moment later, kept aside where they must.

A request leaves one row, committed before it is answered. Drains take such rows in sets; several may
work at once, and one that dies leaves the rows to the next.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, transaction
from psycopg import Cursor

from apps.core.models import ApiKey
from apps.events.actions.recording import (
    ONCE,
    RECORDED,
    months_between,
    open_month,
    wait_briefly,
)
from apps.events.envelope import OLDEST, PURCHASE
from apps.events.models import Stray

LATELY = timedelta(minutes=15)
KEPT = timedelta(days=30)  # how long an event waits for its client
EVER = 2 * KEPT
PEEKED = 1_000  # arrivals that a drain looks at

# Into nothing where the key was revoked a moment ago.
ACCEPT = """
INSERT INTO events_arrival (events, count, first_at, last_at, sender, received_at)
SELECT {events}, %(count)s, %(first)s, %(last)s, 'api:' || name, %(at)s
FROM core_apikey WHERE id = %(key)s AND revoked_at IS NULL
"""
ALL = "%(events)s::jsonb"
GOOD = """(
    SELECT jsonb_agg(event ORDER BY place)
    FROM jsonb_array_elements(%(events)s::jsonb) WITH ORDINALITY AS sent (event, place)
    WHERE place - 1 <> ALL (%(refused)s)
)"""
NEXT = """
SELECT id, count, first_at, last_at FROM events_arrival
ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
"""
# What the arrivals hold, an event a row, in the order in which they came.
GIVEN = f"""
SELECT arrival.id AS arrival_id, item.place, arrival.sender, arrival.received_at,
    item.kind, item.occurred_at,
    CASE WHEN item.core_id IS NULL THEN 'contract' ELSE 'core_id' END AS scheme,
    coalesce(item.core_id, item.contract) AS reference,
    coalesce(item.subject, '') AS subject, coalesce(item.properties, '{{}}') AS properties,
    CASE WHEN item.kind = '{PURCHASE}' THEN 'purchase:' || (item.properties ->> 'number')
        ELSE 'given:' || item.id END AS source_key
FROM events_arrival AS arrival
CROSS JOIN LATERAL ROWS FROM (
    jsonb_to_recordset(arrival.events) AS (
        id text, core_id text, contract text, kind text, subject text,
        occurred_at timestamptz, properties jsonb
    )
) WITH ORDINALITY
    AS item (id, core_id, contract, kind, subject, occurred_at, properties, place)
WHERE arrival.id = ANY (%(arrivals)s)
"""  # noqa: S608 (our own constants)
# The same id for another moment, told already or earlier in this set, is another event under a used
# name: it is kept aside, never told.
JUDGED = """
known AS MATERIALIZED (
    SELECT given.*, identifier.client_id,
        given.occurred_at <> first_value(given.occurred_at) OVER (
            PARTITION BY given.source_key ORDER BY given.arrival_id, given.place
        ) OR EXISTS (
            SELECT FROM events_event AS told
            WHERE told.source_key = given.source_key AND told.occurred_at <> given.occurred_at
                AND told.occurred_at >= %(oldest)s
        ) AS id_used
    FROM given
    LEFT JOIN profiles_identifier AS identifier
        ON identifier.kind = given.scheme AND identifier.value = given.reference
), held AS MATERIALIZED (
    -- As a foreign key would hold them, in one order so that two drains never cross.
    SELECT id FROM profiles_client
    WHERE id IN (SELECT client_id FROM known) ORDER BY id FOR KEY SHARE
)
"""
KNOWN = """
SELECT known.client_id, known.kind, coalesce(nullif(known.subject, ''), 'client:' || held.id),
    known.occurred_at, known.properties, known.source_key
FROM known JOIN held ON held.id = known.client_id
WHERE NOT known.id_used
"""
ASIDE = """
aside AS (
    INSERT INTO events_stray (reason, scheme, reference, kind, subject, occurred_at, properties,
        source_key, sender, received_at)
    SELECT CASE WHEN id_used THEN 'id_used' ELSE 'no_client' END, scheme, reference, kind, subject,
        occurred_at, properties, source_key, sender, received_at
    FROM known
    WHERE id_used OR client_id IS NULL OR client_id NOT IN (SELECT id FROM held)
    ON CONFLICT (source_key, occurred_at) DO NOTHING
)
"""
DRAIN = f"""
WITH given AS MATERIALIZED ({GIVEN}), {JUDGED},
{RECORDED.format(select=KNOWN, conflict=ONCE)},
{ASIDE}
DELETE FROM events_arrival WHERE id = ANY (%(arrivals)s)
"""  # noqa: S608 (our own constants)
# Strays whose client has come: either of the two did so lately.
KNOWN_BY = """identifier.kind = stray.scheme AND identifier.value = stray.reference
    AND stray.reason = 'no_client'"""
FOUND = f"""
SELECT id, occurred_at FROM events_stray
WHERE id IN (
    SELECT stray.id FROM events_stray AS stray
    JOIN profiles_identifier AS identifier ON {KNOWN_BY}
    WHERE stray.received_at >= %(since)s
    UNION
    SELECT stray.id FROM profiles_identifier AS identifier
    JOIN events_stray AS stray ON {KNOWN_BY}
    WHERE identifier.created_at >= %(since)s
)
ORDER BY id LIMIT %(limit)s
FOR UPDATE SKIP LOCKED
"""  # noqa: S608 (our own constants)
JOIN = f"""
WITH given AS MATERIALIZED (
    SELECT 0 AS arrival_id, id AS place, sender, received_at, kind, occurred_at, scheme, reference,
        subject, properties, source_key, id AS stray_id
    FROM events_stray WHERE id = ANY (%(strays)s)
), {JUDGED},
{RECORDED.format(select=KNOWN, conflict=ONCE)}, kept AS (
    UPDATE events_stray SET reason = 'id_used'
    WHERE id IN (SELECT stray_id FROM known WHERE id_used)
)
DELETE FROM events_stray
WHERE id IN (SELECT stray_id FROM known JOIN held ON held.id = known.client_id WHERE NOT id_used)
"""  # noqa: S608 (our own constants)


@dataclass(frozen=True)
class Batch:
    """The JSON list of events of one request, and the positions of those that are not kept."""

    events: str
    moments: Sequence[datetime]  # of the good ones; at least one
    refused: Sequence[int] = ()


def accept(batch: Batch, key: ApiKey, *, at: datetime) -> bool:
    """Keep the events of one request; when this returns, they are committed.

    False: the key is no longer good, and nothing was kept. Raises DataError for what no database
    keeps.
    """
    row: dict[str, Any] = {
        "events": batch.events,
        "refused": list(batch.refused),
        "count": len(batch.moments),
        "first": min(batch.moments),
        "last": max(batch.moments),
        "key": key.pk,
        "at": at,
    }
    statement = ACCEPT.format(events=GOOD if batch.refused else ALL)
    connection.ensure_connection()
    # Bound by the server: written into the statement, a long text would be read three times more.
    with connection.wrap_database_errors, Cursor(connection.connection) as cursor:
        cursor.execute(statement, row)
        return cursor.rowcount == 1


@transaction.atomic
def drain(*, at: datetime, limit: int) -> int:
    """Put about `limit` arrived events on timelines and into inboxes; return how many were taken.

    Raises OperationalError where a month is to be opened and a long transaction is in the way.
    """
    arrivals: list[int] = []
    moments: list[datetime] = []
    total = 0
    with connection.cursor() as cursor:
        cursor.execute(NEXT, [PEEKED])
        for arrival, count, first, last in cursor.fetchall():
            arrivals.append(arrival)
            moments += (first, last)
            total += count
            if total >= limit:
                break
        if arrivals:
            _tell(DRAIN, {"arrivals": arrivals}, moments, at=at)
    return total


@transaction.atomic
def join_strays(*, at: datetime, limit: int, lately: timedelta = LATELY) -> int:
    """Put events on the timelines of clients who have come since; return how many were looked at.

    Most strays wait in vain, so every few seconds only those are looked for of which something is
    new; `lately=EVER` goes through all, for who came in a file that landed for longer.
    """
    with connection.cursor() as cursor:
        cursor.execute(FOUND, {"limit": limit, "since": at - lately})
        found = cursor.fetchall()
    if found:
        strays, moments = zip(*found, strict=True)
        _tell(JOIN, {"strays": list(strays)}, moments, at=at)
    return len(found)


def _tell(
    statement: str, chosen: dict[str, list[int]], moments: Sequence[datetime], *, at: datetime
) -> None:
    with connection.cursor() as cursor:
        wait_briefly()  # where a month is new
        for month in months_between(min(moments).astimezone(UTC), max(moments).astimezone(UTC)):
            open_month(month)
        cursor.execute("SET LOCAL lock_timeout TO DEFAULT")
        cursor.execute(statement, {**chosen, "oldest": at - 2 * OLDEST})


def forget_strays(*, at: datetime) -> int:
    """Delete what has waited for its client in vain; return how many."""
    count, _by_model = Stray.objects.filter(received_at__lt=at - KEPT).delete()
    return count
