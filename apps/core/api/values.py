"""What single fields of a body mean: numbers as written, days, and moments with their zone."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any

from django.utils.translation import gettext as _
from pydantic import BeforeValidator, Field, WithJsonSchema

LONGEST = 40  # digits before the point, and behind it
NUMBER = re.compile(rf"[+-]?[0-9]{{1,{LONGEST}}}(\.[0-9]{{1,{LONGEST}}})?")
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?"
    r"([Zz]|[+-][0-9]{2}:[0-9]{2})?"
)


def exact(number: Any) -> Decimal:
    """Take a number as it was written, or as a text of digits; nothing that is nearly one."""
    if isinstance(number, str) and NUMBER.fullmatch(number):
        return Decimal(number)
    if isinstance(number, int | Decimal) and not isinstance(number, bool):
        written = Decimal(number)
        if abs(written.adjusted()) <= LONGEST:  # what lies beyond is none that can be reckoned with
            return written
    raise ValueError(_("write the number with digits and a decimal point, like 273.36"))


def written_day(day: Any) -> date:
    """Take a day written as year-month-day; a bare number would be read as seconds since 1970."""
    if isinstance(day, str) and DAY.fullmatch(day):
        return date.fromisoformat(day)
    raise ValueError(_("write the day as year-month-day, like 2020-02-28"))


def written_moment(moment: Any) -> datetime:
    """Take a moment that says its zone; without one it would be one of two dozen moments."""
    if not isinstance(moment, str) or not (found := MOMENT.fullmatch(moment)):
        raise ValueError(_("write the moment with its zone, like 2020-02-28T21:30:00Z"))
    if found[2] is None:
        raise ValueError(_("say the zone of the moment too: end it with Z or like +03:00"))
    said = datetime.fromisoformat(moment.upper())
    try:
        return said.astimezone(UTC)
    except OverflowError as error:  # the first or the last day there is
        raise ValueError(_("there is no such moment")) from error


Day = Annotated[date, BeforeValidator(written_day)]
Moment = Annotated[
    datetime,
    BeforeValidator(written_moment),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2020-02-28T21:30:00Z"]}),
]
EXACT_SCHEMA = {
    "anyOf": [
        {"type": "number"},
        {"type": "string", "pattern": rf"^[+-]?[0-9]{{1,{LONGEST}}}(\.[0-9]{{1,{LONGEST}}})?$"},
    ],
    "examples": ["273.36"],
}
Exact = Annotated[Decimal, BeforeValidator(exact), WithJsonSchema(EXACT_SCHEMA)]
# A name in an address; a NUL in one could not even be looked for.
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]+$")]
