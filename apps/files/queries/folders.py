"""Watched folders: what has not come by its hour, and what must wait for it."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings

from apps.files.models import Batch, Folder

SATURDAY = 5
OUT = (Batch.State.REFUSED, Batch.State.DROPPED)
IN = (Batch.State.LANDED, Batch.State.UNCHANGED)


def late_files(at: datetime) -> list[Folder]:
    """Return the folders whose file of the day was due by now and has not come."""
    return [folder for folder in _watched() if not _has_come(folder, at=at)]


def is_waiting_for_file(kind: str, at: datetime) -> bool:
    """Tell whether a file of a kind that was due by now has not landed yet.

    Whoever tells clients of such data should wait: it is yesterday's.
    """
    return any(
        not _has_come(folder, at=at, states=IN) for folder in _watched() if folder.kind == kind
    )


def _watched() -> list[Folder]:
    return list(Folder.objects.filter(is_active=True, expected_by__isnull=False).order_by("path"))


def _has_come(folder: Folder, *, at: datetime, states: tuple[str, ...] = ()) -> bool:
    """Tell whether the newest file that was due is here; one that was refused or dropped is not."""
    due_at = last_due(folder, at=at)
    if due_at is None:
        return True
    midnight = datetime.combine(due_at.date(), time(), tzinfo=due_at.tzinfo)
    come = Batch.objects.filter(folder=folder, received_at__gte=midnight)
    come = come.filter(state__in=states) if states else come.exclude(state__in=OUT)
    return come.exists()


def last_due(folder: Folder, *, at: datetime) -> datetime | None:
    """Return the last moment by which a file was due; None before the first since it is watched."""
    if folder.expected_by is None:
        return None
    local = at.astimezone(ZoneInfo(settings.DEFAULT_CLIENT_TIME_ZONE))
    due = datetime.combine(local.date(), folder.expected_by, tzinfo=local.tzinfo)
    while due > local or (due.weekday() >= SATURDAY and not folder.on_weekends):
        due -= timedelta(days=1)
    return None if due < folder.made_at else due
