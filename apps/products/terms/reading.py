"""Reading a term sheet from JSON, strictly: what is not understood is refused, never ignored."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from fractions import Fraction

from apps.core import money
from apps.products.terms.fields import Fields, listed, members, positive, whole
from apps.products.terms.sheet import (
    ONE,
    Autocall,
    Basket,
    BasketKind,
    CalledCoupon,
    CorporateChange,
    Coupon,
    CouponKind,
    DayCount,
    DisruptionScope,
    KnockIn,
    ObservationTerms,
    PaymentLag,
    RateBasis,
    Redemption,
    RedemptionKind,
    Roll,
    RoundPer,
    Schedule,
    TermSheet,
    TermSheetError,
    Underlying,
)

# Terms of the format that this version refuses rather than pays wrongly.
_UNBUILT_COUPON = ("growth_step", "growth_reset")
_UNBUILT_REDEMPTION = (
    "buffer", "gearing", "one_star", "min_return", "step", "step_barrier", "cap",
)  # fmt: skip


def read_spec(spec: object, path: str = "spec") -> TermSheet:
    """Return the term sheet of a JSON object.

    Raises TermSheetError with a sentence that names the term: a binary float, an unknown or
    missing term, a value out of its range, or a term that cannot be evaluated yet.
    """
    fields = Fields(spec, path)
    _refuse_composite(fields)
    fields.refuse_unbuilt(["lock_in"])
    currency = fields.text("currency") or ""
    places = fields.whole("ccy_dp", money.decimals(currency))
    issue_date, maturity = fields.day("issue_date"), fields.day("maturity")
    if issue_date and maturity and maturity <= issue_date:
        raise TermSheetError(f"{fields.at('maturity')}: {maturity} is not after the issue date.")
    basket = _basket(fields)
    coupon_fields = Fields(fields.take("coupon"), fields.at("coupon"))
    autocall_fields = Fields(fields.take("autocall"), fields.at("autocall"))
    coupon = _coupon(coupon_fields)
    memory = fields.flag("memory")
    if memory and coupon.kind is not CouponKind.FIXED:
        raise TermSheetError(
            f"{fields.at('memory')}: memory with a coupon of type {coupon.kind} "
            "cannot be evaluated yet."
        )
    autocall = _autocall(autocall_fields, basket)
    observations = _observations(
        listed(fields.take("observations"), fields.at("observations")),
        fields.at("observations"),
        _Defaults(coupon_fields, autocall_fields, coupon),
    )
    coupon_fields.close()
    autocall_fields.close()
    if coupon.counts_days and not (observations[0].start or issue_date):
        raise TermSheetError(
            f"{fields.at('issue_date')}: the first coupon's days have no start; give it here or "
            "as the first observation's start."
        )
    _check_order(observations, issue_date, maturity, fields.at("observations"))
    _check_bonus(autocall, len(observations), autocall_fields.at("bonus"))
    notional = _amount(fields, "notional", places)
    terms = TermSheet(
        notional=fields.required("notional", notional),
        denomination=_amount(fields, "denomination", places),
        places=places,
        basket=basket,
        coupon=coupon,
        autocall=autocall,
        observations=observations,
        redemption=_redemption(Fields(fields.take("redemption"), fields.at("redemption")), basket),
        currency=currency,
        rounding=fields.choice("rounding", money.Rounding, money.Rounding.HALF_UP),
        round_per=fields.choice("round_per", RoundPer, RoundPer.NOTE),
        issue_date=issue_date,
        maturity=maturity,
        memory=memory,
        changes=_changes(fields, basket),
        schedule=_schedule(Fields(fields.take("schedule"), fields.at("schedule"))),
        payment=_payment(Fields(fields.take("payment"), fields.at("payment"))),
    )
    fields.close()
    if terms.denomination and terms.notional % terms.denomination:
        raise TermSheetError(f"{path}.notional: it is not a whole number of denominations.")
    return terms


def _amount(fields: Fields, key: str, places: int) -> int | None:
    value = fields.above_zero(key)
    if value is None:
        return None
    try:
        return money.minor_units(value, places)
    except ValueError:
        raise TermSheetError(f"{fields.at(key)}: it has more than {places} decimals.") from None


def _refuse_composite(fields: Fields) -> None:
    if fields.take("fx") not in (None, "none", "quanto"):
        raise TermSheetError(f"{fields.at('fx')}: only none and quanto can be evaluated yet.")


def _basket(fields: Fields) -> Basket:
    shares: list[Underlying] = []
    at = fields.at("underlyings")
    entries = [
        Fields(item, f"{at}[{n}]") for n, item in enumerate(listed(fields.take("underlyings"), at))
    ]
    for entry in entries:
        share = entry.required("id", entry.text("id"))
        if share in {other.id for other in shares}:
            raise TermSheetError(f"{entry.at('id')}: {share} is in the basket twice.")
        initial = entry.required("initial", entry.above_zero("initial"))
        weight = entry.above_zero("weight")
        entry.take("fx_initial")  # only composite reads it, and that is refused above
        shares.append(Underlying(share, initial, weight or Fraction(0), entry.text("calendar")))
        entry.close()
    if not shares:
        raise TermSheetError(f"{at}: at least one share is needed.")
    level_dp = fields.take("level_dp")
    return _looked_at(
        fields,
        Basket(
            BasketKind.WORST,
            _weighted(shares, at),
            level_dp=None if level_dp is None else whole(level_dp, fields.at("level_dp")),
        ),
    )


def _weighted(shares: Sequence[Underlying], path: str) -> tuple[Underlying, ...]:
    """Scale the weights to add up to one; all absent means equal."""
    given = [share.weight for share in shares if share.weight]
    if given and len(given) < len(shares):
        raise TermSheetError(f"{path}: either every share has a weight or none has.")
    total = sum(given, Fraction(0)) or Fraction(len(shares))
    return tuple(
        Underlying(share.id, share.initial, (share.weight or ONE) / total, share.calendar)
        for share in shares
    )


def _looked_at(fields: Fields, basket: Basket) -> Basket:
    """Read `basket` and `m` of an object; absent, the given basket counts."""
    kind = fields.choice("basket", BasketKind, basket.kind)
    m = fields.whole("m", basket.m if kind is basket.kind else 0)
    if kind is BasketKind.N_OF_M and not 1 <= m <= len(basket.underlyings):
        raise TermSheetError(
            f"{fields.at('m')}: n_of_m needs m from 1 to {len(basket.underlyings)}, not {m}."
        )
    if kind is BasketKind.AVERAGE and basket.level_dp is not None:
        raise TermSheetError(
            f"{fields.at('basket')}: an average has no price to round by level_dp."
        )
    return Basket(kind, basket.underlyings, m, basket.level_dp)


def _coupon(fields: Fields) -> Coupon:
    fields.refuse_unbuilt(_UNBUILT_COUPON)
    coupon = Coupon(
        kind=fields.choice("type", CouponKind, CouponKind.FIXED),
        basis=fields.choice("basis", RateBasis, RateBasis.PERIOD),
        day_count=fields.choice("day_count", DayCount, DayCount.PERIOD),
        frequency=fields.whole("frequency", 1, low=1),
        strict=fields.flag("strict"),
    )
    if coupon.basis is RateBasis.PERIOD and coupon.day_count is not DayCount.PERIOD:
        raise TermSheetError(f"{fields.at('day_count')}: days are counted for annual rates only.")
    return coupon


def _autocall(fields: Fields, basket: Basket) -> Autocall:
    at = fields.at("bonus")
    bonus = {
        whole(number, at): positive(factor, f"{at}.{number}")
        for number, factor in members(fields.take("bonus"), at).items()
    }
    autocall = Autocall(
        basket=_looked_at(fields, basket),
        coupon=fields.choice("coupon", CalledCoupon, CalledCoupon.IF_MET),
        stock_memory=fields.flag("stock_memory"),
        bonus=bonus,
        deferred=fields.number("deferred") or Fraction(0),
    )
    if autocall.stock_memory and autocall.basket.kind is BasketKind.AVERAGE:
        raise TermSheetError(f"{fields.at('stock_memory')}: an average has no share to remember.")
    return autocall


class _Defaults:
    """The product's terms that a single observation may override."""

    def __init__(self, coupon_fields: Fields, autocall_fields: Fields, coupon: Coupon) -> None:
        self.coupon = coupon
        self.rate = coupon_fields.number("rate") or Fraction(0)
        self.barrier = coupon_fields.above_zero("barrier")
        self.upper = coupon_fields.above_zero("upper")
        self.guaranteed_rate = coupon_fields.number("guaranteed_rate")
        whole = coupon_fields.flag("guaranteed")
        self.guaranteed = whole or self.guaranteed_rate is not None
        self.call_barrier = autocall_fields.above_zero("barrier")
        self.first = autocall_fields.whole("first", 1, low=1)
        redemption = autocall_fields.number("redemption")
        self.call_redemption = ONE if redemption is None else redemption


def _observations(
    entries: list[object], path: str, defaults: _Defaults
) -> tuple[ObservationTerms, ...]:
    if not entries:
        raise TermSheetError(f"{path}: at least one observation is needed.")
    return tuple(
        _observation(Fields(entry, f"{path}[{n}]"), n + 1, defaults)
        for n, entry in enumerate(entries)
    )


def _observation(fields: Fields, number: int, defaults: _Defaults) -> ObservationTerms:
    if fields.take("accrual_days") is not None:
        raise TermSheetError(
            f"{fields.at('accrual_days')}: days are not counted yet; give in_days and total_days."
        )
    own_rate = fields.number("rate")
    rate = defaults.rate if own_rate is None else own_rate
    call_barrier = fields.above_zero("autocall")
    call_redemption = fields.number("call_redemption")
    observation = ObservationTerms(
        number=number,
        scheduled=fields.required("date", fields.day("date")),
        rate=rate,
        barrier=fields.above_zero("coupon_barrier") or defaults.barrier,
        upper=fields.above_zero("coupon_upper") or defaults.upper,
        guaranteed=_guaranteed_part(fields, rate, defaults),
        call_barrier=(call_barrier or defaults.call_barrier) if number >= defaults.first else None,
        call_redemption=defaults.call_redemption if call_redemption is None else call_redemption,
        pay=fields.day("pay"),
        start=fields.day("start"),
        end=fields.day("end"),
        inside=_days_inside(fields, defaults.coupon),
    )
    fields.close()
    if observation.upper and observation.upper < (observation.barrier or 0):
        raise TermSheetError(f"{fields.path}: the corridor's top lies below its barrier.")
    if observation.pay and observation.pay < observation.scheduled:
        raise TermSheetError(f"{fields.at('pay')}: it pays before it observes.")
    if observation.start and observation.end and observation.end <= observation.start:
        raise TermSheetError(f"{fields.at('end')}: the period ends before it starts.")
    return observation


def _guaranteed_part(fields: Fields, rate: Fraction, defaults: _Defaults) -> Fraction:
    """Read which part of the coupon is paid in any case: the guaranteed rate of it, or all."""
    if not fields.flag("guaranteed", default=defaults.guaranteed) or not rate:
        return Fraction(0)
    sure = rate if defaults.guaranteed_rate is None else defaults.guaranteed_rate
    if sure > rate:
        raise TermSheetError(f"{fields.path}: the guaranteed rate is above the whole rate.")
    return sure / rate


def _days_inside(fields: Fields, coupon: Coupon) -> Fraction | None:
    """Read the part of the days that accrued, which only an accrual coupon has."""
    inside, total = fields.number("in_days"), fields.number("total_days")
    if coupon.kind is not CouponKind.ACCRUAL and inside is None and total is None:
        return None
    if coupon.kind is not CouponKind.ACCRUAL:
        raise TermSheetError(f"{fields.at('in_days')}: only an accrual coupon counts days.")
    if inside is None or not total or inside > total:
        raise TermSheetError(f"{fields.path}: an accrual coupon needs in_days out of total_days.")
    return inside / total


def _check_order(
    observations: Sequence[ObservationTerms],
    issue_date: date | None,
    maturity: date | None,
    path: str,
) -> None:
    last = issue_date
    for n, observation in enumerate(observations):
        if last and observation.scheduled <= last:
            raise TermSheetError(f"{path}[{n}].date: {observation.scheduled} is not after {last}.")
        last = observation.scheduled
    if last and maturity and last > maturity:
        raise TermSheetError(f"{path}: the last one, {last}, lies after the maturity {maturity}.")


def _check_bonus(autocall: Autocall, count: int, path: str) -> None:
    for number in autocall.bonus:
        if not 1 <= number <= count:
            raise TermSheetError(f"{path}.{number}: there is no such observation.")


def _redemption(fields: Fields, basket: Basket) -> Redemption:
    """Read the redemption; a term that its type does not use is refused as unknown."""
    if fields.peek("type") == "buffer":
        raise TermSheetError(f"{fields.at('type')}: a buffer cannot be evaluated yet.")
    fields.refuse_unbuilt(_UNBUILT_REDEMPTION)
    kind = fields.choice("type", RedemptionKind, RedemptionKind.FULL)
    redemption = Redemption(
        basket=_looked_at(fields, basket),
        kind=kind,
        participation=fields.number("participation") or Fraction(0),
        up_strike=fields.above_zero("up_strike") or ONE,
    )
    if kind is RedemptionKind.FIXED:
        level = fields.required("level", fields.number("level"))
        redemption = replace(redemption, level=level)
    elif kind is RedemptionKind.FLOOR:
        floor = fields.required("floor", fields.number("floor"))
        redemption = replace(redemption, floor=floor)
    elif kind is RedemptionKind.BARRIER:
        redemption = replace(
            redemption,
            barrier=fields.required("barrier", fields.above_zero("barrier")),
            style=fields.choice("style", KnockIn, KnockIn.EUROPEAN),
            strike=fields.above_zero("strike") or ONE,
            ki_inclusive=fields.flag("ki_inclusive"),
            ki_start=fields.day("ki_start"),
            floor=fields.number("floor") or Fraction(0),
        )
    fields.close()
    return redemption


def _changes(fields: Fields, basket: Basket) -> tuple[CorporateChange, ...]:
    at = fields.at("actions")
    entries = fields.take("actions")
    listing = [] if entries is None else listed(entries, at)
    return tuple(_change(Fields(entry, f"{at}[{n}]"), basket) for n, entry in enumerate(listing))


def _change(fields: Fields, basket: Basket) -> CorporateChange:
    share = fields.required("id", fields.text("id"))
    if share not in {underlying.id for underlying in basket.underlyings}:
        raise TermSheetError(f"{fields.at('id')}: {share} is not in the basket.")
    kind = fields.text("type")
    if kind == "split":
        factor = 1 / fields.required("ratio", fields.above_zero("ratio"))
    elif kind == "special_dividend":
        amount = fields.required("amount", fields.above_zero("amount"))
        close = fields.required("prev_close", fields.above_zero("prev_close"))
        factor = (close - amount) / close
    elif kind == "factor":
        factor = fields.required("factor", fields.above_zero("factor"))
    else:
        raise TermSheetError(
            f"{fields.at('type')}: {kind!r} must be one of split, special_dividend, factor."
        )
    if factor <= 0:
        raise TermSheetError(f"{fields.at('amount')}: the dividend is not below the close.")
    change = CorporateChange(share, fields.required("ex", fields.day("ex")), factor)
    fields.close()
    return change


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
