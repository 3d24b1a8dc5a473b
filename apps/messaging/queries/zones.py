"""Where it may be what time for a client: his own zone, else all zones of his phone's country."""

from datetime import time
from functools import cache, lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import phonenumbers
from django.conf import settings

from apps.messaging.gate import Quiet

PREFIX = 6  # characters of a number, by which countries that share a calling code differ


@cache
def time_zone(name: str) -> ZoneInfo | None:
    """Read a time zone; None for one that nobody knows."""
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError):
        return None


@lru_cache(maxsize=10_000)
def quiet_hours(zone: str, phone: str, begins: time, ends: time) -> Quiet:
    """Return the quiet hours of a client whose zone may be unknown, and whose phone empty."""
    known = time_zone(zone)
    if known is not None:
        return Quiet(begins, ends, known)
    first, *others = zones_of(country_of(phone))
    return Quiet(begins, ends, first, tuple(others))


def country_of(phone: str) -> str:
    """Return the two letters of the country of a number; the issuer's own where none is known."""
    try:
        region = phonenumbers.region_code_for_number(phonenumbers.parse(phone)) if phone else None
    except phonenumbers.NumberParseException:
        region = None
    region = region or region_of_code(phone)
    return region if region in zones_by_country() else issuers_country()


def region_of_code(phone: str) -> str:
    """Return the main country of a calling code, for a number that belongs to none of its own."""
    for length in (1, 2, 3):
        digits = phone[1 : 1 + length]
        if digits.isdigit() and int(digits) in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
            return str(phonenumbers.region_code_for_country_code(int(digits)))
    return ""


@cache
def zones_of(country: str) -> tuple[ZoneInfo, ...]:
    return tuple(ZoneInfo(name) for name in zones_by_country()[country])


@cache
def issuers_country() -> str:
    name = settings.DEFAULT_CLIENT_TIME_ZONE
    found = (country for country, zones in zones_by_country().items() if name in zones)
    return next(found, "RU")


@cache
def zones_by_country() -> dict[str, list[str]]:
    """Read the time zone database's own table of countries."""
    table: dict[str, list[str]] = {}
    for line in files("tzdata").joinpath("zoneinfo", "zone.tab").read_text().splitlines():
        if line and not line.startswith("#"):
            country, _where, zone, *_rest = line.split("\t")
            table.setdefault(country, []).append(zone)
    return table
