"""Refusals of single cells: a stable code, and a sentence that shows what the cell may mean."""

import re
import unicodedata
from collections.abc import Sequence

from django.utils.translation import gettext as _

from apps.core.imports import readings

_ERROR = re.compile(r"#(N/A|REF!|VALUE!|DIV/0!|NAME\?|NUM!|NULL!|SPILL!|CALC!|[A-Z_/0-9]+[!?])")
_UNSEEN = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"}
MOST_IN_READING = 40  # what is longer is no number or day in any form
MOST_IN_CELL = 2**15  # characters; a spreadsheet has no longer ones
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_JOINERS = "\u200c\u200d"  # unseen, but letters of some names need them; ours do not
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")  # letters of no shape
_JOINED_ASCII = re.compile("(?:^|[\\x00-\\x7f])[\u200c\u200d]|[\u200c\u200d](?:[\\x00-\\x7f]|$)")
_TOLD = dict.fromkeys(map(ord, _JOINERS), "\ufffd")


class RefusedCellError(ValueError):
    """What a cell says means nothing, or more than one thing; the code is stable."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def shown(text: str) -> str:
    """Return a cell as a message may quote it: short, with nothing invisible."""
    begin = _JOINED_ASCII.sub(lambda found: found[0].translate(_TOLD), text[:41])
    clear = "".join("\ufffd" if _hidden(sign) else sign for sign in begin)
    return clear if len(clear) <= 40 else f"{clear[:39]}…"


def _hidden(sign: str) -> bool:
    return (unicodedata.category(sign) in _UNSEEN and sign not in _JOINERS) or sign in _BLANK


def refuse_spoilt(cell: str) -> None:
    """Refuse what no column means, whatever it is made of."""
    if len(cell) > MOST_IN_CELL:
        code, reason = "huge_cell", _("The cell is too long: “%(cell)s”.")
    elif not cell.isprintable() and (any(map(_hidden, cell)) or _JOINED_ASCII.search(cell)):
        code = "nul" if "\0" in cell else "bidi" if _BIDI & set(cell) else "invisible"
        reason = _("“%(cell)s” contains an invisible character; type it anew.")
    elif not _BLANK.isdisjoint(cell):
        code, reason = "invisible", _("“%(cell)s” contains an invisible character; type it anew.")
    elif "\ufffd" in cell:
        code, reason = "lost_character", _("“%(cell)s” has lost a character (�); type it anew.")
    elif _ERROR.fullmatch(cell):
        code, reason = "error_cell", _("“%(cell)s” is an error of a spreadsheet; mend it there.")
    else:
        return
    raise RefusedCellError(code, reason % {"cell": shown(cell)})


def not_a_number(text: str) -> RefusedCellError:
    """Say what a number may mean that is not written as ours are."""
    found = readings.numbers(text) if len(text) <= MOST_IN_READING else []
    if len(found) > 1:
        code = "ambiguous_amount"
        reason = _(
            "“%(cell)s” can mean %(readings)s; write it with a decimal point and no other sign, or say"
            " in the mapping how numbers are written."
        )
    elif found:
        code = "number_format"
        reason = _("“%(cell)s” is not written as a number; if %(readings)s is meant, write that.")
    else:
        code = "not_a_number"
        reason = _(
            "“%(cell)s” is no number; write it with digits and a decimal point, like 1234.50."
        )
    if len(text) <= MOST_IN_READING and readings.is_exponent(text):
        code = "exponent"
    elif readings.has_foreign_digits(text):
        code = "foreign_digits"
    return RefusedCellError(code, reason % {"cell": shown(text), "readings": _either(found)})


def not_a_day(text: str) -> RefusedCellError:
    """Say what a day may mean that is not written as ours are."""
    found = []
    if len(text) <= MOST_IN_READING:
        found = [day.isoformat() for day in readings.days(text)]
    code = _day_code(text, len(found))
    if code == "not_a_day":
        reason = _("“%(cell)s” is not written as year-month-day, like 2021-02-28.")
    elif code == "serial_date":
        reason = _(
            "“%(cell)s” is the number by which a spreadsheet counts %(readings)s; write the day."
        )
    elif len(found) > 1:
        reason = _(
            "“%(cell)s” can mean %(readings)s; write it as year-month-day, or say in the mapping how"
            " days are written."
        )
    else:
        reason = _(
            "“%(cell)s” is not written as year-month-day; if %(readings)s is meant, write that, or say"
            " in the mapping how days are written."
        )
    return RefusedCellError(code, reason % {"cell": shown(text), "readings": _either(found)})


def _day_code(text: str, found: int) -> str:
    if not found:
        return "not_a_day"
    if readings.is_serial(text):
        return "serial_date"
    if readings.has_short_year(text):
        return "two_digit_year"
    if found > 1:
        return "ambiguous_date"
    if readings.has_foreign_digits(text):
        return "foreign_digits"
    return "has_time" if readings.has_time(text) else "date_format"


def _either(found: Sequence[str]) -> str:
    return _(" or ").join(found)
