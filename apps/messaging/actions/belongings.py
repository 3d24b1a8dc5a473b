"""News of what clients hold beside strategies: the event itself brings what its words may say."""

from datetime import datetime

from django.db import connection

from apps.messaging.actions.routing import LISTENER

KINDS = ("holding.moved", "deadline.near")
# One statement, so one transaction: the notices are written and the inbox rows deleted together.
# The event may say until when it is news.
QUEUE = """
WITH taken AS (
    SELECT id, event_id, occurred_at FROM events_inbox
    WHERE listener = %(listener)s AND kind = ANY(%(kinds)s)
        AND kind IN (SELECT code FROM messaging_template)
    ORDER BY id LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
), queued AS (
    INSERT INTO messaging_notice (
        client_id, template_id, variant, subject, source, values, dedupe_key, state, reason,
        created_at, deadline_at
    )
    SELECT event.client_id, template.id, coalesce(event.properties ->> 'variant', 'plain'),
        event.subject, 'event:' || event.id, event.properties -> 'values', 'event:' || event.id,
        'queued', '', %(at)s,
        least(
            event.occurred_at + interval '7 days', (event.properties ->> 'until')::timestamptz
        )
    FROM taken
    JOIN events_event AS event ON event.id = taken.event_id
        AND event.occurred_at = taken.occurred_at
    JOIN messaging_template AS template ON template.code = event.kind
    ON CONFLICT (dedupe_key) DO NOTHING
)
DELETE FROM events_inbox USING taken WHERE events_inbox.id = taken.id
"""


def queue_belongings_news(*, at: datetime, limit: int) -> int:
    """Queue one notice per event; return how many events left the inbox."""
    with connection.cursor() as cursor:
        cursor.execute(
            QUEUE, {"listener": LISTENER, "kinds": list(KINDS), "limit": limit, "at": at}
        )
        return int(cursor.rowcount)
