"""Strict reading of JSON: every key known, every number exact, every refusal says where and why."""

import json
import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache
from typing import TypeVar

from apps.products.terms.sheet import TermSheetError

Choice = TypeVar("Choice", bound=StrEnum)
Value = TypeVar("Value")

_DECIMAL = re.compile(r"[-+]?([0-9]{1,24}(\.[0-9]{0,24})?|\.[0-9]{1,24})", re.ASCII)
_LONGEST = 24  # digits on either side of the point; longer numbers are attacks
_YEARS = (1900, 2199)  # beyond them a date is a slip, and dates run out near 9999
_MOST = 1000  # no count in a term sheet comes near
_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_SPACE = re.compile(r"[ \t\r\n]*")
# Words for people that may stand beside terms anywhere and decide nothing.
_REMARKS = frozenset({"comment", "description", "isin", "name", "note", "source", "title"})


def parse(text: str) -> object:
    """Return the value of a JSON text.

    A number with a point is read from its text as an exact decimal; it never is a binary float. NaN
    stays a text and an object with a key written twice is marked, so that whoever reads them
    refuses them at their place.
    """
    value, end = parse_at(text, 0)
    if _after_space(text, end) < len(text):
        raise TermSheetError(f"This is not JSON: something follows at character {end}.")
    return value


def parse_at(text: str, start: int) -> tuple[object, int]:
    """Return the JSON value that begins at a place of a text, and the place where it ends."""
    try:
        value, end = _DECODER.raw_decode(text, _after_space(text, start))
        text[start:end].encode()
    except UnicodeEncodeError:
        raise TermSheetError("This is not UTF-8.") from None
    except (ValueError, RecursionError) as error:
        raise TermSheetError(f"This is not JSON: {error}.") from error
    return value, end


def _after_space(text: str, start: int) -> int:
    found = _SPACE.match(text, start)
    return found.end() if found else start


class _Doubled(dict[str, object]):
    """An object in which a key was written twice: nobody knows which was meant."""

    key = ""


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    keys = [key for key, _ in pairs]
    doubled = _Doubled(found)
    doubled.key = next(key for key in found if keys.count(key) > 1)
    return doubled


_DECODER = json.JSONDecoder(parse_float=Decimal, parse_constant=str, object_pairs_hook=_once)


def exact(value: object, path: str) -> Fraction:
    """Return an exact number from an integer, a Decimal or a decimal written as a string.

    A float is refused: what its text was is lost.
    """
    if isinstance(value, float):
        raise TermSheetError(f"{path}: {value} is a binary float; write it as a string in quotes.")
    if isinstance(value, int) and not isinstance(value, bool):
        return Fraction(value)
    if isinstance(value, Decimal) and _is_short(value):
        return Fraction(value)
    if isinstance(value, str) and _DECIMAL.fullmatch(value.strip()):
        return Fraction(value.strip())
    raise TermSheetError(f"{path}: {value!r} is not a decimal number such as 0.75.")


def _is_short(number: Decimal) -> bool:
    exponent = number.as_tuple().exponent
    return isinstance(exponent, int) and exponent >= -_LONGEST and number.adjusted() < _LONGEST


def positive(value: object, path: str) -> Fraction:
    """Return an exact number above zero."""
    number = exact(value, path)
    if number <= 0:
        raise TermSheetError(f"{path}: {value} must be above zero.")
    return number


def whole(value: object, path: str, low: int = 0) -> int:
    """Return a whole number from `low` to a thousand: counts, numbers and places."""
    number = exact(value, path)
    if number.denominator != 1 or not low <= number <= _MOST:
        raise TermSheetError(f"{path}: {value} must be a whole number from {low} to {_MOST}.")
    return number.numerator


def day(value: object, path: str) -> date:
    """Return a date from its ISO form, 2024-09-30."""
    try:
        return _dated(value)
    except (TermSheetError, TypeError) as refusal:  # what cannot be hashed is no date either
        reason = refusal if isinstance(refusal, TermSheetError) else f"{value!r} is not a date"
        raise TermSheetError(f"{path}: {reason}.") from None


@lru_cache(maxsize=1 << 14)  # the closes of a basket stand on the same days, share by share
def _dated(value: object) -> date:
    if not isinstance(value, str) or not _ISO_DATE.fullmatch(value):
        raise TermSheetError(f"{value!r} is not a date such as 2024-09-30")
    try:
        found = date.fromisoformat(value)
    except ValueError:
        raise TermSheetError(f"there is no day {value}") from None
    if not _YEARS[0] <= found.year <= _YEARS[1]:
        raise TermSheetError(f"{value} lies outside the years {_YEARS[0]} to {_YEARS[1]}")
    return found


def days(value: object, path: str) -> tuple[date, ...]:
    """Return a list of dates, sorted, each once."""
    return tuple(sorted({day(item, f"{path}[{n}]") for n, item in enumerate(listed(value, path))}))


def listed(value: object, path: str) -> list[object]:
    """Return a JSON list as it is."""
    if not isinstance(value, list):
        raise TermSheetError(f"{path}: a list is expected, not {value!r}.")
    return value


def members(value: object, path: str) -> dict[str, object]:
    """Return a JSON object as it is; absent is empty."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise TermSheetError(f"{path}: an object with keys is expected, not {value!r}.")
    if isinstance(value, _Doubled):
        raise TermSheetError(f"{path}.{value.key}: this key is written twice in one object.")
    return {str(key): item for key, item in value.items()}


class Fields:
    """One JSON object whose keys are taken one by one; `close` refuses what nobody took.

    A null is as good as an absent key. Every method raises TermSheetError.
    """

    def __init__(self, value: object, path: str) -> None:
        self.path = path
        self._left = members(value, path)
        self._known: list[str] = []

    def take(self, key: str) -> object:
        """Return a value that the caller reads himself."""
        self._known.append(key)
        return self._left.pop(key, None)

    def peek(self, key: str) -> object:
        """Return a value that is still to be taken."""
        return self._left.get(key)

    def at(self, key: str) -> str:
        """Return the path of a key, for a sentence."""
        return f"{self.path}.{key}"

    def close(self) -> None:
        """Refuse the keys that nobody took; nulls and remarks may stay."""
        left = (key for key, value in self._left.items() if value is not None)
        unknown = next((key for key in left if key not in _REMARKS), None)
        if unknown is not None:
            raise TermSheetError(
                f"{self.at(unknown)}: unknown term; known here: {', '.join(sorted(self._known))}."
            )

    def number(self, key: str) -> Fraction | None:
        """Return an exact number that is not negative, or None."""
        value = self.take(key)
        if value is None:
            return None
        number = exact(value, self.at(key))
        if number < 0:
            raise TermSheetError(f"{self.at(key)}: {value} must not be negative.")
        return number

    def or_else(self, key: str, default: Fraction) -> Fraction:
        """Return an exact number that is not negative, or what counts where none is given."""
        number = self.number(key)
        return default if number is None else number

    def above_zero(self, key: str) -> Fraction | None:
        """Return an exact number above zero, or None."""
        value = self.take(key)
        return None if value is None else positive(value, self.at(key))

    def whole(self, key: str, default: int, low: int = 0) -> int:
        """Return a whole number of at least `low`."""
        value = self.take(key)
        return default if value is None else whole(value, self.at(key), low)

    def flag(self, key: str, *, default: bool = False) -> bool:
        """Return true or false."""
        value = self.take(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise TermSheetError(f"{self.at(key)}: {value!r} must be true or false.")
        return value

    def text(self, key: str) -> str | None:
        """Return a text that is not empty, or None."""
        value = self.take(key)
        if value is None:
            return None
        if not isinstance(value, str) or not value.strip():
            raise TermSheetError(f"{self.at(key)}: {value!r} must be a text that is not empty.")
        return value

    def day(self, key: str) -> date | None:
        """Return a date, or None."""
        value = self.take(key)
        return None if value is None else day(value, self.at(key))

    def choice(self, key: str, kind: type[Choice], default: Choice) -> Choice:
        """Return one of a list of words, however capital."""
        value = self.take(key)
        if value is None:
            return default
        said = value.strip().casefold() if isinstance(value, str) else None
        found = next((word for word in kind if word.casefold() == said), None)
        if found is None:
            raise TermSheetError(f"{self.at(key)}: {value!r} must be one of {', '.join(kind)}.")
        return found

    def required(self, key: str, value: Value | None) -> Value:
        """Return a value that may not be absent."""
        if value is None:
            raise TermSheetError(f"{self.at(key)}: this term is missing.")
        return value
