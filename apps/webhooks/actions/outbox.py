"""The outbox: events of the inboxes become messages; old ones are sent again or forgotten."""

import json
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from apps.webhooks.models import Delivery, Endpoint

KEPT = timedelta(days=60)  # how long what was sent can be looked up and sent again
TEST = "test.sent"  # the kind of a message that a person sends to try an endpoint
MOST = 10_000  # messages that one replay queues

# Thin: what happened, when and to whom, by our numbers and the core system's. Whoever may know more
# reads it by the API; no name, no address and no amount leaves by this door.
BODY = """
jsonb_build_object(
    'type', event.kind,
    'timestamp', to_char(event.occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    'data', jsonb_build_object(
        'event', event.id,
        'subject', event.subject,
        'client', event.client_id,
        'core_id', (
            SELECT min(value) FROM profiles_identifier AS identifier
            WHERE identifier.client_id = event.client_id AND identifier.kind = 'core_id'
        )
    )
)::text
"""
MESSAGE_ID = "'msg_' || endpoint.id || '_' || event.id"
# One statement: the messages are written and the inbox rows deleted together.
QUEUE = f"""
WITH taken AS (
    SELECT id, listener, event_id, occurred_at FROM events_inbox
    WHERE listener LIKE 'webhook:%%'
    ORDER BY id LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
), queued AS (
    INSERT INTO webhooks_delivery (endpoint_id, message_id, event_id, kind, body, state, attempts,
        queued_at, send_after)
    SELECT endpoint.id, {MESSAGE_ID}, event.id, event.kind, {BODY}, 'queued', 0, %(at)s, %(at)s
    FROM taken
    JOIN webhooks_endpoint AS endpoint ON 'webhook:' || endpoint.id = taken.listener
    JOIN events_event AS event ON event.id = taken.event_id
        AND event.occurred_at = taken.occurred_at
    ON CONFLICT (endpoint_id, event_id) DO NOTHING
)
DELETE FROM events_inbox USING taken WHERE events_inbox.id = taken.id
"""  # noqa: S608 (our own constants)
# What happened in a span, told or not, under the same ids: a receiver knows what he has.
REPLAY = f"""
INSERT INTO webhooks_delivery (endpoint_id, message_id, event_id, kind, body, state, attempts,
    queued_at, send_after)
SELECT endpoint.id, {MESSAGE_ID}, event.id, event.kind, {BODY}, 'queued', 0, %(at)s, %(at)s
FROM webhooks_endpoint AS endpoint
JOIN events_event AS event ON event.kind = ANY (endpoint.kinds)
    AND event.occurred_at >= %(first)s AND event.occurred_at < %(last)s
WHERE endpoint.id = %(endpoint)s
ORDER BY event.occurred_at, event.id LIMIT %(most)s
ON CONFLICT (endpoint_id, event_id) DO UPDATE
SET state = 'queued', attempts = 0, send_after = excluded.send_after, delivered_at = NULL
WHERE webhooks_delivery.state IN ('delivered', 'failed')
"""  # noqa: S608 (our own constants)


def queue_deliveries(*, at: datetime, limit: int) -> int:
    """Queue a message for each event in the inboxes of endpoints; return how many left the inbox."""
    with connection.cursor() as cursor:
        cursor.execute(QUEUE, {"limit": limit, "at": at})
        return int(cursor.rowcount)


def queue_test(endpoint: Endpoint, *, at: datetime) -> Delivery:
    """Queue a message that says nothing, so that its receiver can be tried."""
    body = {"type": TEST, "timestamp": at.isoformat().replace("+00:00", "Z"), "data": {}}
    return Delivery.objects.create(
        endpoint=endpoint,
        message_id=f"msg_{endpoint.pk}_test_{secrets.token_hex(8)}",
        kind=TEST,
        body=json.dumps(body),
        queued_at=at,
        send_after=at,
    )


def replay_span(endpoint_id: int, first: datetime, last: datetime, *, at: datetime) -> int:
    """Queue once more what happened from `first` until before `last`; return how many messages."""
    span: dict[str, Any] = {
        "endpoint": endpoint_id,
        "first": first,
        "last": last,
        "most": MOST,
        "at": at,
    }
    with connection.cursor() as cursor:
        cursor.execute(REPLAY, span)
        return int(cursor.rowcount)


def send_again(delivery_ids: Sequence[int], *, at: datetime) -> int:
    """Queue messages once more that were delivered or given up; return how many were."""
    State = Delivery.State  # noqa: N806 (an enumeration)
    done = Delivery.objects.filter(pk__in=delivery_ids, state__in=[State.DELIVERED, State.FAILED])
    return done.update(state=State.QUEUED, attempts=0, send_after=at, delivered_at=None)


def forget_deliveries(*, at: datetime) -> int:
    """Delete what was done with long ago; return how many rows went."""
    State = Delivery.State  # noqa: N806 (an enumeration)
    old = Delivery.objects.filter(
        queued_at__lt=at - KEPT, state__in=[State.DELIVERED, State.FAILED]
    )
    return old.delete()[0]
