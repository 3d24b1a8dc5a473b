"""What a file leaves behind to be taken away: its rejected rows as they came, and its report."""

import json
from collections.abc import Iterator, Sequence

from apps.core.imports.layout import Layout
from apps.core.imports.reading.rejected import rejected_file
from apps.core.imports.reading.table import Opened, open_table
from apps.files.models import Batch, Record
from apps.files.queries.reports import entries, report_head

FETCHED = 2_000

Rejected = tuple[Sequence[str], int, str]  # cells, line, why


def has_rejected(batch: Batch) -> bool:
    """Tell whether rejected rows can be given back: a file may have been thrown away since."""
    return bool(batch.rejected) and batch.path.exists()


def rejected_rows(batch: Batch) -> Iterator[bytes]:
    """Yield the file piece by piece; what was rejected stands in it with its line and reasons."""
    resource, layout = batch.of.resource, Layout.from_json(batch.layout)
    with open_table(
        batch.path,
        columns=resource.fields,
        free=resource.free,
        layout=layout,
    ) as opened:
        found = _found(batch, opened)
        yield from rejected_file(
            opened.header.names, found, delimiter=opened.delimiter, skip_lines=layout.skip_lines
        )


def _found(batch: Batch, opened: Opened) -> Iterator[Rejected]:
    """Walk file and rows side by side: both stand in the order of their numbers."""
    rejected = Record.objects.filter(batch=batch, fate=Record.Fate.REJECTED).order_by("number")
    waiting = rejected.iterator(FETCHED)
    sought = next(waiting, None)
    for block in opened.blocks():
        if sought is None:
            return
        if sought.number >= block.number + len(block):
            continue
        for number, row in enumerate(block.all_rows(), block.number):
            if sought is not None and number == sought.number:
                yield row.cells, row.line, " ".join(fault[2] for fault in sought.faults)
                sought = next(waiting, None)


def report(batch: Batch) -> Iterator[str]:
    """Yield, piece by piece, JSON that says what became of every record."""
    yield json.dumps(report_head(batch), ensure_ascii=False, indent=1)[:-2]
    yield ',\n "entries": ['
    for place, entry in enumerate(entries(batch)):
        yield (",\n  " if place else "\n  ") + json.dumps(entry, ensure_ascii=False)
    yield "\n ]\n}\n"
