"""Reads of the timeline."""

from apps.events.models import Event
from apps.profiles.models import Client


def timeline(client: Client, limit: int = 50) -> list[Event]:
    """Return the client's newest events, newest first."""
    return list(Event.objects.filter(client=client).order_by("-occurred_at", "-pk")[:limit])


def timeline_of_subject(client: Client, subject: str, limit: int = 50) -> list[Event]:
    """Return the client's newest events about one thing, newest first."""
    about = Event.objects.filter(client=client, subject=subject)
    return list(about.order_by("-occurred_at", "-pk")[:limit])
