"""Reading what maturity pays back."""

from fractions import Fraction

from apps.products.terms.baskets import looked_at
from apps.products.terms.fields import Fields, positive
from apps.products.terms.sheet import (
    ONE,
    Basket,
    KnockIn,
    Redemption,
    RedemptionKind,
    TermSheetError,
)

# The term that makes a kind; without `type` it names the kind.
_OWN = {
    "level": RedemptionKind.FIXED,
    "barrier": RedemptionKind.BARRIER,
    "buffer": RedemptionKind.BUFFER,
}


def read_redemption(fields: Fields, basket: Basket) -> Redemption:
    """Return the redemption of a term sheet; terms that its type does not use change nothing."""
    kind = _kind(fields)
    redemption = Redemption(
        basket=looked_at(fields, basket),
        kind=kind,
        level=_needed(fields, "level", kind) or ONE,
        floor=_floor(fields, kind),
        barrier=_needed(fields, "barrier", kind) or Fraction(0),
        style=fields.choice("style", KnockIn, KnockIn.EUROPEAN),
        strike=fields.above_zero("strike") or ONE,
        ki_inclusive=fields.flag("ki_inclusive"),
        ki_start=fields.day("ki_start"),
        one_star=_one_star(fields),
        min_return=_gain(fields, "min_return"),
        buffer=_buffer(fields, kind),
        gearing=fields.or_else("gearing", ONE),
        participation=fields.or_else("participation", Fraction(0)),
        up_strike=fields.or_else("up_strike", ONE),
        step=_gain(fields, "step"),
        step_barrier=fields.or_else("step_barrier", ONE),
        cap=_cap(fields),
    )
    fields.close()
    return redemption


def _kind(fields: Fields) -> RedemptionKind:
    named = [kind for key, kind in _OWN.items() if fields.peek(key) is not None]
    if fields.peek("floor") is not None and not named:
        named = [RedemptionKind.FLOOR]
    if fields.peek("type") is None and len(named) > 1:
        raise TermSheetError(f"{fields.at('type')}: say which of {', '.join(named)} is meant.")
    return fields.choice("type", RedemptionKind, named[0] if named else RedemptionKind.FULL)


def _needed(fields: Fields, key: str, kind: RedemptionKind) -> Fraction | None:
    value = fields.number(key)
    return fields.required(key, value) if _OWN[key] is kind else value


def _floor(fields: Fields, kind: RedemptionKind) -> Fraction:
    floor = fields.number("floor")
    if kind is RedemptionKind.FLOOR:
        floor = fields.required("floor", floor)
    if floor is not None and floor > ONE:
        raise TermSheetError(
            f"{fields.at('floor')}: a floor is at most 1, the whole capital; what is always paid "
            "back above it is type fixed with its level."
        )
    return floor or Fraction(0)


def _buffer(fields: Fields, kind: RedemptionKind) -> Fraction:
    buffer = _needed(fields, "buffer", kind) or Fraction(0)
    if buffer > ONE:
        raise TermSheetError(
            f"{fields.at('buffer')}: a buffer is the part of a fall that is borne, such as 0.1."
        )
    return buffer


def _one_star(fields: Fields) -> Fraction | None:
    """Read from which level one share saves the capital; true is the initial fixing."""
    value = fields.take("one_star")
    if value is None or value is False:
        return None
    return ONE if value is True else positive(value, fields.at("one_star"))


def _gain(fields: Fields, key: str) -> Fraction:
    """Read a gain over the notional; 1 or more is meant as what is paid back in all."""
    gain = fields.or_else(key, Fraction(0))
    return gain - ONE if gain >= ONE else gain


def _cap(fields: Fields) -> Fraction | None:
    """Read the most that is paid back; less than 1 is meant as the gain alone."""
    cap = fields.number("cap")
    return cap + ONE if cap is not None and cap < ONE else cap
