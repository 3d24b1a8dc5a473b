"""Numbers and days as a layout declares them, rewritten as columns of ours read them."""

import re
from collections.abc import Callable

from django.utils.translation import gettext as _

from apps.core.imports.cells import RefusedCellError, shown
from apps.core.imports.layout import CANONICAL_DAY, SERIAL, Layout
from apps.core.imports.readings import serial_day

Rewrite = Callable[[str], str]

BLANKS = "[ \u00a0\u2009\u202f]"


def rewriting(layout: Layout, format: str) -> Rewrite | None:  # noqa: A002
    """Return what turns the declared form into ours; None where it is ours already."""
    if format == "number" and (layout.decimal, layout.thousands) != (".", ""):
        return _number(layout.decimal, layout.thousands)
    if format == "day" and layout.day == SERIAL:
        return _serial
    if format == "day" and layout.day != CANONICAL_DAY:
        return _day(layout.day)
    return None


def _number(decimal: str, thousands: str) -> Rewrite:
    between = BLANKS if thousands == " " else re.escape(thousands)
    grouped = rf"[0-9]{{1,3}}(?:{between}[0-9]{{3}})+|" if thousands else ""
    pattern = re.compile(rf"(-?)({grouped}[0-9]+)(?:{re.escape(decimal)}([0-9]+))?")
    example = f"1{thousands}234{decimal}50"

    def rewrite(text: str) -> str:
        found = pattern.fullmatch(text)
        if not found:
            raise RefusedCellError(
                "number_format",
                _("“%(cell)s” is not written like %(example)s, as the mapping says of numbers.")
                % {"cell": shown(text), "example": example},
            )
        sign, whole, part = found.groups()
        digits = re.sub(r"[^0-9]", "", whole)
        return f"{sign}{digits}.{part}" if part else f"{sign}{digits}"

    return rewrite


def _day(pattern: str) -> Rewrite:
    regex = "".join(_DAY_PARTS.get(part, re.escape(part)) for part in _PARTS.findall(pattern))
    compiled = re.compile(regex)

    def rewrite(text: str) -> str:
        found = compiled.fullmatch(text)
        if not found:
            raise RefusedCellError(
                "date_format",
                _("“%(cell)s” is not written like %(example)s, as the mapping says of days.")
                % {"cell": shown(text), "example": pattern},
            )
        parts = found.groupdict()
        if set(parts.get("time") or "") - set("0:"):
            raise RefusedCellError(
                "has_time", _("“%(cell)s” is not a whole day.") % {"cell": shown(text)}
            )
        return f"{parts['year']}-{parts['month']:0>2}-{parts['day']:0>2}"

    return rewrite


_PARTS = re.compile(r"YYYY|MM?|DD?|[T ]hh:mm(?::ss)?|.")
_DAY_PARTS = {
    "YYYY": "(?P<year>[0-9]{4})",
    "MM": "(?P<month>[0-9]{2})",
    "M": "(?P<month>[0-9]{1,2})",
    "DD": "(?P<day>[0-9]{2})",
    "D": "(?P<day>[0-9]{1,2})",
    " hh:mm": " (?P<time>[0-9]{2}:[0-9]{2})",
    "Thh:mm": "T(?P<time>[0-9]{2}:[0-9]{2})",
    " hh:mm:ss": " (?P<time>[0-9]{2}:[0-9]{2}:[0-9]{2})",
    "Thh:mm:ss": "T(?P<time>[0-9]{2}:[0-9]{2}:[0-9]{2})",
}


def _serial(text: str) -> str:
    if not re.fullmatch(r"[0-9]{1,6}(\.0+)?", text):
        raise RefusedCellError(
            "date_format",
            _("“%(cell)s” is not the number of a day, as the mapping says of days.")
            % {"cell": shown(text)},
        )
    return serial_day(int(text.partition(".")[0]))


def day_text(day: str, time: str, serial: int, layout: Layout) -> str:
    """Return a day of a sheet, written 2021-02-28, in the form that the layout declares."""
    if layout.day == SERIAL:
        return f"{serial}:{time}" if time else str(serial)
    year, month, number = day.split("-")
    said = {"YYYY": year, "MM": month, "M": month, "DD": number, "D": number}
    parts = _PARTS.findall(layout.day)
    text = "".join(said.get(part, "" if "hh" in part else part) for part in parts)
    declared = next((part for part in parts if "hh" in part), "")
    if declared and not time:
        time = "00:00:00" if declared.endswith("ss") else "00:00"
    return f"{text}{declared[:1] or ' '}{time}" if time else text
