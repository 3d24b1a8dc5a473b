"""What came of every record of a file, one after another, however many there are."""

import json
from collections.abc import Iterator
from typing import Any

from django.db import connection

from apps.core.imports.report import Fault
from apps.core.imports.staging import CHANGED, NEW, REJECTED, UNCHANGED, Staging
from apps.files.models import Batch, Record

FETCHED = 2_000
# What a report says of a fate that pages tell in more detail.
SAID = {NEW: "ok", CHANGED: "ok", UNCHANGED: "skipped"}
LETTERS = {"n": "ok", "c": "ok", "u": "skipped"}


def totals(batch: Batch) -> dict[str, int]:
    """Return the counts of a report: records = ok + rejected + skipped + held."""
    return {
        "records": batch.records,
        "ok": batch.ok,
        "rejected": batch.rejected,
        "skipped": batch.skipped,
        "held": batch.held,
        "new": batch.new,
        "changed": batch.changed,
        "unchanged": batch.unchanged,
        "disappeared": batch.gone,
    }


def entries(batch: Batch) -> Iterator[dict[str, Any]]:
    """Yield one entry a record in the order of the file; after a purge, of what did not land alone."""
    found = _of_small(batch) if batch.fates else _of_large(batch)
    for number, line, fate, faults in found:
        entry: dict[str, Any] = {"record": number, "line": line, "fate": fate}
        if faults:
            code, column, sentence, value = faults[0]
            entry |= {"code": code, "column": column, "sentence": sentence, "value": value}
        if len(faults) > 1:
            names = ("code", "column", "sentence", "value")
            entry["further"] = [dict(zip(names, each, strict=True)) for each in faults[1:]]
        yield entry


Found = Iterator[tuple[int, int, str, list[list[str]]]]


def _of_small(batch: Batch) -> Found:
    kept = {each.number: each for each in Record.objects.filter(batch=batch)}
    for number, said in enumerate(batch.fates.split(), 1):
        if record := kept.get(number):
            yield number, record.line, record.fate, record.faults
        else:
            yield number, int(said[:-1]), LETTERS[said[-1]], []


def has_verdicts(batch_id: int) -> bool:
    """Tell whether it is known of every record of a large file what became of it.

    No longer after a purge, nor after a crash of the database, which empties what was staged.
    """
    staging = Staging(batch_id, ())
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [staging.verdicts])
        if not cursor.fetchone()[0]:
            return False
        cursor.execute(staging.query("SELECT EXISTS (SELECT FROM {verdicts})"))
        return bool(cursor.fetchone()[0])


def _of_large(batch: Batch) -> Found:
    if not has_verdicts(batch.pk):
        for each in Record.objects.filter(batch=batch).order_by("number").iterator(FETCHED):
            yield each.number, each.line, each.fate, each.faults
        return
    staging = Staging(batch.pk, ())
    query = staging.query(
        "SELECT record.number, record.line, kept.fate, kept.faults, verdict.fate"
        " FROM {records} AS record LEFT JOIN {verdicts} AS verdict USING (number)"
        " LEFT JOIN files_record AS kept ON kept.batch_id = %s AND kept.number = record.number"
        " ORDER BY record.number"
    )
    with connection.chunked_cursor() as cursor:
        cursor.execute(query, [batch.pk])
        while fetched := cursor.fetchmany(FETCHED):
            for number, line, kept, faults, fate in fetched:
                yield number, line, kept or SAID.get(fate, REJECTED), json.loads(faults or "[]")


def report_head(batch: Batch) -> dict[str, Any]:
    """Return what a report says of the file as a whole; the same file in the same state, the same."""
    return {
        "file": batch.filename,
        "kind": batch.kind,
        "sha256": batch.sha256,
        "state": batch.state,
        "note": batch.note,
        "faults": [
            dict(zip(("code", "sentence", "line", "column"), fault, strict=True))
            for fault in batch.faults
        ],
        "changes": batch.diff.get("columns", {}),
        "sums": batch.diff.get("sums", []),
        "totals": totals(batch),
    }


def sentences(batch: Batch, most: int) -> Iterator[str]:
    """Yield what is wrong with a file or waits, as “file, line 3, column “close”: reason”."""
    for _code, reason, line, column in batch.faults[:most]:
        yield f"{batch.filename}, {Fault(reason, line, column)}"
    records = Record.objects.filter(batch=batch).exclude(fate=Record.Fate.SKIPPED)
    for record in records.order_by("number")[:most]:
        for _code, column, reason, _value in record.faults:
            yield f"{batch.filename}, {Fault(reason, record.line, column)}"
    if batch.note:
        yield batch.note
