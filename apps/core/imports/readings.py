"""What a number or a day in a foreign form may mean: shown to people beside a refusal, never stored."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from decimal import Decimal

_SEPARATED = re.compile(r"([0-9]{1,2})[./\- ]([0-9]{1,2})[./\- ]([0-9]{4}|[0-9]{2})")
_YEAR_FIRST = re.compile(r"([0-9]{4})[./\- ]?([0-9]{1,2})[./\- ]?([0-9]{1,2})")
_EIGHT = re.compile(r"([0-9]{2})([0-9]{2})([0-9]{4})")
_TIME = re.compile(r"(.+?)[T ]+[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?(?:\.[0-9]+)?(?:Z|[+-][0-9:]+)?")
_SERIAL = re.compile(r"[0-9]{5}(?:\.0+)?")
_EXPONENT = re.compile(r"([+-]?[0-9]+(?:[.,][0-9]+)?)[eE]([+-]?[0-9]{1,3})")

# Forms of numbers: what sets off thousands, and what decimals.
_GROUPED = tuple(
    (re.compile(rf"([0-9]{{1,3}}(?:{between}[0-9]{{3}})+)(?:{point}([0-9]+))?"))
    for between, point in ((",", r"\."), (r"\.", ","), ("['’]", r"[.,]"), (" ", r"[.,]"))
)
_COMMA = re.compile(r"([0-9]*),([0-9]+)")
_POINT = re.compile(r"([0-9]*)\.?([0-9]*)")

_EPOCH = date(1899, 12, 30)  # spreadsheets call 1900-03-01 the day 61
_LATER_EPOCH = date(1904, 1, 1)  # the day 0 of some


def plain_digits(text: str) -> str:
    """Return a text with the digits of other scripts written as ours."""
    return "".join(str(unicodedata.decimal(sign)) if _is_foreign(sign) else sign for sign in text)


def has_foreign_digits(text: str) -> bool:
    return any(map(_is_foreign, text))


def _is_foreign(sign: str) -> bool:
    return not sign.isascii() and unicodedata.decimal(sign, None) is not None


def is_exponent(text: str) -> bool:
    return _EXPONENT.fullmatch(text) is not None


def numbers(text: str) -> list[str]:
    """Return every number that a cell may mean, as ours are written: 1234.5."""
    plain = " ".join(plain_digits(text).replace("\u2212", "-").split())
    if found := _EXPONENT.fullmatch(plain):
        small = abs(int(found[2])) <= 20  # longer ones help nobody
        return [f"{Decimal(plain.replace(',', '.')):f}"] if small else []
    sign, digits = _signed(plain)
    return _distinct(f"{sign}{reading}" for reading in _unsigned(digits))


def _signed(text: str) -> tuple[str, str]:
    if text.startswith("(") and text.endswith(")"):
        return "-", text[1:-1].strip()
    if text.endswith("-"):
        return "-", text[:-1].strip()
    sign = "-" if text.startswith("-") else ""
    return sign, text[1:].strip() if text[:1] in ("-", "+") else text


def _unsigned(text: str) -> Iterator[str]:
    for pattern in _GROUPED:
        if found := pattern.fullmatch(text):
            whole = re.sub("[^0-9]", "", found[1])
            yield f"{whole}.{found[2]}" if found[2] else whole
    for pattern in (_COMMA, _POINT):
        if (found := pattern.fullmatch(text)) and any(found.groups()):
            yield f"{found[1] or 0}.{found[2]}" if found[2] else found[1]


def _distinct(readings: Iterable[str]) -> list[str]:
    return list({Decimal(reading): reading for reading in readings}.values())


def has_time(text: str) -> bool:
    return _TIME.fullmatch(plain_digits(text)) is not None


def has_short_year(text: str) -> bool:
    found = _SEPARATED.fullmatch(_without_time(text))
    return found is not None and len(found[3]) == 2


def is_serial(text: str) -> bool:
    return _SERIAL.fullmatch(plain_digits(text)) is not None


def serial_day(number: int, *, is_later: bool = False) -> str:
    """Return the day that a spreadsheet counts by a number; 60 is one that never was."""
    if is_later:
        return (_LATER_EPOCH + timedelta(days=number)).isoformat()
    if number == 60:
        return "1900-02-29"
    return (_EPOCH + timedelta(days=number + (number < 60))).isoformat()


def days(text: str) -> list[date]:
    """Return every day that a cell may mean, the likeliest first."""
    plain = _without_time(text)
    return list(dict.fromkeys(_days(plain)))


def _without_time(text: str) -> str:
    plain = plain_digits(text)
    found = _TIME.fullmatch(plain)
    return found[1] if found else plain


def _days(text: str) -> Iterator[date]:
    if _SERIAL.fullmatch(text):
        number = int(text.partition(".")[0])
        for is_later in (False, True):
            yield date.fromisoformat(serial_day(number, is_later=is_later))
        return
    if found := _YEAR_FIRST.fullmatch(text):
        yield from _day(found[1], found[2], found[3])
    for pattern in (_SEPARATED, _EIGHT):
        if found := pattern.fullmatch(text):
            first, second, year = found.groups()
            for full in (year,) if len(year) == 4 else (f"20{year}", f"19{year}"):
                yield from _day(full, second, first)
                yield from _day(full, first, second)


def _day(year: str, month: str, day: str) -> Iterator[date]:
    try:
        found = date(int(year), int(month), int(day))
    except ValueError:
        return
    if 1900 <= found.year <= 2199:
        yield found
