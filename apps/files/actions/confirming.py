"""What people decide about a file: that it is checked, lands, is released, or is looked at no more."""

from collections.abc import Mapping as Named
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Q

from apps.files.models import Batch, Mapping

State = Batch.State
# A file may be read anew, with another mapping, as long as nothing of it has landed.
READABLE = (State.RECEIVED, State.CHECKED, State.REFUSED, State.UNCHANGED)


def begin(
    batch_id: int,
    *,
    mapping: Mapping | None = None,
    layout: Named[str, Any] | None = None,
    controls: Named[str, str] | None = None,
) -> bool:
    """Have a file checked, with a mapping or a layout of its own; `work` does it."""
    chosen: dict[str, Any] = {}
    if mapping:
        chosen = {"mapping": mapping, "layout": mapping.layout, "is_complete": mapping.is_complete}
    if layout is not None:
        chosen["layout"] = dict(layout)
    if controls is not None:
        chosen["controls"] = dict(controls)
    readable = Batch.objects.filter(pk=batch_id, state__in=READABLE, landed_at=None)
    return bool(
        readable.update(
            state=State.CHECKING, note="", faults=[], purged_at=None, attempts=0, **chosen
        )
    )


def confirm(batch_id: int, *, by: AbstractBaseUser | None, at: datetime) -> bool:
    """Let a checked file land, or wait for a second person where it is large."""
    checked = Batch.objects.filter(pk=batch_id, state=State.CHECKED)
    who = {"confirmed_at": at, "confirmed_by": by, "note": ""}
    large = Q(new__gt=settings.FILES_ALONE) | Q(changed__gt=settings.FILES_ALONE)
    # Whoever it was, also one whose name is known no more, as of a key that outlives its maker.
    if checked.filter(large).update(state=State.WAITING, **who):
        return True
    return bool(checked.update(state=State.LANDING, **who))


def release(batch_id: int, *, by: AbstractBaseUser, at: datetime) -> bool:
    """Let land what waits for a second person: who neither brought nor confirmed the file."""
    waits = Q(state=State.WAITING) | Q(state=State.LANDED, released_at=None, held__gt=0)
    others = Batch.objects.filter(waits, pk=batch_id).exclude(held_digest="", state=State.LANDED)
    others = others.exclude(Q(received_by=by) | Q(confirmed_by=by))
    return bool(
        others.update(state=State.LANDING, released_at=at, released_by=by, note="", purged_at=None)
    )


def drop(batch_id: int, *, by: AbstractBaseUser, at: datetime) -> bool:
    """Throw a file away of which nothing has landed: nobody is asked about it any more."""
    idle = Batch.objects.filter(pk=batch_id, state__in=(*READABLE, State.WAITING), landed_at=None)
    return bool(idle.update(state=State.DROPPED, undone_at=at, undone_by=by, note=""))
