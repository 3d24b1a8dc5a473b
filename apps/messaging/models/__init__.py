"""The tables of messaging: templates, the outbox and personal links."""

from apps.messaging.models import content, links, outbox

__all__ = ["content", "links", "outbox"]
