"""Throws received files away, unless somebody brings or needs the same just then."""

from collections.abc import Iterable

from django.db import transaction
from django.db.models import QuerySet

from apps.files.actions.turns import settle_content
from apps.files.models import Batch, kept_at


def discard(digests: Iterable[str], *, unless: QuerySet[Batch]) -> None:
    """Throw away what lies in private under these digests, but for what some batches need."""
    for digest in digests:
        place = kept_at(digest)
        if place.exists():
            with transaction.atomic():
                settle_content(digest)
                if not unless.filter(sha256=digest).exists():
                    place.unlink(missing_ok=True)
