"""Reading a term sheet from JSON, strictly: what is not understood is refused, never ignored."""

from collections.abc import Mapping
from datetime import date
from fractions import Fraction

from apps.core import money
from apps.products.terms.baskets import read_basket
from apps.products.terms.capital import read_redemption
from apps.products.terms.coupons import check_order, read_coupons
from apps.products.terms.fields import Fields, listed
from apps.products.terms.sheet import (
    Basket,
    BasketKind,
    CorporateChange,
    Coupon,
    CouponKind,
    DisruptionScope,
    Fx,
    MemoryEnd,
    PaymentLag,
    Roll,
    RoundPer,
    Schedule,
    TermSheet,
    TermSheetError,
)

_PLACES = 2  # decimals of an amount where a term sheet does not say
_MOST_PLACES = 8  # of any currency, coins of computers included


def read_spec(
    spec: object,
    path: str = "spec",
    closes: Mapping[str, Mapping[date, Fraction]] | None = None,
) -> TermSheet:
    """Return the term sheet of a JSON object; `closes` tell what came before a special dividend.

    Raises TermSheetError with a sentence that names the term: a binary float, an unknown or
    missing term, a value out of its range, or terms that contradict each other.
    """
    fields = Fields(spec, path)
    currency = fields.text("currency") or ""
    places = fields.whole("ccy_dp", _PLACES)
    if places > _MOST_PLACES:
        raise TermSheetError(
            f"{fields.at('ccy_dp')}: an amount has at most {_MOST_PLACES} decimals."
        )
    issue_date, maturity = fields.day("issue_date"), fields.day("maturity")
    if issue_date and maturity and maturity <= issue_date:
        raise TermSheetError(f"{fields.at('maturity')}: {maturity} is not after the issue date.")
    basket = read_basket(fields)
    coupon, autocall, observations = read_coupons(fields, basket)
    check_order(observations, issue_date, maturity, fields.at("observations"))
    if coupon.counts_days and not (observations[0].start or issue_date):
        raise TermSheetError(
            f"{fields.at('issue_date')}: the first coupon's days have no start; give it here or "
            "as the first observation's start."
        )
    notional, denomination = _notional(fields, places)
    terms = TermSheet(
        notional=notional,
        denomination=denomination,
        places=places,
        basket=basket,
        coupon=coupon,
        autocall=autocall,
        observations=observations,
        redemption=read_redemption(
            Fields(fields.take("redemption"), fields.at("redemption")), basket
        ),
        currency=currency,
        rounding=fields.choice("rounding", money.Rounding, money.Rounding.HALF_UP),
        round_per=fields.choice("round_per", RoundPer, RoundPer.NOTE),
        issue_date=issue_date,
        maturity=maturity,
        memory=fields.flag("memory"),
        memory_end=fields.choice("memory_end", MemoryEnd, MemoryEnd.LOST),
        fx=fields.choice("fx", Fx, Fx.NONE),
        lock_in=_lock_in(fields, basket, coupon),
        changes=_changes(fields, basket, issue_date, closes or {}),
        schedule=_schedule(Fields(fields.take("schedule"), fields.at("schedule"))),
        payment=_payment(Fields(fields.take("payment"), fields.at("payment"))),
    )
    fields.close()
    return terms


def _notional(fields: Fields, places: int) -> tuple[int, int | None]:
    """Return notional and denomination in minor units; of one note alone, the note is both."""
    note = _amount(fields, "denomination", places)
    notional = fields.required("notional", _amount(fields, "notional", places) or note)
    if note and notional % note:
        raise TermSheetError(
            f"{fields.at('notional')}: it is not a whole number of denominations; change either."
        )
    return notional, note


def _lock_in(spec: Fields, basket: Basket, coupon: Coupon) -> Fraction | None:
    value = spec.take("lock_in")
    fields = Fields(None if value is False else value, spec.at("lock_in"))
    barrier = fields.number("barrier")
    fields.close()
    by_share = basket.kind is not BasketKind.AVERAGE or coupon.kind is CouponKind.PER_STOCK
    if barrier is not None and not by_share:
        raise TermSheetError(
            f"{fields.path}: an average has no share to lock in; choose another basket."
        )
    return barrier


def _amount(fields: Fields, key: str, places: int) -> int | None:
    value = fields.above_zero(key)
    if value is None:
        return None
    try:
        return money.minor_units(value, places)
    except ValueError:
        raise TermSheetError(f"{fields.at(key)}: it has more than {places} decimals.") from None


def _changes(
    fields: Fields,
    basket: Basket,
    issue_date: date | None,
    closes: Mapping[str, Mapping[date, Fraction]],
) -> tuple[CorporateChange, ...]:
    """Read the corporate actions since the issue: the initial fixings already know older ones."""
    at = fields.at("actions")
    entries = fields.take("actions")
    listing = [] if entries is None else listed(entries, at)
    changes = [
        _change(Fields(entry, f"{at}[{n}]"), basket, closes) for n, entry in enumerate(listing)
    ]
    return tuple(change for change in changes if change.ex > (issue_date or date.min))


def _change(
    fields: Fields, basket: Basket, closes: Mapping[str, Mapping[date, Fraction]]
) -> CorporateChange:
    share = fields.required("id", fields.text("id"))
    ex = fields.required("ex", fields.day("ex"))
    if share not in {underlying.id for underlying in basket.underlyings}:
        raise TermSheetError(f"{fields.at('id')}: {share} is not in the basket.")
    kind = fields.text("type")
    if kind == "split":
        factor = 1 / fields.required("ratio", fields.above_zero("ratio"))
    elif kind == "special_dividend":
        amount = fields.required("amount", fields.above_zero("amount"))
        close = fields.above_zero("prev_close")
        if close is None:
            before = max((day for day in closes.get(share, {}) if day < ex), default=None)
            close = fields.required("prev_close", closes[share][before] if before else None)
        factor = (close - amount) / close
    elif kind == "factor":
        factor = fields.required("factor", fields.above_zero("factor"))
    else:
        raise TermSheetError(
            f"{fields.at('type')}: {kind!r} must be one of split, special_dividend, factor."
        )
    if factor <= 0:
        raise TermSheetError(f"{fields.at('amount')}: the dividend is not below the close.")
    fields.close()
    return CorporateChange(share, ex, factor)


def _schedule(fields: Fields) -> Schedule:
    standard = Schedule()
    schedule = Schedule(
        roll=fields.choice("roll", Roll, standard.roll),
        common=fields.flag("common", default=standard.common),
        max_disruption=fields.whole("max_disruption", standard.max_disruption),
        disruption_scope=fields.choice(
            "disruption_scope", DisruptionScope, standard.disruption_scope
        ),
    )
    fields.close()
    return schedule


def _payment(fields: Fields) -> PaymentLag:
    payment = PaymentLag(fields.whole("lag", 0), fields.text("calendar"))
    fields.close()
    return payment
