"""A push goes to all devices of a client: one message each, and one step of its notice's cascade.

The others are made when the first is about to leave. From then on each has its own key, claim and
outcome like any message, so that what one device refuses is repeated to no other. A client is told
once one of them has taken it, and that counts once.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from django.db import connection, transaction

from apps.messaging.actions.devices import MOST_DEVICES
from apps.messaging.models.outbox import Message
from apps.messaging.queries.channels import carried
from apps.profiles.models import Channel

# One after the other for a notice: numbers go on from the highest.
LOCK = "SELECT id FROM messaging_notice WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE"
# Whoever follows up a message locks it before its notice: so do we.
HOLD = "SELECT id FROM messaging_message WHERE id = ANY(%s) ORDER BY id FOR UPDATE"
# What has another message at its step has been spread, or is what another was spread to. An address
# that opens something is masked once it was sent: it goes to one device.
SPREAD = """
WITH first AS (
    SELECT message.*, notice.client_id, (
        SELECT max(number) FROM messaging_message WHERE notice_id = message.notice_id
    ) AS highest
    FROM unnest(%(ids)s::bigint[], %(attempts)s::int[]) AS mine (id, attempts)
    JOIN messaging_message AS message USING (id, attempts)
    JOIN messaging_notice AS notice ON notice.id = message.notice_id
    WHERE message.state = 'claimed' AND NOT notice.values @? '$.*.url' AND NOT EXISTS (
        SELECT FROM messaging_message AS other
        WHERE other.notice_id = message.notice_id AND other.id <> message.id
            AND coalesce(other.step, other.number) = coalesce(message.step, message.number)
    )
), made AS (
    INSERT INTO messaging_message (
        notice_id, number, step, is_beside, channel, contact_point_id, language, wording_id, state,
        reason, key, provider_id, queued_at, send_after, subject, body
    )
    SELECT first.notice_id, first.highest + device.place, coalesce(first.step, first.number), TRUE,
        first.channel, device.point_id, first.language, first.wording_id, 'queued', '',
        md5(first.key || ':' || device.point_id)::uuid, '', %(at)s, %(at)s, '', ''
    FROM first CROSS JOIN LATERAL (
        SELECT point.id AS point_id, row_number() OVER (
            ORDER BY point.verified_at DESC NULLS LAST, point.id DESC
        ) AS place
        FROM profiles_contactpoint AS point
        JOIN messaging_device ON messaging_device.contact_point_id = point.id
        WHERE point.client_id = first.client_id AND point.channel = first.channel
            AND point.state = 'valid' AND point.id <> first.contact_point_id
            AND (%(schemes)s::text[] IS NULL
                OR split_part(point.address, ':', 1) = ANY(%(schemes)s))
            AND NOT EXISTS (
                SELECT FROM profiles_suppression AS stop
                WHERE stop.lifted_at IS NULL
                    AND stop.address_hash = sha256(
                        convert_to(point.channel || ':' || lower(point.address), 'UTF8'))
                    AND (stop.client_id IS NULL OR stop.client_id = point.client_id)
            )
        ORDER BY place LIMIT %(most)s
    ) AS device
    ORDER BY first.notice_id, device.place
    RETURNING notice_id
)
UPDATE messaging_message AS message SET is_beside = TRUE FROM first
WHERE message.id = first.id AND first.notice_id IN (SELECT notice_id FROM made)
RETURNING message.id
"""


def spread(messages: Sequence[Message], *, at: datetime) -> None:
    """Make a message for each further device of the clients whose claimed pushes leave now.

    One that is meant for a single address stays alone.
    """
    pushes = {
        message.pk: message
        for message in messages
        if message.channel == Channel.PUSH and message.notice.contact_point_id is None
    }
    if not pushes:
        return
    schemes = carried().schemes.get(Channel.PUSH)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(HOLD, [list(pushes)])
        lock(message.notice_id for message in pushes.values())
        cursor.execute(
            SPREAD,
            {
                "ids": list(pushes),
                "attempts": [message.attempts for message in pushes.values()],
                "schemes": None if schemes is None else list(schemes),
                "most": MOST_DEVICES - 1,
                "at": at,
            },
        )
        for (pk,) in cursor.fetchall():
            pushes[pk].is_beside = True


def lock(notices: Iterable[int]) -> None:
    """Let whoever settles what several messages of a notice came to wait for each other."""
    with connection.cursor() as cursor:
        cursor.execute(LOCK, [sorted(set(notices))])


def first_told(sent: Collection[Message]) -> list[Message]:
    """Return the messages that are the first of their step to be sent; their notices are locked."""
    beside = [one for one in sent if one.is_beside and one.channel == Channel.PUSH]
    if not beside:
        return list(sent)
    said = {
        (other.notice_id, other.at_step)
        for other in Message.objects.filter(
            notice__in={one.notice_id for one in beside},
            channel=Channel.PUSH,
            sent_at__isnull=False,
        ).exclude(pk__in=[one.pk for one in beside])
    }
    first = []
    for one in sent:
        step = (one.notice_id, one.at_step)
        if one not in beside or step not in said:
            first.append(one)
        said.add(step)
    return first
