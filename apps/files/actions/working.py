"""The work on a batch, from wherever the last process left it: checked, landed or taken back."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from apps.core.imports.layout import LayoutError
from apps.core.imports.reading.refusals import RefusedFileError
from apps.core.imports.report import Fault
from apps.core.imports.tally import Tally
from apps.files.actions import results, staging
from apps.files.actions.controls import contradictions
from apps.files.actions.passes import Pass, Source
from apps.files.actions.progress import told
from apps.files.actions.reading import opened, read
from apps.files.actions.turns import alone, take_turn
from apps.files.models import Batch

State = Batch.State


def work(batch_id: int, *, at: datetime) -> bool:
    """Do what is to be done on a batch; False where nothing is, or somebody else is at it.

    Killed at any point, it is done again from the file itself, to the same end.
    """
    with alone(batch_id) as mine:
        batch = Batch.objects.select_related("received_by").filter(pk=batch_id).first()
        if not mine or batch is None or batch.state not in Batch.WORKING:
            return False
        try:
            source = _source(batch)
        except (RefusedFileError, LayoutError) as error:
            _refuse(batch, _faults(error), at=at)
            return True
        if batch.state == State.CHECKING:
            _check(batch, source, at=at)
        if batch.state == State.LANDING:
            _land(batch, source, at=at)
        return True


def _source(batch: Batch) -> Source:
    """Return the records, from the tables if those stand there whole."""
    if batch.state == State.LANDING and (
        staged := staging.whole(batch.of, batch.pk, batch.records)
    ):
        return staged
    with told(batch.pk, "read", 0) as tell, opened(batch) as table:
        return read(batch, table, tell)


def _faults(error: RefusedFileError | LayoutError) -> list[Fault]:
    if isinstance(error, RefusedFileError):
        return list(error.faults)
    return [Fault(reason, code="mapping") for reason in error.reasons]


def _refuse(batch: Batch, faults: list[Fault], *, at: datetime, **found: Any) -> None:
    said = [[each.code, each.reason, each.line, each.column] for each in faults]
    _move(batch, State.REFUSED, faults=said, checked_at=at, **found)


def _move(batch: Batch, state: str, **values: Any) -> None:
    """Bring the batch, in our hands alone, into another state."""
    for name, value in {"state": state, **values}.items():
        setattr(batch, name, value)
    batch.save(update_fields=["state", *values])


def _check(batch: Batch, source: Source, *, at: datetime) -> None:
    """Say what the file would change; where nobody has to look, make it ready to land."""
    if faults := list(contradictions(batch, source)):
        _refuse(batch, faults, at=at, records=source.records, passed=source.passed)
    elif batch.confirmed_at:
        _move(batch, State.LANDING, records=source.records, passed=source.passed)
    else:
        with (
            told(batch.pk, "compare", source.records) as tell,
            Pass(batch, source, tell, at=at) as done,
            transaction.atomic(),
        ):
            tally = done.run(keep=False)
            state = _state(batch, source, tally)
            results.keep(done, tally, state=state, faults=[], checked_at=at)
        if batch.lands_alone and state == State.CHECKED and not (batch.rejected or batch.held):
            _move(batch, State.LANDING, confirmed_at=at)


def _state(batch: Batch, source: Source, tally: Tally) -> str:
    """Return where a file stands after its check."""
    if tally.lands or tally.counts["held"]:
        return State.CHECKED
    if not tally.counts["unchanged"] and source.records > source.passed:
        return State.REFUSED
    # What is repeated may matter: a close after the exchange has closed is no early one any more.
    return State.CHECKED if batch.of.resource.saves_unchanged else State.UNCHANGED


def _land(batch: Batch, source: Source, *, at: datetime) -> None:
    """Land the file in one transaction, or go back to its check if it no longer does what it did."""
    with (
        told(batch.pk, "land", source.records) as tell,
        Pass(batch, source, tell, at=at) as done,
        transaction.atomic(),
    ):
        take_turn(batch.of)
        tally = done.run(keep=True)
        differs = _differs(batch, tally)
        if differs:
            transaction.set_rollback(True)
        elif batch.landed_at:  # what was held of it has been released
            results.keep_release(done, tally, state=State.LANDED)
        else:
            state = _landed(tally, source)
            landed_at = at if state == State.LANDED else None
            results.keep(done, tally, state=state, note="", landed_at=landed_at)
    if differs:
        _look_again(batch, source, at=at)


def _landed(tally: Tally, source: Source) -> str:
    if tally.lands or tally.counts["held"]:
        return State.LANDED
    nothing_good = not tally.counts["unchanged"] and source.records > source.passed
    return State.REFUSED if nothing_good else State.UNCHANGED


def _differs(batch: Batch, tally: Tally) -> bool:
    """Tell whether the database was changed so that the file now does something else."""
    if batch.checked_at is None:
        return False  # nobody was shown anything
    first = "" if batch.landed_at else batch.digest
    return (tally.digest, tally.held_digest) != (first, batch.held_digest)


def _look_again(batch: Batch, source: Source, *, at: datetime) -> None:
    if batch.landed_at is not None:
        note = _("What is held fits no longer: the data changed since. Bring the file once more.")
        _move(batch, State.LANDED, note=note, released_at=None, released_by=None)
        return
    note = _("The data changed since you looked, and the file now does something else. Look again.")
    undone = dict.fromkeys(("confirmed_at", "confirmed_by", "released_at", "released_by"))
    _move(batch, State.CHECKING, note=note, lands_alone=False, **undone)
    _check(batch, source, at=at)
