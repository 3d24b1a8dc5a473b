"""The work on a batch, from wherever the last process left it: checked, then landed."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from apps.core import audit
from apps.core.imports.layout import LayoutError
from apps.core.imports.reading.refusals import RefusedFileError
from apps.core.imports.report import Fault
from apps.core.imports.tally import Tally
from apps.files.actions import results, staging
from apps.files.actions.controls import contradictions
from apps.files.actions.passes import Pass, Source
from apps.files.actions.progress import Hearer, Teller, told
from apps.files.actions.reading import opened, read
from apps.files.actions.turns import alone, take_turn
from apps.files.actions.undoing import take_back
from apps.files.models import Batch

State = Batch.State
ATTEMPTS = 10  # of work that fails or is killed; more would be the same


def work(batch_id: int, *, at: datetime, hear: Hearer | None = None) -> bool:
    """Do what is to be done on a batch; False where nothing is, or somebody else is at it.

    Killed at any point, it is done again from the file itself, to the same end. `hear` is told how
    far it is.
    """
    people = ("received_by", "confirmed_by", "released_by")
    with alone(batch_id) as mine:
        batch = Batch.objects.select_related(*people).filter(pk=batch_id).first()
        if not mine or batch is None or batch.state not in Batch.WORKING:
            return False
        if batch.attempts >= ATTEMPTS:
            Work(batch, at, hear).surrender()
        else:
            Batch.objects.filter(pk=batch_id).update(attempts=F("attempts") + 1)
            Work(batch, at, hear).do()
        Batch.objects.filter(pk=batch_id).update(attempts=0)
        return True


@dataclass(frozen=True)
class Work:
    """What one process does with a batch that nobody else has in his hands."""

    batch: Batch
    at: datetime
    hear: Hearer | None = None

    def do(self) -> None:
        if self.batch.state == State.UNDOING:
            take_back(self.batch, at=self.at)
        else:
            self.run()

    def surrender(self) -> None:
        """Leave a file alone whose work never ends; a person may begin it anew."""
        reason = _("The work on it failed or broke off %(count)d times; the log says where.")
        said = reason % {"count": self.batch.attempts}
        if self.batch.state == State.UNDOING:
            said = " ".join([_("It cannot be undone."), said])
            self._move(State.LANDED, note=said, undone_by=None, undone_at=None)
        else:
            self._give_up([Fault(said, code="keeps_failing")])

    def run(self) -> None:
        try:
            source = self._source()
        except (RefusedFileError, LayoutError) as error:
            self._give_up(_faults(error))
            return
        if self.batch.of.ahead:
            column, prepare = self.batch.of.ahead
            prepare(source.months(column), at=self.at)
        if self.batch.state == State.CHECKING:
            self._check(source)
        if self.batch.state == State.LANDING:
            self._land(source)

    def _told(self, step: str, of: int = 0) -> AbstractContextManager[Teller]:
        return told(self.batch.pk, step, of, self.hear)

    def _source(self) -> Source:
        """Return the records, from the tables if those stand there whole."""
        batch = self.batch
        if batch.state == State.LANDING:
            staged = staging.whole(batch.of, batch.pk, batch.records)
            if staged:
                return staged
        with self._told("read") as tell, opened(batch) as table:
            return read(batch, table, tell)

    def _move(self, state: str, **values: Any) -> None:
        for name, value in {"state": state, **values}.items():
            setattr(self.batch, name, value)
        self.batch.save(update_fields=["state", *values])

    def _give_up(self, faults: list[Fault]) -> None:
        """Refuse a file that cannot be read; of one that has landed, what is held stays held."""
        if self.batch.landed_at:
            self._hold_again(" ".join(each.reason for each in faults))
        else:
            self._refuse(faults)

    def _hold_again(self, note: str) -> None:
        self._move(State.LANDED, note=note, released_at=None, released_by=None)

    def _refuse(self, faults: list[Fault]) -> None:
        said = [[each.code, each.reason, each.line, each.column] for each in faults]
        with transaction.atomic():
            # Of a file that is refused as a whole no record has a fate, whatever a look before said.
            found = results.forget(self.batch.pk)
            self._move(State.REFUSED, faults=said, checked_at=self.at, **found)

    def _check(self, source: Source) -> None:
        """Say what the file would change; where nobody has to look, make it ready to land."""
        batch, found = self.batch, {"records": source.records, "passed": source.passed}
        if faults := list(contradictions(batch, source)):
            self._refuse(faults)
            return
        if batch.confirmed_at:
            self._move(State.LANDING, **found)
            return
        with (
            self._told("compare", source.records) as tell,
            Pass(batch, source, tell, at=self.at) as done,
            transaction.atomic(),
        ):
            tally = done.run(keep=False)
            state = _checked(batch, source, tally)
            results.keep(done, tally, state=state, faults=[], checked_at=self.at)
        if batch.lands_alone and state == State.CHECKED and _needs_nobody(batch):
            self._move(State.LANDING, confirmed_at=self.at)

    def _land(self, source: Source) -> None:
        """Land the file in one transaction, or look again if it no longer does what it did."""
        batch = self.batch
        with (
            self._told("land", source.records) as tell,
            Pass(batch, source, tell, at=self.at) as done,
            transaction.atomic(),
            _trail(batch, at=self.at),
        ):
            take_turn(batch.of)
            tally = done.run(keep=True)
            differs = _differs(batch, tally)
            if differs:
                transaction.set_rollback(True)
            elif batch.landed_at:  # what was held of it has been released
                results.keep_release(done, tally, state=State.LANDED)
            else:
                state = _landed(source, tally)
                landed_at = self.at if state == State.LANDED else None
                results.keep(done, tally, state=state, note="", landed_at=landed_at)
        if differs:
            self._look_again(source)

    def _look_again(self, source: Source) -> None:
        if self.batch.landed_at:
            note = _("What is held fits no longer: the data changed since. Bring the file again.")
            self._hold_again(note)
            return
        note = _("The data changed since you looked: the file now does something else. Look again.")
        decided = dict.fromkeys(("confirmed_at", "confirmed_by", "released_at", "released_by"))
        self._move(State.CHECKING, note=note, lands_alone=False, held_digest="", **decided)
        self._check(source)


def _trail(batch: Batch, *, at: datetime) -> AbstractContextManager[None]:
    """Have the trail of changes say from which file they come, and who let it land."""
    return audit.context(
        by=batch.released_by or batch.confirmed_by or batch.received_by,
        name=str(batch.get_origin_display()),
        reason=batch.reference,
        batch=batch.pk,
        channel="file",
        at=at,
    )


def _needs_nobody(batch: Batch) -> bool:
    """Tell whether a file from a folder is so plain that it lands unseen."""
    most = max(batch.new, batch.changed, batch.gone)
    return not (batch.rejected or batch.held) and most <= settings.FILES_ALONE


def _faults(error: RefusedFileError | LayoutError) -> list[Fault]:
    if isinstance(error, RefusedFileError):
        return list(error.faults)
    return [Fault(reason, code="mapping") for reason in error.reasons]


def _does_something(tally: Tally) -> bool:
    return bool(tally.lands or tally.counts["held"])


def _has_nothing_good(source: Source, tally: Tally) -> bool:
    return not tally.counts["unchanged"] and source.records > source.passed


def _checked(batch: Batch, source: Source, tally: Tally) -> str:
    """Return where a file stands after its check."""
    if _does_something(tally):
        return State.CHECKED
    if _has_nothing_good(source, tally):
        return State.REFUSED
    # What is repeated may matter: a close after the exchange has closed is no early one any more.
    return State.CHECKED if batch.of.resource.saves_unchanged else State.UNCHANGED


def _landed(source: Source, tally: Tally) -> str:
    if _does_something(tally):
        return State.LANDED
    return State.REFUSED if _has_nothing_good(source, tally) else State.UNCHANGED


def _differs(batch: Batch, tally: Tally) -> bool:
    """Tell whether the database was changed so that the file now does something else."""
    if batch.checked_at is None and batch.landed_at is None:
        return False  # nobody was shown anything
    first = "" if batch.landed_at else batch.digest
    return (tally.digest, tally.held_digest) != (first, batch.held_digest)
