"""Reading from JSON what a market showed, strictly, and nothing of it after its `as_of`."""

from datetime import date
from fractions import Fraction

from apps.products.terms.fields import Fields, day, days, members, positive
from apps.products.terms.sheet import Market


def read_market(market: object, path: str = "market") -> Market:
    """Return the market of a JSON object; prices after `as_of` are dropped here, unread.

    Raises TermSheetError with a sentence. Exchange rates are accepted and not used: no term sheet
    that needs them can be evaluated yet.
    """
    fields = Fields(market, path)
    as_of = fields.day("as_of")
    fields.take("fx")
    prices: dict[str, dict[date, Fraction]] = {}
    at = fields.at("prices")
    for share, closes in members(fields.take("prices"), at).items():
        on = {
            day(key, f"{at}.{share}"): value
            for key, value in members(closes, f"{at}.{share}").items()
        }
        prices[share] = {
            key: positive(value, f"{at}.{share}.{key}")
            for key, value in sorted(on.items())
            if as_of is None or key <= as_of
        }
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
    return Market(prices, calendars, disrupted, as_of)
