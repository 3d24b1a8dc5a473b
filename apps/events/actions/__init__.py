"""What writes the timeline. Every app above records events, so that is named here as well."""

from apps.events.actions.recording import (
    Fact,
    listen,
    open_months,
    open_span,
    record,
    record_selected,
    stop_listening,
    untold,
)

__all__ = [
    "Fact",
    "listen",
    "open_months",
    "open_span",
    "record",
    "record_selected",
    "stop_listening",
    "untold",
]
