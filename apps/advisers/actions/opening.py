"""Asking advisers for calls."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from apps.advisers.models import CallTask
from apps.profiles.models import Client

WITHIN = timedelta(hours=24)  # in which news is to be called
KEPT = timedelta(days=7)  # after which nobody needs to be called with it any more
TITLE_LENGTH = 300  # of the column
# Of calls with one priority those of the wealthiest come first; whom nobody has ranked, last.
STANDING: dict[str, int] = {
    Client.Tier.HNWI: 4, Client.Tier.AFFLUENT: 3, Client.Tier.MASS_AFFLUENT: 2, Client.Tier.SMALL: 1,
}  # fmt: skip


@dataclass(frozen=True)
class Wish:
    """A call that somebody asks for; `key` names what asks, so that it is one task however often."""

    key: str
    client: int
    contact_point: int
    title: str
    source: str
    script: str = ""
    asked: str = ""
    language: str = "en"
    purpose: str = ""  # empty: the client himself asked for the call
    about: str = ""
    priority: int = 100
    within: timedelta = WITHIN
    expires_at: datetime | None = None


def open_task(wish: Wish, *, at: datetime) -> bool:
    """Put a call into the queue; False where it is there already.

    News is called until its deadline, or for a week; whoever asked for a call is never forgotten.
    """
    expires_at = wish.expires_at or (at + KEPT if wish.purpose else None)
    due_at = at + wish.within
    _task, is_new = CallTask.objects.get_or_create(
        key=wish.key,
        defaults={
            "client_id": wish.client,
            "contact_point_id": wish.contact_point,
            "title": wish.title[:TITLE_LENGTH],
            "script": wish.script,
            "asked": wish.asked,
            "language": wish.language,
            "purpose": wish.purpose,
            "source": wish.source,
            "about": wish.about,
            "priority": wish.priority,
            "standing": standing(wish.client),
            "opened_at": at,
            "call_after": at,
            "due_at": min(due_at, expires_at) if expires_at else due_at,
            "expires_at": expires_at,
        },
    )
    return is_new


def standing(client: int) -> int:
    """Rank a client by his tier."""
    return STANDING.get(Client.objects.values_list("tier", flat=True).get(pk=client), 0)
