"""What is taken out as a file: in cells that no sheet computes."""

import re
from typing import Any

from import_export.formats import base_formats

_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")


def guarded(text: str) -> str:
    """Return the text so that a spreadsheet shows it: one apostrophe before what it would compute."""
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


def unguarded(text: str) -> str:
    """Return the text that `guarded` was given."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


class CsvFile(base_formats.CSV):
    """The format of our exports."""

    def is_binary(self) -> bool:
        return True

    def export_data(self, dataset: Any, **kwargs: Any) -> bytes:
        # With the mark, spreadsheets open the file as UTF-8.
        return str(super().export_data(dataset, **kwargs)).encode("utf-8-sig")
