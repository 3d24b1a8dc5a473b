"""Messages in the back office: what we say, whom we told, who looked; and its part of the start."""

from apps.messaging.admin import content, corrections, links, outbox, start, stops

__all__ = ["content", "corrections", "links", "outbox", "start", "stops"]
