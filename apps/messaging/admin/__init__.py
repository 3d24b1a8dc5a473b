"""Messages in the back office: what we say, whom we told, what came back; its part of the start."""

from apps.messaging.admin import (
    approvals,
    calls,
    carriers,
    content,
    corrections,
    funnels,
    gate,
    invitations,
    limits,
    links,
    numbers,
    outbox,
    phrases,
    replies,
    start,
    stops,
)

__all__ = [
    "approvals",
    "calls",
    "carriers",
    "content",
    "corrections",
    "funnels",
    "gate",
    "invitations",
    "limits",
    "links",
    "numbers",
    "outbox",
    "phrases",
    "replies",
    "start",
    "stops",
]
