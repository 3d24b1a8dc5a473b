"""The one clock. Only shells read it; actions and the pure core are given the moment."""

from datetime import datetime

from django.conf import settings
from django.utils import timezone


def now() -> datetime:
    """Return the present moment, aware, in UTC; shifted by CLOCK_OFFSET in the demo's world."""
    return timezone.now() + settings.CLOCK_OFFSET  # noqa: TID251
