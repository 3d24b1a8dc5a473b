"""One pass of a file over the database: what each record does, stored or taken back at the end."""

from datetime import datetime

from django.conf import settings
from django.db import models, transaction

from apps.core.imports.kinds import Sets
from apps.core.imports.landing import Landing
from apps.core.imports.staging import Staging
from apps.core.imports.tally import EXAMPLES, Counting, Tally, spelled_key
from apps.files.actions import sets
from apps.files.actions.outcomes import Outcomes, outcome_of
from apps.files.actions.progress import Teller
from apps.files.actions.reading import InMemory
from apps.files.actions.staging import (
    Staged,
    create_verdicts,
    drop_verdicts,
    keep_verdicts,
)
from apps.files.models import Batch
from apps.files.queries.reports import has_verdicts

Source = InMemory | Staged


class Pass:
    """Compares a file with what is stored and, if asked to, stores what is good of it."""

    def __init__(self, batch: Batch, source: Source, tell: Teller, *, at: datetime) -> None:
        self.batch, self.source, self.tell, self.at = batch, source, tell, at
        self.outcomes = Outcomes()
        self.sets = batch.of.sets
        self.in_sets = self.sets is not None and isinstance(source, Staged)
        self.holding = bool(batch.held_digest)
        self.gone = 0
        self.kept = False
        self._named: set[int] = set()

    def __enter__(self) -> "Pass":
        return self

    def __exit__(self, *_error: object) -> None:
        self.outcomes.close()

    def run(self, *, keep: bool) -> Tally:
        """Return what the file does; inside the caller's transaction."""
        stored = self._all_stored().count() if self.batch.is_complete else 0
        self.kept = keep
        tally = self._run(keep=keep)
        if self._too_many(tally):
            self.holding = True
            tally = self._run(keep=keep)
        if self.batch.is_complete:
            self.gone = stored - self._count_named()
        return tally

    def _too_many(self, tally: Tally) -> bool:
        unreleased = self.batch.released_at is None and not self.holding
        return unreleased and tally.sensitive > settings.FILES_CONTACT_CHANGES

    def _run(self, *, keep: bool) -> Tally:
        if self.sets and isinstance(self.source, Staged):
            return self._run_sets(self.sets, self.source, keep=keep)
        with transaction.atomic():
            tally = self._run_batches()
            if not keep or self._too_many(tally):
                transaction.set_rollback(True)
        return tally

    def _run_batches(self) -> Tally:
        kind = self.batch.of
        landing = Landing(
            kind,
            self.at,
            filename=self.batch.reference,
            by=self.batch.received_by,
            holding=self.holding,
            released=self.batch.released_at is not None,
        )
        counting, rows_done = Counting(kind), 0
        self.outcomes.clear()
        for rows in self.source.batches():
            done = landing.take(rows)
            for row in done:
                counting.add(row)
            self.outcomes.write([outcome_of(row, counting.before(row)) for row in done])
            rows_done += len(done)
            self.tell(rows_done)
        return counting.whole()

    def _run_sets(self, sets_of: Sets, source: Staged, *, keep: bool) -> Tally:
        kind = self.batch.of
        staging = Staging(self.batch.pk, source.columns, landing=keep)
        with transaction.atomic():
            create_verdicts(staging)
            sets_of.compare(staging, at=self.at)
            sets.refuse_groups(kind, staging)
            if self.holding:
                sets.hold(kind, staging)
            tally = sets.tally(kind, staging)
            if self._too_many(tally):
                return tally
            if self.batch.released_at is not None:
                sets.let_go(staging)
                tally.counts = sets.counts(staging)
            if keep:
                sets_of.land(
                    staging,
                    at=self.at,
                    filename=self.batch.reference,
                    by=self.batch.received_by,
                )
                # Of what is released, the verdicts of the first landing tell the whole.
                again = self.batch.landed_at is not None and has_verdicts(self.batch.pk)
                drop_verdicts(staging) if again else keep_verdicts(staging)
        return tally

    # --- what a complete file no longer names ---

    def _all_stored(self) -> models.QuerySet[models.Model]:
        return self.batch.of.resource().get_queryset()

    def _count_named(self) -> int:
        """Count the stored rows that the file names, be it in records that are refused."""
        resource = self.batch.of.resource()
        self._named = {each.target for each in self.outcomes if each.target is not None}
        for rows in self.source.refused():
            self._named |= {each.instance.pk for each in resource.stored([*resource.present(rows)])}
        if self.in_sets:
            staging = Staging(self.batch.pk, self.source.columns)
            self._named |= sets.targets(staging)
        return len(self._named)

    def gone_keys(self) -> list[list[str | None]]:
        """Return the first keys of stored rows that a complete file leaves out."""
        if self.kept:  # what is new now was not in the file's way; the preview has told
            return list(self.batch.diff.get("gone", []))
        if not self.gone:
            return []
        resource = self.batch.of.resource()
        left_out: list[models.Model] = []
        for instance in self._all_stored().iterator(EXAMPLES):
            if instance.pk not in self._named:
                left_out.append(instance)
            if len(left_out) == min(self.gone, EXAMPLES):
                break
        return [spelled_key(resource, each.values) for each in resource.stored(left_out)]
