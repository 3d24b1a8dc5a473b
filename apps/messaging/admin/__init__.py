"""Messages in the back office: what we say, whom we told, what came back; its part of the start."""

from apps.messaging.admin import (
    carriers,
    content,
    corrections,
    gate,
    links,
    numbers,
    outbox,
    phrases,
    replies,
    start,
    stops,
)

__all__ = [
    "carriers",
    "content",
    "corrections",
    "gate",
    "links",
    "numbers",
    "outbox",
    "phrases",
    "replies",
    "start",
    "stops",
]
