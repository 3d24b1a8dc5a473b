"""Reading from JSON what a market showed, strictly, and nothing of it after its `as_of`."""

from datetime import date
from fractions import Fraction

from apps.products.terms.fields import Fields, day, days, members, positive
from apps.products.terms.sheet import Market


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


def _series(fields: Fields, key: str, as_of: date | None) -> dict[str, dict[date, Fraction]]:
    """Read the prices or rates of each share by day; null is a day without one."""
    at = fields.at(key)
    found: dict[str, dict[date, Fraction]] = {}
    for share, values in members(fields.take(key), at).items():
        on = {
            day(text, f"{at}.{share}"): value
            for text, value in members(values, f"{at}.{share}").items()
        }
        found[share] = {
            moment: positive(value, f"{at}.{share}.{moment}")
            for moment, value in sorted(on.items())
            if value is not None and (as_of is None or moment <= as_of)
        }
    return found
