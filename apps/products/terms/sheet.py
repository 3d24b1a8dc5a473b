"""The term sheet as typed values, and what the market showed. What they mean is decided elsewhere.

Rates, levels and prices are exact fractions: a rate is a part of the notional (0.025), a level a
part of the initial fixing (0.75). Money is integer minor units of the currency.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from fractions import Fraction

from apps.core.money import Rounding

ONE = Fraction(1)


class TermSheetError(ValueError):
    """A term sheet or its market cannot be read; the message says where and why, in a sentence."""


class BasketKind(StrEnum):
    """Which shares must be there: the first four look at one level, the others count shares."""

    WORST = "worst"
    BEST = "best"
    AVERAGE = "average"
    ALL = "all"
    ANY = "any"
    N_OF_M = "n_of_m"


class CouponKind(StrEnum):
    FIXED = "fixed"
    ACCRUAL = "accrual"
    PER_STOCK = "per_stock"


class RateBasis(StrEnum):
    PERIOD = "period"
    ANNUAL = "annual"


class DayCount(StrEnum):
    PERIOD = "PERIOD"
    THIRTY_360 = "30/360"
    THIRTY_E_360 = "30E/360"
    ACT_360 = "ACT/360"
    ACT_365 = "ACT/365"
    ACT_ACT = "ACT/ACT"


class CalledCoupon(StrEnum):
    """Which coupon a call pays: what is met, the current one in any case, or none beside the call.

    The last is a call that is tested before the coupon.
    """

    IF_MET = "if_met"
    ALWAYS = "always"
    NEVER = "never"


class BonusOn(StrEnum):
    """What a bonus multiplies: all coupons since the start, or the one that the call pays."""

    ALL = "all"
    CURRENT = "current"


class MemoryEnd(StrEnum):
    """What becomes of the coupons that are still remembered when the product ends."""

    LOST = "lost"
    PAID = "paid"


class RedemptionKind(StrEnum):
    FULL = "full"
    FIXED = "fixed"
    FLOOR = "floor"
    BARRIER = "barrier"
    BUFFER = "buffer"


class Fx(StrEnum):
    """What the exchange rate does to a share quoted in another currency: only composite reads it."""

    NONE = "none"
    QUANTO = "quanto"
    COMPOSITE = "composite"


class KnockIn(StrEnum):
    """When a knock-in barrier is looked at: on the last day, on every close, on observations."""

    EUROPEAN = "european"
    AMERICAN = "american"
    OBSERVATION = "observation"


class Roll(StrEnum):
    NONE = "none"
    FOLLOWING = "following"
    MODIFIED_FOLLOWING = "modified_following"
    PRECEDING = "preceding"


class DisruptionScope(StrEnum):
    AFFECTED = "affected"
    ALL = "all"


class RoundPer(StrEnum):
    NOTE = "note"
    POSITION = "position"


@dataclass(frozen=True, slots=True)
class Underlying:
    """A share of the basket; `weight` is its part of the whole, all weights add up to one.

    `fx_initial` is the rate of the strike date that turns its currency into the product's.
    """

    id: str
    initial: Fraction
    weight: Fraction
    calendar: str | None = None
    fx_initial: Fraction | None = None


@dataclass(frozen=True, slots=True)
class Basket:
    """The shares and the rule by which they are looked at together.

    `m` is how many shares must be there for n_of_m. With `level_dp` a barrier is first turned into
    a price of each share and rounded to so many decimals.
    """

    kind: BasketKind
    underlyings: tuple[Underlying, ...]
    m: int = 0
    level_dp: int | None = None


@dataclass(frozen=True, slots=True)
class Coupon:
    """What an observation may pay; barriers and rates stand in each `ObservationTerms`.

    `guaranteed_rate` is what a guaranteed observation pays at least; None means its whole rate.
    A snowball's rate grows by `growth_step` from one observation to the next; with `growth_reset`
    it starts again after a coupon that was earned.
    """

    kind: CouponKind = CouponKind.FIXED
    basis: RateBasis = RateBasis.PERIOD
    day_count: DayCount = DayCount.PERIOD
    frequency: int = 1
    strict: bool = False
    guaranteed_rate: Fraction | None = None
    growth_step: Fraction = Fraction(0)
    growth_reset: bool = False

    @property
    def counts_days(self) -> bool:
        """Say whether a period's length in days decides its rate."""
        return self.basis is RateBasis.ANNUAL and self.day_count is not DayCount.PERIOD


@dataclass(frozen=True, slots=True)
class Autocall:
    """How an early call pays; its barriers stand in each `ObservationTerms`.

    `bonus` multiplies coupons, as `bonus_on` says, when called at that observation number;
    `deferred` is the part of the notional that a call leaves to be paid at maturity.
    """

    basket: Basket
    coupon: CalledCoupon = CalledCoupon.IF_MET
    stock_memory: bool = False
    bonus: Mapping[int, Fraction] = field(default_factory=dict)
    bonus_on: BonusOn = BonusOn.ALL
    deferred: Fraction = Fraction(0)


@dataclass(frozen=True, slots=True)
class ObservationTerms:
    """One observation with the product's terms and its own overrides already merged.

    `rate` is as quoted, per period or per year by the coupon's basis; `call_barrier` is None where
    it cannot call. Of an accrual coupon `inside` is the part of the days that accrued, where the
    issuer has counted them; else the closes of `accrual_days` are, and without such a list those of
    every trading day of the period.
    """

    number: int
    scheduled: date
    rate: Fraction
    barrier: Fraction | None
    upper: Fraction | None
    guaranteed: bool
    call_barrier: Fraction | None
    call_redemption: Fraction
    pay: date | None
    start: date | None
    end: date | None
    inside: Fraction | None = None
    accrual_days: tuple[date, ...] | None = None


@dataclass(frozen=True, slots=True)
class Redemption:
    """What the last observation pays back as a level of the notional, when nothing was called.

    `buffer` is the part of a fall that is borne for the client, `gearing` by how much what lies
    beyond counts. `min_return` and `step` are gains over the notional, `cap` the most that is paid
    back. One share that ends at `one_star` or above it saves the capital after a knock-in.
    """

    basket: Basket
    kind: RedemptionKind = RedemptionKind.FULL
    level: Fraction = ONE
    floor: Fraction = Fraction(0)
    barrier: Fraction = Fraction(0)
    style: KnockIn = KnockIn.EUROPEAN
    strike: Fraction = ONE
    ki_inclusive: bool = False
    ki_start: date | None = None
    one_star: Fraction | None = None
    min_return: Fraction = Fraction(0)
    buffer: Fraction = Fraction(0)
    gearing: Fraction = ONE
    participation: Fraction = Fraction(0)
    up_strike: Fraction = ONE
    step: Fraction = Fraction(0)
    step_barrier: Fraction = ONE
    cap: Fraction | None = None


@dataclass(frozen=True, slots=True)
class CorporateChange:
    """A corporate action: from `ex` on, the share's initial fixing is multiplied by `factor`."""

    share: str
    ex: date
    factor: Fraction


@dataclass(frozen=True, slots=True)
class Schedule:
    """How observation dates fall on trading days."""

    roll: Roll = Roll.FOLLOWING
    common: bool = True
    max_disruption: int = 8
    disruption_scope: DisruptionScope = DisruptionScope.AFFECTED


@dataclass(frozen=True, slots=True)
class PaymentLag:
    """Days from valuation to payment: sessions of `calendar`, or Monday to Friday without one."""

    days: int = 0
    calendar: str | None = None


@dataclass(frozen=True, slots=True)
class TermSheet:
    """A coupon product. Money in minor units with `places` decimals.

    One note is `denomination`; without one, a position is rounded as a whole. A share that was once
    at `lock_in` or above it on an observation counts as there for every later coupon.
    """

    notional: int
    denomination: int | None
    places: int
    basket: Basket
    coupon: Coupon
    autocall: Autocall
    observations: tuple[ObservationTerms, ...]
    redemption: Redemption
    currency: str = ""
    rounding: Rounding = Rounding.HALF_UP
    round_per: RoundPer = RoundPer.NOTE
    issue_date: date | None = None
    maturity: date | None = None
    memory: bool = False
    memory_end: MemoryEnd = MemoryEnd.LOST
    fx: Fx = Fx.NONE
    lock_in: Fraction | None = None
    changes: tuple[CorporateChange, ...] = ()
    schedule: Schedule = Schedule()
    payment: PaymentLag = PaymentLag()

    def observation(self, number: int) -> ObservationTerms:
        """Return an observation by its number, which starts at 1."""
        if not 1 <= number <= len(self.observations):
            raise ValueError(
                f"There is no observation {number}; there are {len(self.observations)}."
            )
        return self.observations[number - 1]


@dataclass(frozen=True, slots=True)
class Market:
    """What was known on `as_of`: raw closes by share and day, sessions by calendar, disruptions.

    `fx` holds the rates that turn a share's currency into the product's, by share and day.
    """

    prices: Mapping[str, Mapping[date, Fraction]]
    calendars: Mapping[str, tuple[date, ...]] = field(default_factory=dict)
    disrupted: Mapping[str, frozenset[date]] = field(default_factory=dict)
    as_of: date | None = None
    fx: Mapping[str, Mapping[date, Fraction]] = field(default_factory=dict)
