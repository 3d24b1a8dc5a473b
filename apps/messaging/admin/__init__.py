"""Messages in the back office: what we say, whom we told, what came back; its part of the start."""

from apps.messaging.admin import (
    content,
    corrections,
    gate,
    links,
    outbox,
    phrases,
    replies,
    start,
    stops,
)

__all__ = [
    "content",
    "corrections",
    "gate",
    "links",
    "outbox",
    "phrases",
    "replies",
    "start",
    "stops",
]
