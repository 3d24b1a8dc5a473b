"""What an event from outside must look like, whichever way it comes, and what it may not claim.

Written for speed where it costs nothing in clearness: a thousand events of one request are judged
here one by one, each in a few microseconds.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

import orjson
from django.utils.translation import gettext as _

# Families of kinds that only the product itself writes: nobody outside says that a coupon accrued.
OWN = frozenset(
    {
        "campaign", "client", "coupon", "deadline", "digest", "email", "holding", "journey", "lead",
        "link", "message", "notice", "observation", "page", "payment", "policy", "restatement",
        "result", "segment", "strategy", "underlying",
    }
)  # fmt: skip
PURCHASE = "purchase.made"
KIND = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)+")
LONGEST_KIND = 60
LONGEST_SUBJECT = 60
LONGEST_ID = 100
LONGEST_REFERENCE = 200  # what an identifier holds
# PostgreSQL and we must read the same moment, hence one way of writing it.
MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?"
    r"(?:Z|[+-](?:0[0-9]|1[0-4]):[0-5][0-9])"
)
ZONELESS = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9:.]+)?")
# News, not history: files bring what is older. It also bounds where an id is looked for again.
OLDEST = timedelta(days=400)
AHEAD = timedelta(minutes=15)  # clocks differ, but nothing has happened tomorrow
LARGEST = 4096  # bytes of an event's properties
MOST_NAMES = 50
DEEPEST = 4  # objects and lists within each other
DIGITS = 30  # of a number, before and behind the point
FIELDS = frozenset(("id", "core_id", "contract", "kind", "subject", "occurred_at", "properties"))
SCALARS = frozenset((str, int, bool, type(None)))
CURRENCY = re.compile("[A-Z]{3}")
LARGEST_AMOUNT = 10**15  # minor units


class NotAnEventError(ValueError):
    """An event cannot be taken; `path` says which of its fields is why."""

    def __init__(self, code: str, path: str, reason: str) -> None:
        super().__init__(reason)
        self.code, self.path, self.reason = code, path, reason


@dataclass(frozen=True)
class Span:
    """From when to when an event may have happened."""

    first: datetime
    last: datetime

    @classmethod
    def until(cls, at: datetime) -> "Span":
        return cls(at - OLDEST, at + AHEAD)


def check_event(event: Any, span: Span) -> datetime:
    """Return when the event happened; raise NotAnEventError, naming the first field that is wrong.

    Numbers that are no whole ones come as Decimal, exactly as they were written.
    """
    if type(event) is not dict:
        raise NotAnEventError("wrong_type", "", _("An event is an object."))
    if not event.keys() <= FIELDS:
        stray = min(event.keys() - FIELDS)
        raise NotAnEventError("unknown_field", stray, _("An event has no such field."))
    _check_client(event)
    kind = event.get("kind")
    check_kind(kind if type(kind) is str else "")
    _check_text(event.get("id"), "id", LONGEST_ID)
    if "subject" in event:
        _check_text(event["subject"], "subject", LONGEST_SUBJECT)
    if properties := event.get("properties", {}):
        check_properties(properties)
    elif properties != {}:
        raise NotAnEventError("wrong_type", "properties", _("Properties are an object."))
    if kind == PURCHASE:
        _check_purchase(properties)
    return read_moment(event.get("occurred_at"), span)


def _check_client(event: Mapping[str, Any]) -> None:
    if ("core_id" in event) == ("contract" in event):
        reason = _("Say whose event it is: by core_id or by contract, not by both.")
        raise NotAnEventError("no_client", "core_id", reason)
    path = "core_id" if "core_id" in event else "contract"
    _check_text(event[path], path, LONGEST_REFERENCE)


def _check_text(text: Any, path: str, longest: int) -> None:
    if type(text) is not str:
        raise NotAnEventError("wrong_type", path, _("Give a text."))
    if not (0 < len(text) <= longest and text.isprintable() and text == text.strip()):
        reason = _(
            "Give 1 to %(most)d visible characters, without spaces at the beginning or the end."
        )
        raise NotAnEventError("wrong_text", path, reason % {"most": longest})


@lru_cache(4096)
def check_kind(kind: str) -> None:
    """Refuse what is no name of a kind, or one of our own."""
    if len(kind) > LONGEST_KIND or not KIND.fullmatch(kind):
        reason = _(
            "Name a kind by small letters with a point between, like order.placed, in at most"
            " %(most)d characters."
        )
        raise NotAnEventError("wrong_kind", "kind", reason % {"most": LONGEST_KIND})
    family = kind.partition(".")[0]
    if family in OWN or (family == "purchase" and kind != PURCHASE):
        reason = _("Kinds that begin with “%(family)s.” are written by Tidings alone.")
        raise NotAnEventError("reserved_kind", "kind", reason % {"family": family})


def read_moment(text: Any, span: Span) -> datetime:
    """Read a moment with its zone; refuse one that lies outside the span."""
    if type(text) is not str or not MOMENT.fullmatch(text):
        zoneless = type(text) is str and ZONELESS.fullmatch(text)
        raise NotAnEventError(
            "no_zone" if zoneless else "wrong_moment",
            "occurred_at",
            _("Say the moment with its zone, like 2026-03-02T12:00:00Z or …+03:00."),
        )
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        reason = _("There is no such moment.")
        raise NotAnEventError("wrong_moment", "occurred_at", reason) from None
    if moment > span.last:
        raise NotAnEventError("in_the_future", "occurred_at", _("This moment lies in the future."))
    if moment < span.first:
        reason = _("This is older than %(days)d days; bring history as a file.")
        raise NotAnEventError("too_old", "occurred_at", reason % {"days": OLDEST.days})
    return moment


def check_properties(properties: Any) -> None:
    if type(properties) is not dict:
        raise NotAnEventError("wrong_type", "properties", _("Properties are an object."))
    if len(properties) > MOST_NAMES:
        reason = _("At most %(most)d properties.") % {"most": MOST_NAMES}
        raise NotAnEventError("too_many", "properties", reason)
    if not SCALARS.issuperset(map(type, properties.values())):
        _check_value(properties, "properties", 1)
    try:
        written = orjson.dumps(properties, default=str)
    except TypeError:
        reason = _("A text is broken, or a whole number has more than 18 digits.")
        raise NotAnEventError("cannot_be_kept", "properties", reason) from None
    if len(written) > LARGEST:
        reason = _("Properties may have %(most)d bytes together.") % {"most": LARGEST}
        raise NotAnEventError("too_large", "properties", reason)


def _check_value(value: Any, path: str, depth: int) -> None:
    if isinstance(value, Decimal):
        _check_number(value, path)
        return
    if not isinstance(value, dict | list):
        return
    if depth > DEEPEST:
        reason = _("Objects and lists lie within each other %(most)d deep at most.")
        raise NotAnEventError("too_deep", path, reason % {"most": DEEPEST})
    entries = value.items() if isinstance(value, dict) else enumerate(value)
    for name, inner in entries:
        _check_value(inner, f"{path}.{name}", depth + 1)


def _check_number(number: Decimal, path: str) -> None:
    _sign, _digits, exponent = number.as_tuple()
    if type(exponent) is not int or exponent < -DIGITS or number.adjusted() > DIGITS:
        reason = _("A number has at most %(most)d digits before and behind its point.")
        raise NotAnEventError("too_long_a_number", path, reason % {"most": DIGITS})


def _check_purchase(properties: Mapping[str, Any]) -> None:
    """Refuse a purchase without what later reckoning needs: which, of what, for how much."""
    for name, good, reason in PURCHASE_NEEDS:
        if not good(properties.get(name)):
            raise NotAnEventError("wrong_purchase", f"properties.{name}", reason())


def _names(value: Any) -> bool:
    return type(value) is str and 0 < len(value) <= LONGEST_ID and value.isprintable()


PURCHASE_NEEDS: tuple[tuple[str, Callable[[Any], bool], Callable[[], str]], ...] = (
    ("number", _names, lambda: _("A purchase has a number that no other one has.")),
    ("product", _names, lambda: _("A purchase names its product.")),
    (
        "amount",
        lambda amount: type(amount) is int and 0 < amount <= LARGEST_AMOUNT,
        lambda: _("Give the amount in minor units: 125000 is 1,250.00."),
    ),
    (
        "currency",
        lambda currency: type(currency) is str and CURRENCY.fullmatch(currency) is not None,
        lambda: _("Give the currency in three capitals, like EUR."),
    ),
)
