"""What became of messages by the word of their providers, once a sender's own answer is noted.

A message's state follows from all its receipts together, so that neither their order nor copies
matter. That it was delivered is never taken back. What waits to be sent again, though the provider
has it, is not.
"""

from collections.abc import Collection
from datetime import datetime

from django.db import connection, transaction
from django.utils.translation import gettext as _

from apps.events.actions import record_selected, untold

# While a message is being sent, its sender's answer comes first.
LOCK = """
SELECT id FROM messaging_message WHERE id = ANY (%s) AND state <> 'claimed' ORDER BY id FOR UPDATE
"""
SETTLE = """
WITH heard AS (
    SELECT message_id AS id,
        CASE WHEN bool_or(state IN ('delivered', 'seen')) THEN 'delivered'
            WHEN bool_or(state = 'failed') THEN 'failed' ELSE 'sent' END AS state,
        min(least(occurred_at, received_at)) AS first_at,
        min(least(occurred_at, received_at))
            FILTER (WHERE state IN ('delivered', 'seen')) AS delivered_at,
        min(least(occurred_at, received_at)) FILTER (WHERE state = 'seen') AS seen_at,
        min(least(occurred_at, received_at)) FILTER (WHERE state = 'failed') AS failed_at,
        max(reason) FILTER (WHERE state = 'failed') AS reason
    FROM messaging_receipt WHERE message_id = ANY (%(messages)s) GROUP BY message_id
), becoming AS (
    SELECT id, state, first_at, delivered_at, seen_at, CASE state WHEN 'failed' THEN failed_at END AS ended_at,
        CASE state WHEN 'failed' THEN coalesce(nullif(reason, ''), %(undelivered)s) ELSE '' END AS reason
    FROM heard
)
UPDATE messaging_message AS message SET
    state = becoming.state, reason = becoming.reason, ended_at = becoming.ended_at,
    follow_at = CASE WHEN becoming.state = 'failed' THEN %(at)s ELSE message.follow_at END,
    delivered_at = becoming.delivered_at, seen_at = least(message.seen_at, becoming.seen_at),
    sent_at = coalesce(message.sent_at, message.handed_at, becoming.first_at)
FROM becoming
WHERE message.id = becoming.id
    AND (message.state, message.reason, message.ended_at, message.delivered_at, message.seen_at)
        IS DISTINCT FROM (becoming.state, becoming.reason, becoming.ended_at, becoming.delivered_at,
            least(message.seen_at, becoming.seen_at))
    AND (message.state IN ('sent', 'unknown', 'failed', 'delivered')
        OR (message.state = 'queued' AND message.attempts > 0))
    AND NOT (becoming.state = 'sent' AND message.state IN ('sent', 'failed', 'delivered'))
    AND NOT (becoming.state = 'failed' AND message.state = 'delivered')
RETURNING message.id
"""
# A notice has failed when none of its messages is on the way or has arrived.
NOTICES = """
UPDATE messaging_notice AS notice SET
    state = CASE message.state WHEN 'failed' THEN 'failed' ELSE 'done' END, reason = message.reason
FROM messaging_message AS message
WHERE message.id = ANY (%s) AND notice.id = message.notice_id AND notice.state <> 'drafted'
    AND (message.state <> 'failed' OR NOT EXISTS (
        SELECT FROM messaging_message AS other
        WHERE other.notice_id = notice.id AND other.id <> message.id
            AND other.state NOT IN ('skipped', 'failed', 'unknown')
    ))
"""
TOLD = f"""
SELECT notice.client_id, news.kind, coalesce(nullif(notice.subject, ''), 'notice:' || notice.id),
    %(at)s::timestamptz,
    jsonb_build_object('message', message.id, 'notice', notice.id, 'channel', message.channel,
        'template', template.code),
    news.source_key
FROM messaging_message AS message
JOIN messaging_notice AS notice ON notice.id = message.notice_id
JOIN messaging_template AS template ON template.id = notice.template_id
CROSS JOIN LATERAL (VALUES (
    CASE message.state WHEN 'failed' THEN 'message.undelivered' ELSE 'message.sent' END,
    'message:' || message.id || CASE message.state WHEN 'failed' THEN ':undelivered' ELSE ':sent' END
)) AS news (kind, source_key)
WHERE message.id = ANY (%(messages)s) AND {untold("news.source_key")}
"""  # noqa: S608 (our own)


@transaction.atomic
def settle(messages: Collection[int], *, at: datetime) -> list[int]:
    """Let messages be what their receipts say; return all but those that are being sent just now."""
    with connection.cursor() as cursor:
        cursor.execute(LOCK, [sorted(messages)])
        free = [pk for (pk,) in cursor.fetchall()]
        cursor.execute(
            SETTLE, {"messages": free, "undelivered": _("The provider gave it up."), "at": at}
        )
        changed = [pk for (pk,) in cursor.fetchall()]
        cursor.execute(NOTICES, [changed])
    if changed:
        record_selected(TOLD, {"messages": changed, "at": at}, at)
    return free
