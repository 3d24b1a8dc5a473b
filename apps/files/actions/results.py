"""What a pass found, written where pages, reports and the next pass find it."""

from collections.abc import Iterable
from typing import Any

from apps.core.imports.landing import RELEASABLE
from apps.core.imports.staging import Staging
from apps.core.imports.tally import Tally
from apps.files.actions import outcomes, sets, staging
from apps.files.actions.outcomes import Outcome
from apps.files.actions.passes import Pass
from apps.files.actions.reading import InMemory
from apps.files.models import Batch, Record
from apps.files.queries.reports import has_verdicts


def keep(done: Pass, tally: Tally, **changes: Any) -> None:
    """Write down what a pass over the whole file found, and the batch's changes with it."""
    batch, source, counts = done.batch, done.source, tally.counts
    found: dict[str, Any] = {
        "records": source.records,
        "new": counts["new"],
        "changed": counts["changed"],
        "unchanged": counts["unchanged"],
        "passed": source.passed,
        "rejected": counts["rejected"] + source.records - source.passed - counts.total(),
        "held": counts["held"],
        "gone": done.gone,
        "diff": {**tally.diff, "gone": done.gone_keys()},
        "digest": tally.digest,
        "held_digest": tally.held_digest,
    }
    if isinstance(source, InMemory):
        all_of_them = [*source.outcomes(), *done.outcomes]
        outcomes.store(batch.pk, all_of_them)
        found["fates"] = fates_text(all_of_them)
    else:
        if not done.in_sets:
            staging.write_verdicts(source.staging, done.outcomes)
        source.store()
    _update(batch, found | changes)


def forget(batch_id: int) -> dict[str, Any]:
    """Forget what was found of the records of a batch; return the counts that it has then."""
    Record.objects.filter(batch=batch_id).delete()
    counts = ("records", "new", "changed", "unchanged", "passed", "rejected", "held", "gone")
    return {**dict.fromkeys(counts, 0), "fates": "", "diff": {}, "digest": "", "held_digest": ""}


def keep_release(done: Pass, tally: Tally, **changes: Any) -> None:
    """Write down that the held records of a batch that had landed have landed, too."""
    batch = done.batch
    released = Record.objects.filter(batch=batch, code__in=RELEASABLE)
    numbers = dict(released.values_list("number", "line"))
    if isinstance(done.source, InMemory):
        letters = dict.fromkeys(numbers.values(), "c")
        found: dict[str, Any] = {"fates": _turned(batch.fates, letters)}
    else:
        found = {}
        if has_verdicts(batch.pk):
            sets.let_go(Staging(batch.pk, done.source.columns))
    released.delete()
    found |= {
        "new": batch.new + tally.counts["new"],
        "changed": batch.changed + tally.counts["changed"],
        "held": batch.held - tally.lands,
    }
    _update(batch, found | changes)


def _update(batch: Batch, values: dict[str, Any]) -> None:
    for name, value in values.items():
        setattr(batch, name, value)
    batch.save(update_fields=list(values))


def fates_text(found: Iterable[Outcome]) -> str:
    """Return line and first letter of the fate of each record, in the file's order."""
    return " ".join(f"{each.line}{each.fate[0]}" for each in sorted(found))


def _turned(fates: str, letters: dict[int, str]) -> str:
    return " ".join(f"{each[:-1]}{letters.get(int(each[:-1]), each[-1])}" for each in fates.split())
