"""Goes on where somebody was killed, and lets go of what nobody looks at any more."""

import traceback
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db.models import Q, QuerySet

from apps.files.actions import staging
from apps.files.actions.discarding import discard
from apps.files.actions.receiving import clear_broken_off
from apps.files.actions.watching import clear_abandoned
from apps.files.actions.working import work
from apps.files.models import NAMELESS, Batch

State = Batch.State
log = structlog.get_logger()
DONE = (State.LANDED, State.UNCHANGED, State.REFUSED, State.UNDONE, State.DROPPED)
USELESS = (State.REFUSED, State.DROPPED)


def resume(*, at: datetime) -> int:
    """Work on the batches that nobody works on; return how many there were.

    One that cannot be worked on is in no other's way.
    """
    waiting = Batch.objects.filter(state__in=Batch.WORKING).order_by("pk")
    count = 0
    for pk in waiting.values_list("pk", flat=True):
        try:
            count += work(pk, at=at)
        except Exception as error:  # noqa: BLE001 (whatever it is)
            # Never the error itself, nor what was at hand when it came: both may name clients.
            place = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{place.filename}:{place.lineno}"
            log.warning("a file cannot be worked on", batch=pk, why=type(error).__name__, at=where)
    return count


def purge(*, at: datetime) -> int:
    """Drop what was staged of files that are long done; return of how many.

    What did not land stays to be seen; the file itself stays as long as its rows say that it landed.
    Of files that were refused or thrown away it goes, too, and of those that an erasure let go.
    """
    old = at - timedelta(days=settings.FILES_STAGED_DAYS)
    done = Batch.objects.filter(state__in=DONE, purged_at=None)
    count = let_go(
        done.filter(Q(landed_at__lt=old) | Q(landed_at=None, received_at__lt=old)), at=at
    )
    useless = Q(state__in=USELESS, purged_at__isnull=False) | Q(state__in=DONE, filename=NAMELESS)
    # All of them: somebody may have been killed before he came to it.
    files = Batch.objects.filter(useless).values_list("sha256", flat=True).distinct()
    discard(files, unless=Batch.objects.exclude(useless))
    clear_broken_off()
    clear_abandoned()
    return count


def let_go(batches: QuerySet[Batch], *, at: datetime) -> int:
    """Drop what was staged of these files, and the cells that they were shown by."""
    count = 0
    for batch in batches.only("pk", "diff"):
        staging.drop(batch.pk)
        diff = {key: said for key, said in batch.diff.items() if key in {"columns", "sums"}}
        count += Batch.objects.filter(pk=batch.pk, purged_at=None).update(
            purged_at=at, fates="", diff=diff
        )
    return count
