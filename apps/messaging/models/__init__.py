"""The tables of messaging: templates, the outbox, the gate's books, corrections, personal links."""

from apps.messaging.models import (
    archive,
    content,
    corrections,
    devices,
    frequency,
    invitations,
    links,
    numbers,
    outbox,
    phrases,
    providers,
    receipts,
    replies,
    sendings,
    stops,
    verdicts,
)

__all__ = [
    "archive",
    "content",
    "corrections",
    "devices",
    "frequency",
    "invitations",
    "links",
    "numbers",
    "outbox",
    "phrases",
    "providers",
    "receipts",
    "replies",
    "sendings",
    "stops",
    "verdicts",
]
