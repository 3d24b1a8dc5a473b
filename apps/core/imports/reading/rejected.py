"""The rejected rows as a file of their own, to be mended and brought in again by the same layout."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

from apps.core.imports.files import guarded
from apps.core.imports.reading.header import LINE, REASON


def rejected_file(
    names: Sequence[str],
    rejected: Iterable[tuple[Sequence[str], int, str]],
    *,
    delimiter: str,
    skip_lines: int = 0,
) -> Iterator[bytes]:
    """Yield a CSV file in UTF-8: the cells as they came, and behind them line and reason.

    `names` is the file's own header, `rejected` are cells, line and reasons of each row; so many lines
    as the layout passes over stand above them. A row of too few or too many cells is so again.
    """
    yield b"\xef\xbb\xbf" + b"\r\n" * skip_lines  # with the mark, spreadsheets see that it is UTF-8
    yield _line([*names, LINE, REASON], delimiter)
    for cells, line, reason in rejected:
        yield _line([*map(guarded, cells), str(line), guarded(reason)], delimiter)


def _line(cells: Sequence[str], delimiter: str) -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter or ",", lineterminator="\r\n").writerow(cells)
    return text.getvalue().encode()
