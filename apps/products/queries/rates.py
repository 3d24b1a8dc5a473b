"""Exchange rates of composite baskets, as the engine looks them up."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from fractions import Fraction

from apps.products.models.markets import Quote
from apps.products.models.strategies import BasketMember
from apps.products.past import Rates
from apps.products.terms.series import Series
from apps.products.terms.sheet import Fx, TermSheet

ONE = Fraction(1)


def rates_of(terms: TermSheet, members: Iterable[BasketMember], *, until: date) -> dict[str, Rates]:
    """Return the rates of a composite basket's foreign shares by ticker; one query, none else."""
    if terms.fx is not Fx.COMPOSITE:
        return {}
    pairs = {one.underlying.ticker: one.fx_pair_id for one in members if one.fx_pair_id}
    known: dict[int, dict[date, Fraction]] = defaultdict(dict)
    quotes = Quote.objects.filter(
        underlying__in=pairs.values(), is_current=True, state=Quote.State.CONFIRMED, day__lte=until
    ).order_by("day")
    for pair, day, close in quotes.values_list("underlying_id", "day", "close"):
        known[pair][day] = Fraction(close)
    return {
        share.id: Rates.of(terms, share, Series.of(known[pairs[share.id]], until))
        for share in terms.basket.underlyings
        if share.id in pairs
    }


def factor(rates: Mapping[str, Rates], share: str, day: date) -> Fraction | None:
    """Return FX(t) ÷ FX(0) of a share, 1 where no rate matters, None where none is known yet."""
    found = rates.get(share)
    if found is None:
        return ONE
    return found.on(day) if found.known_by(day) else None
