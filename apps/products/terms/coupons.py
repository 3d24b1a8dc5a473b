"""Reading what an observation may pay and when it calls, with its own values over the product's."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from apps.products.terms.baskets import looked_at
from apps.products.terms.fields import Fields, days, listed, members, positive, whole
from apps.products.terms.sheet import (
    ONE,
    Autocall,
    Basket,
    BasketKind,
    BonusOn,
    CalledCoupon,
    Coupon,
    CouponKind,
    DayCount,
    ObservationTerms,
    RateBasis,
    TermSheetError,
)


def read_coupons(
    fields: Fields, basket: Basket
) -> tuple[Coupon, Autocall, tuple[ObservationTerms, ...]]:
    """Return the coupon, the call and every observation of a term sheet."""
    coupon_fields = Fields(fields.take("coupon"), fields.at("coupon"))
    autocall_fields = Fields(fields.take("autocall"), fields.at("autocall"))
    entries = _entries(fields)
    coupon = _coupon(coupon_fields)
    autocall = _autocall(autocall_fields, basket)
    product = _Product.read(coupon_fields, autocall_fields, coupon, entries)
    coupon_fields.close()
    autocall_fields.close()
    at = autocall_fields.at("bonus")
    for number in autocall.bonus:
        if not 1 <= number <= len(entries):
            raise TermSheetError(f"{at}.{number}: there is no such observation.")
    return (
        coupon,
        autocall,
        tuple(_observation(entry, number, product) for number, entry in enumerate(entries, 1)),
    )


def _entries(fields: Fields) -> list[Fields]:
    path = fields.at("observations")
    entries = listed(fields.take("observations"), path)
    if not entries:
        raise TermSheetError(f"{path}: at least one observation is needed.")
    return [Fields(entry, f"{path}[{n}]") for n, entry in enumerate(entries)]


def _coupon(fields: Fields) -> Coupon:
    step = fields.or_else("growth_step", Fraction(0))
    return Coupon(
        kind=fields.choice("type", CouponKind, CouponKind.FIXED),
        basis=fields.choice("basis", RateBasis, RateBasis.PERIOD),
        day_count=fields.choice("day_count", DayCount, DayCount.PERIOD),
        frequency=fields.whole("frequency", 1, low=1),
        strict=fields.flag("strict"),
        guaranteed_rate=fields.number("guaranteed_rate"),
        growth_step=step,
        growth_reset=fields.flag("growth_reset"),
    )


def _autocall(fields: Fields, basket: Basket) -> Autocall:
    at = fields.at("bonus")
    bonus = {
        whole(number, at): positive(factor, f"{at}.{number}")
        for number, factor in members(fields.take("bonus"), at).items()
    }
    autocall = Autocall(
        basket=looked_at(fields, basket),
        coupon=fields.choice("coupon", CalledCoupon, CalledCoupon.IF_MET),
        stock_memory=fields.flag("stock_memory"),
        bonus=bonus,
        bonus_on=fields.choice("bonus_on", BonusOn, BonusOn.ALL),
        deferred=fields.or_else("deferred", Fraction(0)),
    )
    if autocall.stock_memory and autocall.basket.kind is BasketKind.AVERAGE:
        raise TermSheetError(
            f"{fields.at('stock_memory')}: an average has no share to remember; choose another "
            "basket for the call."
        )
    return autocall


@dataclass(frozen=True, slots=True)
class _Product:
    """The product's terms that a single observation may override."""

    kind: CouponKind
    rate: Fraction
    barrier: Fraction | None
    upper: Fraction | None
    guaranteed: bool
    call_barrier: Fraction | None
    first: int
    call_redemption: Fraction

    @classmethod
    def read(
        cls,
        coupon_fields: Fields,
        autocall_fields: Fields,
        coupon: Coupon,
        entries: Iterable[Fields],
    ) -> "_Product":
        # A guaranteed rate alone holds for every observation, unless some are named for it.
        named = any(entry.peek("guaranteed") is True for entry in entries)
        standing = coupon.guaranteed_rate is not None and not named
        return cls(
            kind=coupon.kind,
            rate=coupon_fields.or_else("rate", Fraction(0)),
            barrier=coupon_fields.number("barrier"),
            upper=coupon_fields.above_zero("upper"),
            guaranteed=coupon_fields.flag("guaranteed") or standing,
            call_barrier=autocall_fields.number("barrier"),
            first=autocall_fields.whole("first", 1, low=1),
            call_redemption=autocall_fields.or_else("redemption", ONE),
        )


def _observation(fields: Fields, number: int, product: _Product) -> ObservationTerms:
    barrier, upper = fields.number("coupon_barrier"), fields.above_zero("coupon_upper")
    call_barrier = _call_barrier(fields, product)
    observation = ObservationTerms(
        number=number,
        scheduled=fields.required("date", fields.day("date")),
        rate=fields.or_else("rate", product.rate),
        barrier=product.barrier if barrier is None else barrier,
        upper=product.upper if upper is None else upper,
        guaranteed=fields.flag("guaranteed", default=product.guaranteed),
        call_barrier=call_barrier if number >= product.first else None,
        call_redemption=fields.or_else("call_redemption", product.call_redemption),
        pay=fields.day("pay"),
        start=fields.day("start"),
        end=fields.day("end"),
        inside=_counted(fields, product.kind),
        accrual_days=_to_count(fields, product.kind),
    )
    fields.close()
    if observation.upper is not None and observation.upper < (observation.barrier or 0):
        raise TermSheetError(f"{fields.path}: the corridor's top lies below its barrier.")
    if observation.pay and observation.pay < observation.scheduled:
        raise TermSheetError(f"{fields.at('pay')}: it pays before it observes.")
    if observation.start and observation.end and observation.end <= observation.start:
        raise TermSheetError(f"{fields.at('end')}: the period ends before it starts.")
    return observation


def _call_barrier(fields: Fields, product: _Product) -> Fraction | None:
    """Read an observation's own call barrier; false means that it cannot call."""
    if fields.peek("autocall") is False:
        fields.take("autocall")
        return None
    own = fields.number("autocall")
    return product.call_barrier if own is None else own


def _counted(fields: Fields, kind: CouponKind) -> Fraction | None:
    """Read the part of the days that accrued, as the issuer counted them."""
    inside, total = fields.number("in_days"), fields.number("total_days")
    if inside is None and total is None:
        return None
    if kind is not CouponKind.ACCRUAL:
        raise TermSheetError(
            f"{fields.at('in_days')}: only an accrual coupon counts days; say type accrual."
        )
    if inside is None or not total or inside > total:
        raise TermSheetError(f"{fields.path}: an accrual coupon needs in_days out of total_days.")
    return inside / total


def _to_count(fields: Fields, kind: CouponKind) -> tuple[date, ...] | None:
    """Read the days whose closes decide what accrued."""
    listing, at = fields.take("accrual_days"), fields.at("accrual_days")
    if listing is None:
        return None
    if kind is not CouponKind.ACCRUAL:
        raise TermSheetError(f"{at}: only an accrual coupon counts days; say type accrual.")
    found = days(listing, at)
    if not found:
        raise TermSheetError(f"{at}: at least one day is needed.")
    return found


def check_order(
    observations: Sequence[ObservationTerms],
    issue_date: date | None,
    maturity: date | None,
    path: str,
) -> None:
    """Refuse observations that do not follow one another between issue and maturity."""
    last = issue_date
    for n, observation in enumerate(observations):
        if last and observation.scheduled <= last:
            raise TermSheetError(f"{path}[{n}].date: {observation.scheduled} is not after {last}.")
        last = observation.scheduled
    if last and maturity and last > maturity:
        raise TermSheetError(f"{path}: the last one, {last}, lies after the maturity {maturity}.")
