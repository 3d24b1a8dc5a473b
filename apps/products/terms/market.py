"""Reading from JSON what a market showed, strictly, and nothing of it after its `as_of`."""

import re
from datetime import date

from apps.products.terms.fields import Fields, day, days, members, positive
from apps.products.terms.series import Number, Series
from apps.products.terms.sheet import Market

# A price above zero as nearly all are written; what looks otherwise is read with all its checks.
_PLAIN = re.compile(r"(?=[0-9.]*[1-9])[0-9]{1,24}(\.[0-9]{1,24})?", re.ASCII)


def read_market(market: object, path: str = "market") -> Market:
    """Return the market of a JSON object; prices after `as_of` are dropped here, unread.

    Raises TermSheetError with a sentence.
    """
    fields = Fields(market, path)
    as_of = fields.day("as_of")
    prices, fx = _series(fields, "prices", as_of), _series(fields, "fx", as_of)
    at = fields.at("calendars")
    calendars = {
        name: days(sessions, f"{at}.{name}")
        for name, sessions in members(fields.take("calendars"), at).items()
    }
    at = fields.at("disrupted")
    disrupted = {
        share: frozenset(days(hit, f"{at}.{share}"))
        for share, hit in members(fields.take("disrupted"), at).items()
    }
    fields.close()
    return Market(prices, calendars, disrupted, as_of, fx)


def _series(fields: Fields, key: str, as_of: date | None) -> dict[str, Series]:
    """Read the prices or rates of each share by day; null is a day without one."""
    at = fields.at(key)
    found: dict[str, Series] = {}
    for share, values in members(fields.take(key), at).items():
        path = f"{at}.{share}"
        numbers: dict[date, Number] = {}
        for text, value in members(values, path).items():
            moment = day(text, path)
            if value is not None and (as_of is None or moment <= as_of):
                if isinstance(value, str) and _PLAIN.fullmatch(value):
                    numbers[moment] = value
                else:
                    numbers[moment] = positive(value, f"{path}.{text}")
        found[share] = Series(numbers)
    return found
