"""How far what was meant for many came: sent, delivered, seen, clicked, converted; and its cost."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Count, Sum

from apps.messaging.models.content import Template
from apps.messaging.models.outbox import Message, Notice
from apps.messaging.models.sendings import Sending
from apps.messaging.queries.conversions import WINDOW

PERIOD = timedelta(days=30)  # of what a template's page speaks
MOST = 100_000  # notices counted there: its page opens at once

# Clients step by step, none counted at a step who is not at the one before: who saw a message got
# it, also where no receipt came. A hit belongs to the last message before it that went to the
# link's address about its subject, an event to the last hit of the client's before it.
FUNNEL = """
WITH meant AS MATERIALIZED ({meant}), sent AS MATERIALIZED (
    SELECT meant.id AS notice_id, meant.client_id, meant.subject, message.contact_point_id,
        message.sent_at, message.delivered_at, message.seen_at
    FROM meant JOIN messaging_message AS message ON message.notice_id = meant.id
    WHERE message.sent_at IS NOT NULL
), clicked AS MATERIALIZED (
    SELECT sent.notice_id, sent.client_id, hit.id, hit.occurred_at
    FROM sent
    JOIN messaging_link AS link ON link.client_id = sent.client_id
        AND link.subject = sent.subject AND link.contact_point_id = sent.contact_point_id
    JOIN messaging_hit AS hit ON hit.link_id = link.id AND hit.verdict = 'human'
        AND hit.occurred_at >= sent.sent_at
    WHERE sent.seen_at IS NOT NULL AND NOT EXISTS (
        SELECT FROM messaging_notice AS other
        JOIN messaging_message AS later ON later.notice_id = other.id
        WHERE other.client_id = sent.client_id AND other.subject = sent.subject
            AND later.contact_point_id = sent.contact_point_id
            AND later.sent_at > sent.sent_at AND later.sent_at <= hit.occurred_at
    )
), converted AS (
    SELECT DISTINCT clicked.notice_id
    FROM clicked
    JOIN events_event AS event ON event.client_id = clicked.client_id
        AND event.kind = ANY(%(wished)s) AND event.occurred_at >= clicked.occurred_at
        AND event.occurred_at < clicked.occurred_at + %(window)s
    WHERE NOT EXISTS (
        SELECT FROM messaging_link AS link JOIN messaging_hit AS hit ON hit.link_id = link.id
        WHERE link.client_id = clicked.client_id AND link.subject NOT LIKE 'staff:%%'
            AND hit.verdict = 'human' AND hit.occurred_at <= event.occurred_at
            AND (hit.occurred_at, hit.id) > (clicked.occurred_at, clicked.id)
    )
)
SELECT
    (SELECT count(*) FROM meant),
    count(DISTINCT notice_id),
    count(DISTINCT notice_id) FILTER (WHERE delivered_at IS NOT NULL OR seen_at IS NOT NULL),
    count(DISTINCT notice_id) FILTER (WHERE seen_at IS NOT NULL),
    (SELECT count(DISTINCT notice_id) FROM clicked),
    (SELECT count(*) FROM converted)
FROM sent
"""
OF_SENDING = "SELECT id, client_id, subject FROM messaging_notice WHERE sending_id = %(sending)s"
OF_TEMPLATE = """
SELECT id, client_id, subject FROM messaging_notice
WHERE template_id = %(template)s AND created_at >= %(since)s AND state <> 'drafted'
ORDER BY id DESC LIMIT %(most)s
"""


@dataclass(frozen=True)
class Funnel:
    """Clients at each step; a client whom one sending meant twice counts twice."""

    meant: int
    sent: int
    delivered: int
    seen: int
    clicked: int
    converted: int


def funnel_of_sending(sending: Sending) -> Funnel:
    return _counted(OF_SENDING, sending=sending.pk)


def funnel_of_template(template: Template, *, at: datetime) -> Funnel:
    """Count the newest notices of the last days; a sending's of the same template among them."""
    return _counted(OF_TEMPLATE, template=template.pk, since=at - PERIOD, most=MOST)


def _counted(meant: str, **of: Any) -> Funnel:
    wished = {"wished": list(settings.CONVERSION_KINDS), "window": WINDOW}
    with connection.cursor() as cursor:
        cursor.execute(FUNNEL.format(meant=meant), of | wished)
        return Funnel(*cursor.fetchone())


def costs(sending: Sending) -> list[tuple[str, int]]:
    """Add up what a sending's messages cost, by currency in minor units."""
    paid = Message.objects.filter(notice__sending=sending, cost__gt=0)
    summed = paid.values_list("carried_by__currency").annotate(sum=Sum("cost")).order_by("-sum")
    return [(currency, cost) for currency, cost in summed if currency]


def refusals(sending: Sending, *, most: int) -> list[tuple[str, int]]:
    """Count why clients of a sending were not told: stored reasons, the most frequent first."""
    refused = Notice.objects.filter(
        sending=sending, state__in=[Notice.State.SKIPPED, Notice.State.FAILED]
    )
    counts = refused.values_list("reason").annotate(count=Count("pk")).order_by("-count", "reason")
    return list(counts[:most])
