"""Typed values, written for a reader: money, levels, days, moments and counts in his language.

What is written stays a text that a template may print as it is; it remembers what it was made
from, so that a filter can write the same value another way.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import ROUND_FLOOR, Decimal, InvalidOperation
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale
from babel.dates import format_date, format_datetime, format_time
from babel.numbers import format_decimal, format_percent

from apps.core import money as minor

MASK = "•••"
# CLDR's order of the forms of a noun; whole numbers of our languages never take the others.
FORMS = ("zero", "one", "two", "few", "many", "other")
DAYS = {
    "short": "short", "medium": "medium", "long": "d MMMM y", "full": "full",
    "day": "d MMMM", "weekday": "EEEE", "month": "LLLL y", "year": "y",
}  # fmt: skip
LARGEST = 10**18  # more digits than any sum of money has; longer ones only cost time


class SpeechError(Exception):
    """A value that is not of the kind that it says, or cannot be written in this way."""


class Said(str):
    """A value as the reader reads it, with what it was made from."""

    __slots__ = ("kind", "language", "value", "zone")

    kind: str
    value: Any  # the money as (minor units, currency), a Decimal, a date, an aware moment, an int
    language: str
    zone: str


def said(kind: str, value: Any, text: str, language: str, zone: str) -> Said:
    made = Said(text)
    made.kind, made.value, made.language, made.zone = kind, value, language, zone
    return made


def spoken(value: Any, language: str, zone: str = "UTC") -> Any:
    """Write typed values for readers of a language and time zone; everything else stays as it is.

    {"money": 2500, "currency": "USD"} in minor units, {"date": "2020-02-28"},
    {"month": "2020-02-01"}, {"moment": "2020-02-28T21:00:00+00:00"}, {"percent": "0.955"} as a
    fraction, {"number": "12.5"}, {"url": "https://…"}; also inside lists and mappings.
    Raises SpeechError.
    """
    if isinstance(value, dict):
        if kind := typed(value):
            return speak(kind, value[kind], value.get("currency", ""), language, zone)
        return {name: spoken(item, language, zone) for name, item in value.items()}
    if isinstance(value, int) and not isinstance(value, bool):
        return speak("count", value, "", language, zone)
    if isinstance(value, list | tuple):
        return [spoken(item, language, zone) for item in value]
    return value


def typed(value: Mapping[str, Any]) -> str:
    """Name the kind of a typed value: its only key but for a currency, with a plain value."""
    if len(value) > 2 or (len(value) == 2 and "currency" not in value):
        return ""
    for kind in value:
        if kind != "currency":
            return kind if kind in READERS and isinstance(value[kind], str | int) else ""
    return ""


@lru_cache(maxsize=20_000)
def speak(kind: str, value: str | int, currency: str, language: str, zone: str) -> Said:
    """Write one value the usual way. Cached: a strategy's figures are spoken once for its holders.

    Raises SpeechError.
    """
    try:
        read = READERS[kind](value, currency)
        return said(kind, read, WRITERS[kind](read, language, zone), language, zone)
    except (ArithmeticError, KeyError, TypeError, ValueError) as error:
        raise SpeechError("A value is not of the kind that it says.") from error


def read_number(value: str | int, _currency: str) -> Decimal:
    number = Decimal(value)
    if not number.is_finite() or abs(number) > LARGEST or abs(number.as_tuple().exponent) > 18:  # type: ignore[arg-type]
        raise InvalidOperation
    return number


def read_moment(value: str | int, _currency: str) -> datetime:
    moment = datetime.fromisoformat(str(value))
    if moment.tzinfo is None:
        raise ValueError
    return moment.astimezone(UTC)


def read_money(value: str | int, currency: str) -> tuple[int, str]:
    if len(currency) != 3 or abs(int(value)) > LARGEST:
        raise ValueError
    return int(value), currency


READERS: Mapping[str, Callable[[Any, str], Any]] = {
    "money": read_money,
    "percent": read_number,
    "number": read_number,
    "count": lambda value, _currency: int(value),
    "date": lambda value, _currency: date.fromisoformat(value),
    "month": lambda value, _currency: date.fromisoformat(value),
    "moment": read_moment,
    "url": lambda value, _currency: str(value),
}


def percent(level: Decimal, language: str, *, decimals: int = 2, sign: bool = False) -> str:
    """Write a level as the client's page does: cut, for 74.996 % must not read like 75 %."""
    cut = level.quantize(Decimal(1).scaleb(-2 - decimals), ROUND_FLOOR)
    pattern = Locale.parse(language).percent_formats[None].pattern
    pattern = pattern.replace("#,##0", "#,##0" + ("." + "#" * decimals if decimals else ""))
    text: str = format_percent(abs(cut) if sign else cut, pattern, locale=language)
    if not sign or not cut:
        return text
    return ("+" if cut > 0 else "−") + text


def whole_money(value: tuple[int, str], language: str) -> str:
    """Write money without its minor units where there are none: $1,234, but $1,234.50."""
    units, currency = value
    places = minor.decimals(currency)
    if units % 10**places:
        return minor.spoken(units, currency, language)
    return minor.spoken_whole(units // 10**places, currency, language)


def day(value: date, language: str, style: str) -> str:
    return format_date(value, DAYS[style], locale=language)


def moment(value: datetime, language: str, zone: str) -> str:
    """Write a moment by the reader's own clock: 28 February 2020, 23:00."""
    text: str = format_datetime(value, "d MMMM y, HH:mm", tzinfo=time_zone(zone), locale=language)
    return text


def clock_time(value: datetime, language: str, zone: str) -> str:
    return format_time(value, "HH:mm", tzinfo=time_zone(zone), locale=language)


WRITERS: Mapping[str, Callable[[Any, str, str], str]] = {
    "money": lambda value, language, _zone: minor.spoken(value[0], value[1], language),
    "percent": lambda value, language, _zone: percent(value, language),
    "number": lambda value, language, _zone: format_decimal(value, locale=language),
    "count": lambda value, language, _zone: format_decimal(value, locale=language),
    "date": lambda value, language, _zone: day(value, language, "long"),
    "month": lambda value, language, _zone: day(value, language, "month"),
    "moment": moment,
    "url": lambda value, _language, _zone: value,
}


@lru_cache(maxsize=1_000)
def time_zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise SpeechError(f"Nobody knows the time zone “{name[:40]}”.") from error


def plural(number: int | Decimal, forms: tuple[str, ...], language: str) -> str:
    """Choose the form of a noun for a number: day, days; день, дня, дней.

    English has two forms, Russian, Ukrainian and Polish three; one more may be given for
    fractions. Raises SpeechError.
    """
    rule = Locale.parse(language).plural_form
    known = [form for form in FORMS if form in rule.tags or form == "other"]
    needed = known if len(known) == 2 else known[:-1]  # "other" is for fractions where three are
    if len(forms) not in {len(needed), len(known)}:
        raise SpeechError(
            f"“plural” needs {len(needed)} forms in the language “{language}”, not {len(forms)}."
        )
    by_form = dict(zip(known, forms, strict=False))
    return by_form.get(rule(abs(Decimal(number))), forms[-2] if len(needed) > 2 else forms[-1])


def addresses(value: Any) -> list[str]:
    """Find the typed addresses among values, wherever they stand."""
    found, left = [], [value]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            if isinstance(value.get("url"), str):
                found.append(value["url"])
            else:
                left += value.values()
        elif isinstance(value, list | tuple):
            left += value
    return found


def masked(value: Any) -> Any:
    """Hide what typed addresses open, wherever they stand among the values."""
    match value:
        case {"url": str(url)}:
            return {**value, "url": hidden(url)}
        case Mapping():
            return {name: masked(item) for name, item in value.items()}
        case list() | tuple():
            return [masked(item) for item in value]
    return value


def hidden(url: str) -> str:
    return url[: url.rstrip("/").rfind("/") + 1] + MASK
