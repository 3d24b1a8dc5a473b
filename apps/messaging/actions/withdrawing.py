"""Taking back what has not left: an offer whose day went to one that counts more."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import connection

from apps.messaging.gate import Refusal
from apps.messaging.models.verdicts import Verdict

MESSAGES = """
UPDATE messaging_message SET state = 'skipped', reason = %(reason)s, ended_at = %(at)s
WHERE notice_id = ANY(%(notices)s) AND state IN ('queued', 'held')
    AND handed_at IS NULL
"""
NOTICES = """
WITH displaced AS (
    UPDATE messaging_notice AS notice SET state = 'skipped', reason = %(reason)s
    FROM unnest(%(notices)s::bigint[], %(others)s::bigint[]) AS pair (id, by)
    WHERE notice.id = pair.id AND notice.state = 'planned'
    RETURNING notice.id, pair.by
)
INSERT INTO messaging_verdict (notice_id, at, outcome, channel, reason, inputs)
SELECT id, %(at)s, %(refused)s, '', %(reason)s, jsonb_build_object('by', by) FROM displaced
"""


def displace(displaced: Mapping[int, int], *, at: datetime) -> int:
    """Take back the offers whose day another notice has now; return how many were still planned.

    The caller holds their messages and knows that none has left.
    """
    values: dict[str, Any] = {
        "notices": list(displaced),
        "others": list(displaced.values()),
        "reason": Refusal.DISPLACED,
        "refused": Verdict.Outcome.REFUSED,
        "at": at,
    }
    with connection.cursor() as cursor:
        cursor.execute(MESSAGES, values)
        cursor.execute(NOTICES, values)
        return int(cursor.rowcount)
