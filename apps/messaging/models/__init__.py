"""The tables of messaging: templates, the outbox, corrections and personal links."""

from apps.messaging.models import content, corrections, links, outbox, providers, sendings

__all__ = ["content", "corrections", "links", "outbox", "providers", "sendings"]
