"""The tables of messaging: templates, the outbox, the gate's books, corrections, personal links."""

from apps.messaging.models import (
    content,
    corrections,
    devices,
    frequency,
    links,
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
    "content",
    "corrections",
    "devices",
    "frequency",
    "links",
    "outbox",
    "phrases",
    "providers",
    "receipts",
    "replies",
    "sendings",
    "stops",
    "verdicts",
]
