"""Reading shares and the rule by which they are looked at together."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from apps.products.terms.fields import Fields, listed, whole
from apps.products.terms.sheet import ONE, Basket, BasketKind, TermSheetError, Underlying

_WHOLES = (1, 100)  # parts of one, or percents
_MAY_MISS = Fraction(1, 1000)  # for each share: thirds are written 0.333


def read_basket(fields: Fields) -> Basket:
    """Return the basket of a term sheet: its shares, their weights, the rule of the product."""
    at = fields.at("underlyings")
    shares: list[Underlying] = []
    for n, item in enumerate(listed(fields.take("underlyings"), at)):
        share = _share(Fields(item, f"{at}[{n}]"))
        if share.id in {other.id for other in shares}:
            raise TermSheetError(f"{at}[{n}].id: {share.id} is in the basket twice.")
        shares.append(share)
    if not shares:
        raise TermSheetError(f"{at}: at least one share is needed.")
    level_dp = fields.take("level_dp")
    return looked_at(
        fields,
        Basket(
            BasketKind.WORST,
            _weighted(shares, at),
            level_dp=None if level_dp is None else whole(level_dp, fields.at("level_dp")),
        ),
    )


def looked_at(fields: Fields, basket: Basket) -> Basket:
    """Read `basket` and `m` of an object; absent, those of the given basket count."""
    kind = fields.choice("basket", BasketKind, basket.kind)
    m = fields.whole("m", basket.m)
    if kind is BasketKind.N_OF_M and not 1 <= m <= len(basket.underlyings):
        raise TermSheetError(
            f"{fields.at('m')}: n_of_m needs m from 1 to {len(basket.underlyings)}, not {m}."
        )
    return Basket(kind, basket.underlyings, m, basket.level_dp)


def _share(entry: Fields) -> Underlying:
    share = Underlying(
        id=entry.required("id", entry.text("id")),
        initial=entry.required("initial", entry.above_zero("initial")),
        weight=entry.above_zero("weight") or Fraction(0),
        calendar=entry.text("calendar"),
        fx_initial=entry.above_zero("fx_initial"),
    )
    entry.take("currency")  # known to whoever gives the rates; no rule asks for it
    entry.close()
    return share


def _weighted(shares: Sequence[Underlying], path: str) -> tuple[Underlying, ...]:
    """Return the shares with weights that add up to one; all absent means equal.

    Weights are parts of one, percents, or all the same.
    """
    given = [share.weight for share in shares if share.weight]
    if given and len(given) < len(shares):
        raise TermSheetError(f"{path}: either every share has a weight or none has.")
    total = sum(given, Fraction(0)) or Fraction(len(shares))
    adds_up = any(abs(total / one - ONE) <= _MAY_MISS * len(shares) for one in _WHOLES)
    if given and len(set(given)) > 1 and not adds_up:
        raise TermSheetError(
            f"{path}: the weights add up to {float(total):g}; change them so that they add up to 1."
        )
    return tuple(replace(share, weight=(share.weight or ONE) / total) for share in shares)
