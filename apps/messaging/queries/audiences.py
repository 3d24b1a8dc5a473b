"""Whom a sending tells what: hashed in one pass, however many they are, and counted by wording."""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

# Of each client all that decides on what he is told. A million take seconds: it is asked for when a
# person asks for approval, and again only when somebody has edited a notice.
# Two clients who turn out to be one person are told what they were to be told, and nobody else is: a
# notice that a merge has moved since then counts as that of the client to whom it was addressed. Where
# the merge is older, and taken back, somebody else is told than was approved.
AUDIENCE = """
WITH moved AS (
    SELECT DISTINCT ON (what, notice) what, notice, was
    FROM (
        SELECT move ->> 0 AS what, (move ->> 1)::bigint AS was, pk::bigint AS notice, merge.id
        FROM profiles_merge AS merge
        CROSS JOIN jsonb_array_elements(merge.moved) AS move
        CROSS JOIN jsonb_array_elements_text(move -> 3) AS pk
        WHERE merge.state = 'merged' AND merge.decided_at >= %(since)s
            AND move ->> 0 IN ('messaging.notice.client', 'messaging.notice.contact_point')
    ) AS each
    ORDER BY what, notice, id
)
SELECT count(DISTINCT told.client_id),
    coalesce(array_agg(DISTINCT told.template_id), '{}'),
    coalesce(array_agg(DISTINCT told.segment) FILTER (WHERE told.segment <> ''), '{}'),
    sha256(coalesce(string_agg(told.hash, ''::bytea ORDER BY told.id), ''))
FROM (
    SELECT id, client_id, template_id, segment, sha256(convert_to(row(
        coalesce(client.was, client_id), template_id, variant, segment, subject, result_id,
        coalesce(address.was, contact_point_id), hold_out, extract(epoch FROM deadline_at), values
    )::text, 'UTF8')) AS hash
    FROM messaging_notice AS notice
    LEFT JOIN moved AS client
        ON client.notice = notice.id AND client.what = 'messaging.notice.client'
    LEFT JOIN moved AS address
        ON address.notice = notice.id AND address.what = 'messaging.notice.contact_point'
    WHERE sending_id = %(sending)s
) AS told
"""
PLANNED = """
SELECT message.channel, message.language, message.wording_id, count(*),
    min(message.id)
FROM messaging_notice AS notice
JOIN messaging_message AS message ON message.notice_id = notice.id
WHERE notice.sending_id = %(sending)s AND message.state IN ('queued', 'held', 'claimed')
GROUP BY 1, 2, 3 ORDER BY 4 DESC, 3
"""
# Also what still waits to see whether another channel must follow.
IS_OPEN = """
SELECT EXISTS (
    SELECT FROM messaging_notice AS notice
    WHERE notice.sending_id = %(sending)s AND (
        notice.state IN ('drafted', 'queued', 'planned') OR EXISTS (
            SELECT FROM messaging_message AS message
            WHERE message.notice_id = notice.id AND message.follow_at IS NOT NULL
        )
    )
)
"""


@dataclass(frozen=True)
class Audience:
    """How many clients, about what, of which segments, and the hash of every one of them."""

    clients: int
    templates: list[int]
    segments: list[str]
    digest: bytes


@dataclass(frozen=True)
class Planned:
    """The messages of one wording that have not left, and the first of them."""

    channel: str
    language: str
    wording: int
    count: int
    first: int


def audience(sending_id: int, *, since: datetime) -> Audience:
    """Read the whole audience as it was but for merges since; a million take 10 seconds."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL work_mem = '128MB'")  # it sorts them three times
        cursor.execute(AUDIENCE, {"sending": sending_id, "since": since})
        clients, templates, segments, digest = cursor.fetchone()
    return Audience(clients, sorted(templates), sorted(segments), bytes(digest))


def planned(sending_id: int) -> list[Planned]:
    """Count what is planned and has not left, the most frequent wording first."""
    with connection.cursor() as cursor:
        cursor.execute(PLANNED, {"sending": sending_id})
        return [Planned(*row) for row in cursor.fetchall()]


def is_open(sending_id: int) -> bool:
    """Say whether anything of a sending may still go out."""
    with connection.cursor() as cursor:
        cursor.execute(IS_OPEN, {"sending": sending_id})
        return bool(cursor.fetchone()[0])
