"""The line that names a file's columns: which of ours each of them feeds."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import chain
from typing import Any

from django.utils.translation import gettext as _

from apps.core.imports.cells import shown
from apps.core.imports.columns import Column
from apps.core.imports.layout import Layout
from apps.core.imports.reading.refusals import refused
from apps.core.imports.report import Fault

MOST_COLUMNS = 1000
OWN_NAMES = (REASON, LINE) = ("tidings_reason", "tidings_line")  # of the files of rejected rows
Columns = Mapping[str, Column[Any]]


@dataclass
class Header:
    """The names as the file writes them, and for each of them the columns that it feeds."""

    line: int
    names: list[str]
    feeds: list[tuple[str, ...]] = field(default_factory=list)
    columns: dict[str, Column[Any]] = field(default_factory=dict)  # all that are fed, or constant
    faults: list[Fault] = field(default_factory=list)

    @property
    def known(self) -> int:
        return sum(map(len, self.feeds))

    @property
    def lacks_required(self) -> bool:
        return any(fault.code == "column_missing" for fault in self.faults)


def free_column(name: str, free: Columns) -> Column[Any] | None:
    """Return the column of a name that a kind of file leaves to its users, like `attr_branch`."""
    for prefix, column in free.items():
        if re.fullmatch(rf"{prefix}[\w .-]{{1,60}}", name):
            return column
    return None


def read_header(
    line: int, cells: Sequence[str], columns: Columns, free: Columns, layout: Layout
) -> Header:
    """Match a file's names with the columns; whatever is wrong becomes a fault of the header."""
    if len(cells) > MOST_COLUMNS:
        reason = _("The line has %(count)d names; at most %(most)d columns are read.")
        raise refused(
            "too_many_columns", reason % {"count": len(cells), "most": MOST_COLUMNS}, line
        )
    header = Header(line, [_clean(cell) for cell in cells])
    sources: dict[str, list[str]] = {}
    for column, source in layout.columns.items():
        sources.setdefault(_clean(source).casefold(), []).append(column)
    taken = layout.columns.keys() | layout.constants.keys()
    for name in header.names:
        fed = sources.get(name.casefold()) or _own(name, columns, free, taken)
        header.feeds.append(tuple(fed))
    for name in (*chain(*header.feeds), *layout.constants):
        if found := columns.get(name) or free_column(name, free):
            header.columns[name] = found
    header.faults += _faults(header, columns, free, layout)
    return header


def _clean(name: str) -> str:
    return " ".join(unicodedata.normalize("NFC", name).split())


def _own(name: str, columns: Columns, free: Columns, taken: set[str]) -> list[str]:
    """Return the column of ours that is called like a column of the file."""
    own = name.lower() if name.lower() in columns else name
    is_known = own in columns or free_column(own, free) is not None
    return [own] if is_known and own not in taken else []


def _faults(header: Header, columns: Columns, free: Columns, layout: Layout) -> Iterator[Fault]:
    ignored = {*OWN_NAMES, *(_clean(name).casefold() for name in layout.ignored)}
    counts = Counter(name.casefold() for name in header.names if name)
    told = set()
    for name, fed in zip(header.names, header.feeds, strict=True):
        key = name.casefold()
        unused = not name or (not fed and (key in ignored or layout.ignores_others))
        if unused or key in told:
            continue
        told.add(key)
        if counts[key] > 1:
            yield Fault(_("The column is there twice."), header.line, shown(name), "column_twice")
        elif not fed:
            yield _unknown(header.line, name, columns)
    yield from _missing(header, columns, free, layout)


def _missing(header: Header, columns: Columns, free: Columns, layout: Layout) -> Iterator[Fault]:
    for name in (*layout.columns, *layout.constants):
        if name not in columns and not free_column(name, free):
            yield Fault(
                _("The mapping names a column that there is not."), None, name, "unknown_column"
            )
    for name, source in layout.columns.items():
        if name not in header.columns and name in columns:
            reason = _("The mapping takes this column from “%s”, which the file does not have.")
            yield Fault(reason % shown(source), header.line, name, "column_missing")
    for name, column in columns.items():
        if column.required and name not in header.columns and name not in layout.columns:
            yield Fault(_("This column is missing."), header.line, name, "column_missing")


def _unknown(line: int, name: str, columns: Columns) -> Fault:
    near = get_close_matches(name[:100], columns, n=1, cutoff=0.5)
    if name.lower() in columns:
        reason = _("The mapping takes this column from elsewhere; leave it out of the file.")
    elif near:
        reason = _("There is no such column; did you mean “%(near)s”?") % {"near": near[0]}
    else:
        reason = _("There is no such column; there are: %(columns)s.") % {
            "columns": ", ".join(columns)
        }
    return Fault(reason, line, shown(name), "unknown_column")
