"""How the providers and the queue are doing, counted so that the desk stays quick."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection
from django.db.models import Count, Sum

from apps.messaging.models.outbox import Message, Notice
from apps.messaging.models.providers import Provider
from apps.messaging.models.sendings import Sending

LATELY = timedelta(hours=1)

State = Message.State

# A queue of a million is counted no further than the desk shows.
DUE = """
SELECT channel, count(*), min(send_after)
FROM (
    SELECT channel, send_after FROM messaging_message
    WHERE state = 'queued' AND send_after <= %(at)s
    ORDER BY send_after LIMIT %(limit)s
) AS due
GROUP BY channel ORDER BY channel
"""


@dataclass(frozen=True)
class Queue:
    """What should be out by now in one channel, of as many messages as were asked for."""

    channel: str
    count: int
    oldest: datetime


def queues(*, at: datetime, most: int) -> list[Queue]:
    """Count what waits longest, by channel; `most` messages in all."""
    with connection.cursor() as cursor:
        cursor.execute(DUE, {"at": at, "limit": most})
        return [Queue(*row) for row in cursor.fetchall()]


def lately(provider: Provider, *, at: datetime) -> dict[str, int]:
    """Count what the provider was handed in the last hour, by what became of it."""
    handed = Message.objects.filter(carried_by=provider, handed_at__gte=at - LATELY)
    return dict(handed.values_list("state").annotate(count=Count("pk")).order_by("state"))


def cost_since(provider: Provider, since: datetime) -> int:
    """Add up what the provider's messages cost since a moment, in minor units of its currency."""
    sent = Message.objects.filter(carried_by=provider, handed_at__gte=since)
    return sent.aggregate(total=Sum("cost"))["total"] or 0


def costs_since(since: datetime) -> list[tuple[str, int]]:
    """Add up what messages cost since a moment, by currency in minor units."""
    sent = Message.objects.filter(handed_at__gte=since, cost__gt=0)
    summed = sent.values_list("carried_by__currency").annotate(total=Sum("cost"))
    return [(currency, total) for currency, total in summed.order_by("-total") if currency]


def ailing(*, at: datetime) -> list[Provider]:
    """Return the providers that are closed, nameless, or left alone after several failures."""
    return [
        provider
        for provider in Provider.objects.all()
        if not provider.is_open
        or is_nameless(provider)
        or (provider.rests_until and provider.rests_until > at)
    ]


def is_nameless(provider: Provider) -> bool:
    """Say whether clients are not written to by it, since its row names no environment."""
    return settings.LIVE and not provider.environment


@dataclass(frozen=True)
class Progress:
    """How far a sending is: of how many clients, and how many were told, not told or wait."""

    total: int
    by_state: dict[str, int]

    @property
    def done(self) -> int:
        return self.total - sum(
            self.by_state.get(state, 0)
            for state in (Notice.State.QUEUED, Notice.State.PLANNED, Notice.State.DRAFTED)
        )

    @property
    def percent(self) -> int:
        return 100 * self.done // self.total if self.total else 0


def progress(sending: Sending) -> Progress:
    counts = dict(
        Notice.objects.filter(sending=sending).values_list("state").annotate(count=Count("pk"))
    )
    return Progress(sum(counts.values()), counts)
