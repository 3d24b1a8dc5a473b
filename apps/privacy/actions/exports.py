"""Taking out all that is known of a person: asked for, gathered, dropped again."""

import json
from datetime import datetime, timedelta

from django.contrib.auth.models import AbstractBaseUser
from django.core.serializers.json import DjangoJSONEncoder

from apps.privacy.models import PersonExport
from apps.privacy.queries.person import AT_ONCE, gathered, size

KEPT = timedelta(days=7)  # an export is a copy of a life: it does not lie about
State = PersonExport.State


def ask_export(
    client_id: int, *, reason: str, by: AbstractBaseUser | None, at: datetime
) -> PersonExport:
    """Ask for all that is known of a person; a little is gathered at once, much by the clock."""
    export = PersonExport.objects.create(
        client_id=client_id, reason=reason, asked_by_id=by.pk if by else None, asked_at=at
    )
    if size(client_id) <= AT_ONCE:
        gather(export.pk, at=at)
        export.refresh_from_db()
    return export


def gather(export_id: int, *, at: datetime) -> bool:
    """Fill an export; False where somebody else has."""
    export = PersonExport.objects.get(pk=export_id)
    content = json.loads(json.dumps(gathered(export.client_id), cls=DjangoJSONEncoder))
    queued = PersonExport.objects.filter(pk=export_id, state=State.QUEUED)
    return bool(queued.update(state=State.READY, content=content, made_at=at))


def gather_queued(*, at: datetime) -> int:
    """Fill the exports that wait; return how many there were."""
    waiting = PersonExport.objects.filter(state=State.QUEUED).order_by("pk")
    return sum(gather(pk, at=at) for pk in waiting.values_list("pk", flat=True))


def drop_old(*, at: datetime) -> int:
    """Drop the content of exports that had their time; that they were made stays known."""
    old = PersonExport.objects.filter(asked_at__lt=at - KEPT).exclude(state=State.DROPPED)
    return old.update(state=State.DROPPED, content=None)


def note_fetched(export_id: int, *, at: datetime) -> bool:
    ready = PersonExport.objects.filter(pk=export_id, state=State.READY)
    return bool(ready.update(fetched_at=at))
