"""The rejected rows as a file of their own, to be mended and brought in again by the same layout."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

from apps.core.imports.files import guarded
from apps.core.imports.reading.header import LINE, REASON


def rejected_file(
    names: Sequence[str], rejected: Iterable[tuple[Sequence[str], int, str]], *, delimiter: str
) -> Iterator[bytes]:
    """Yield a CSV file in UTF-8: the cells as they came, and behind them line and reason.

    `names` is the file's own header, `rejected` are cells, line and reasons of each row.
    """
    yield b"\xef\xbb\xbf"  # with the mark, spreadsheets open the file as UTF-8
    yield _line([*names, LINE, REASON], delimiter)
    for cells, line, reason in rejected:
        whole = [*cells, *[""] * (len(names) - len(cells))]
        yield _line([*map(guarded, whole), str(line), guarded(reason)], delimiter)


def _line(cells: Sequence[str], delimiter: str) -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter or ",", lineterminator="\r\n").writerow(cells)
    return text.getvalue().encode()
