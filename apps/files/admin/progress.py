"""How far the work on a file is: the bar, its figures, and what a reader of the screen is told."""

from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.core.admin.display import count
from apps.files.admin.verdicts import address
from apps.files.models import Batch
from apps.files.queries.progress import progress

Text = str | Promise
STEP = 10  # percent between two sentences to a reader of the screen

DOING: dict[str, tuple[Text, Text]] = {
    Batch.State.CHECKING: (
        _("The file is being checked"),
        _("Nothing is stored yet. You may leave this page; the work goes on."),
    ),
    Batch.State.LANDING: (
        _("The file is landing"),
        _("All of it lands, or nothing. You may leave this page; the work goes on."),
    ),
    Batch.State.UNDOING: (
        _("The file is being taken back"),
        _("You may leave this page; the work goes on."),
    ),
}


def of(batch: Batch) -> dict[str, Any]:
    """Return how far it is, for the script that follows it; the same words stand on the page."""
    doing, note = DOING.get(batch.state, ("", ""))
    known = progress(batch.pk)
    done, total = (known.rows, known.of) if known else (0, 0)
    percent = done * 100 // total // STEP * STEP if total else 0
    return {
        "state": batch.state,
        "doing": str(doing),
        "note": str(note),
        "url": address(batch, "progress"),
        "done": min(done, total),
        "total": total,
        "texts": {
            "rows": _rows(done, total),
            "rate": count(round(known.rate)) if known and known.rate else "–",
            "left": lasting(known.left if known else None),
            "spoken": gettext("%(doing)s: %(percent)d percent")
            % {"doing": doing, "percent": percent},
        },
    }


def _rows(done: int, total: int) -> str:
    if not total:
        return count(done) if done else "–"
    return gettext("%(done)s of %(total)s") % {"done": count(done), "total": count(total)}


def lasting(seconds: float | None) -> str:
    """Write how long something takes, as exactly as anybody wants to know: 2 min."""
    if seconds is None:
        return "–"
    if seconds < 60:
        return gettext("%d s") % max(1, round(seconds))
    return gettext("%d min") % round(seconds / 60)
