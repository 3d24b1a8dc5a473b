"""What people decide about a file by a button."""

from collections.abc import Callable
from typing import Any

from apps.core import clock
from apps.files.actions import confirming, undoing
from apps.files.models import Batch

Decide = Callable[[Batch, Any], bool]  # false: the file stands otherwise by now


def _confirm(batch: Batch, user: Any) -> bool:
    return confirming.confirm(batch.pk, by=user, at=clock.now())


def _release(batch: Batch, user: Any) -> bool:
    return confirming.release(batch.pk, by=user, at=clock.now())


def _undo(batch: Batch, user: Any) -> bool:
    return undoing.undo(batch.pk, by=user, at=clock.now())


def _drop(batch: Batch, user: Any) -> bool:
    return confirming.drop(batch.pk, by=user, at=clock.now())


DECISIONS: dict[str, Decide] = {
    "confirm": _confirm,
    "release": _release,
    "drop": _drop,
    "undo": _undo,
    # Once more, without what the source counted.
    "uncounted": lambda batch, _user: confirming.begin(batch.pk, controls={}),
}
