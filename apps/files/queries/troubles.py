"""Files that somebody should look after."""

from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from apps.files.models import Batch

MENDED_FOR = timedelta(days=7)  # after which nobody mends rows and sends them again


def troubled(batches: QuerySet[Batch], *, at: datetime) -> QuerySet[Batch]:
    """Return the files of late of which something, or all, could not be read."""
    over = (Batch.State.DROPPED, Batch.State.UNDONE)
    wrong = Q(rejected__gt=0) | Q(state=Batch.State.REFUSED)
    return batches.exclude(state__in=over).filter(wrong, received_at__gte=at - MENDED_FOR)
