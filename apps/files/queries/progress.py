"""How far the work on a file is: readable while one long transaction holds everything else."""

from dataclasses import dataclass

from django.core.cache import cache

KEPT = 3600  # seconds after the last sign of life
KEY = "files:progress:%d"


@dataclass(frozen=True)
class Progress:
    """Rows done of those there are (0: not known yet), rows a second, seconds left if known."""

    step: str
    rows: int
    of: int
    rate: float
    left: float | None


def progress(batch_id: int) -> Progress | None:
    """Return how far the work on a file is; None where nobody works on it."""
    said = cache.get(KEY % batch_id)
    return Progress(**said) if said else None
