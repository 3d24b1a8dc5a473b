"""The columns of a term sheet by what they decide: basket, coupon, call, redemption, calendar.

Each constraint here holds within one row; what needs the basket or the observations as well is
said by the engine's reader and by `apps.products.terms.sense`.
"""

from decimal import Decimal
from typing import Any

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from apps.products.models.markets import Exchange

LEVEL: dict[str, Any] = {
    "max_digits": 12,
    "decimal_places": 8,
}  # a fraction of the initial fixing: 0.75
TERM = LEVEL | {"validators": [MinValueValidator(Decimal(0))]}


class Basket(models.TextChoices):
    """By which shares a barrier is judged."""

    WORST = "worst", _("the worst share counts")
    ALL = "all", _("every share must be there")
    BEST = "best", _("the best share counts")
    ANY = "any", _("one share that is there is enough")
    AVERAGE = "average", _("the average of the shares counts")
    N_OF_M = "n_of_m", _("so many of the shares must be there")


def _has_number(name: str, basket: str, number: str) -> models.CheckConstraint:
    return models.CheckConstraint(
        name=name,
        condition=~Q(**{basket: Basket.N_OF_M})
        | Q(**{f"{number}__isnull": False, f"{number}__gte": 1}),
        violation_error_message=_("Say how many of the shares must be there."),
    )


class BasketTerms(models.Model):
    """How the shares of the basket are looked at together, and in which currency."""

    Basket = Basket

    class Fx(models.TextChoices):
        NONE = "none", _("all shares in the strategy's currency")
        QUANTO = "quanto", _("currencies do not matter (quanto)")
        COMPOSITE = "composite", _("levels follow the exchange rate too (composite)")

    basket = models.CharField(_("basket"), max_length=10, choices=Basket, default=Basket.WORST)
    basket_m = models.PositiveSmallIntegerField(
        _("how many shares"), null=True, blank=True,
        help_text=_("For “so many of the shares”: 3 if three of five are enough."),
    )  # fmt: skip
    fx = models.CharField(
        _("foreign shares"), max_length=10, choices=Fx, default=Fx.NONE,
        help_text=_("What the exchange rate does to shares quoted in another currency."),
    )  # fmt: skip
    lock_in_barrier = models.DecimalField(
        _("lock-in barrier"), null=True, blank=True, **TERM,
        help_text=_("A share that was once there counts as there ever after. Empty: none."),
    )  # fmt: skip
    level_dp = models.PositiveSmallIntegerField(
        _("decimals of barrier prices"), null=True, blank=True,
        help_text=_("Barrier prices are rounded to so many decimals. Empty: exact."),
    )  # fmt: skip

    class Meta:
        abstract = True
        constraints = [_has_number("strategy_n_of_m_has_number", "basket", "basket_m")]


class CouponTerms(models.Model):
    """What an observation may pay."""

    class CouponKind(models.TextChoices):
        FIXED = "fixed", _("whole or not at all")
        ACCRUAL = "accrual", _("by the days inside the corridor")
        PER_STOCK = "per_stock", _("a part for each share that is there")

    class RateBasis(models.TextChoices):
        PERIOD = "period", _("a period")
        ANNUAL = "annual", _("a year")

    class MemoryEnd(models.TextChoices):
        LOST = "lost", _("is lost")
        PAID = "paid", _("is paid with the last coupon")

    class DayCount(models.TextChoices):
        PERIOD = "PERIOD", _("equal periods")
        THIRTY_360 = "30/360", "30/360"
        THIRTY_E_360 = "30E/360", "30E/360"
        ACT_360 = "ACT/360", "ACT/360"
        ACT_365 = "ACT/365", "ACT/365"
        ACT_ACT = "ACT/ACT", "ACT/ACT"

    coupon_kind = models.CharField(
        _("coupon is paid"), max_length=10, choices=CouponKind, default=CouponKind.FIXED
    )
    coupon_rate = models.DecimalField(
        _("coupon rate"), help_text=_("A period, as a fraction: 0.025 is 2.5 %."), **LEVEL
    )
    rate_basis = models.CharField(
        _("rate is for"), max_length=10, choices=RateBasis, default=RateBasis.PERIOD
    )
    day_count = models.CharField(
        _("days are counted"), max_length=10, choices=DayCount, default=DayCount.PERIOD,
        help_text=_("How much of a yearly rate a period earns; needs a rate for a year."),
    )  # fmt: skip
    coupon_frequency = models.PositiveSmallIntegerField(
        _("periods a year"), default=1, validators=[MinValueValidator(1)],
        help_text=_("Into how many equal periods a yearly rate is divided: 4 is quarterly."),
    )  # fmt: skip
    coupon_barrier = models.DecimalField(
        _("coupon barrier"), null=True, blank=True,
        help_text=_("A fraction of the initial fixing: 0.75. Empty: none."), **LEVEL,
    )  # fmt: skip
    corridor_upper = models.DecimalField(
        _("top of the corridor"), null=True, blank=True,
        help_text=_("Above it no coupon is earned. Empty: no top."), **LEVEL,
    )  # fmt: skip
    barrier_strict = models.BooleanField(
        _("strictly above"), default=False, help_text=_("Ticked: exactly at the barrier is a miss.")
    )
    memory = models.BooleanField(
        _("memory"), default=True, help_text=_("A missed coupon is remembered and paid later.")
    )
    memory_end = models.CharField(
        _("remembered at the end"), max_length=10, choices=MemoryEnd, default=MemoryEnd.LOST
    )
    guaranteed = models.BooleanField(
        _("guaranteed"), default=False, help_text=_("The coupon is paid whatever the shares do.")
    )
    guaranteed_rate = models.DecimalField(
        _("guaranteed rate"), null=True, blank=True,
        help_text=_("Part of the coupon that is paid whatever the shares do."), **LEVEL,
    )  # fmt: skip
    growth_step = models.DecimalField(
        _("growth"), null=True, blank=True, **TERM,
        help_text=_("Snowball: by how much the rate grows from period to period: 0.005."),
    )  # fmt: skip
    growth_reset = models.BooleanField(
        _("growth starts again"), default=False,
        help_text=_("Snowball: after a coupon that was earned the rate starts again."),
    )  # fmt: skip

    class Meta:
        abstract = True
        constraints = [
            models.CheckConstraint(
                name="strategy_rate_not_negative",
                condition=Q(coupon_rate__gte=0),
                violation_error_message=_("A coupon rate cannot be negative."),
            ),
            models.CheckConstraint(
                name="strategy_corridor_in_order",
                condition=Q(corridor_upper__isnull=True)
                | Q(corridor_upper__gt=F("coupon_barrier")),
                violation_error_message=_("The top of the corridor must lie above its barrier."),
            ),
            models.CheckConstraint(
                name="strategy_frequency_from_one",
                condition=Q(coupon_frequency__gte=1),
                violation_error_message=_("A year has at least one period."),
            ),
            models.CheckConstraint(
                name="strategy_days_of_yearly_rate",
                condition=Q(day_count="PERIOD") | Q(rate_basis="annual"),
                violation_error_message=_(
                    "Days are counted for a yearly rate only: choose “a year”, or equal periods."
                ),
            ),
            models.CheckConstraint(
                name="strategy_growth_reset_has_step",
                condition=Q(growth_reset=False) | Q(growth_step__isnull=False),
                violation_error_message=_("Nothing grows: say by how much the rate grows."),
            ),
        ]


class CallTerms(models.Model):
    """How the strategy may end early."""

    class CallCoupon(models.TextChoices):
        IF_MET = "if_met", _("only when the coupon barrier is met")
        ALWAYS = "always", _("always the current one")
        NEVER = "never", _("none: the call comes first")

    class BonusOn(models.TextChoices):
        ALL = "all", _("all coupons since the start")
        CURRENT = "current", _("the coupon that the call pays")

    call_barrier = models.DecimalField(
        _("call barrier"), null=True, blank=True,
        help_text=_("At or above it the strategy ends early. Empty: never."), **LEVEL,
    )  # fmt: skip
    call_first = models.PositiveSmallIntegerField(
        _("first call"), default=1, help_text=_("Number of the first observation that can call.")
    )
    call_basket = models.CharField(
        _("shares that call"), max_length=10, choices=Basket, blank=True,
        help_text=_("Empty: judged by the same shares as the coupon."),
    )  # fmt: skip
    call_m = models.PositiveSmallIntegerField(
        _("how many shares"), null=True, blank=True, help_text=_("For “so many of the shares”.")
    )
    call_stock_memory = models.BooleanField(
        _("shares are remembered"), default=False,
        help_text=_("A share once at the call barrier counts as there for later calls."),
    )  # fmt: skip
    call_coupon = models.CharField(
        _("coupon when called"), max_length=10, choices=CallCoupon, default=CallCoupon.IF_MET
    )
    bonus_on = models.CharField(
        _("a bonus multiplies"), max_length=10, choices=BonusOn, default=BonusOn.ALL
    )
    call_redemption = models.DecimalField(
        _("paid back when called"), default=1, help_text=_("A fraction of the nominal."), **LEVEL
    )
    call_deferred = models.DecimalField(
        _("residual at maturity"), default=0,
        help_text=_("What is paid back only on the maturity date after a call."), **LEVEL,
    )  # fmt: skip

    class Meta:
        abstract = True
        constraints = [_has_number("strategy_call_has_number", "call_basket", "call_m")]


class RedemptionTerms(models.Model):
    """What comes back of the capital when the strategy runs to its maturity."""

    class Redemption(models.TextChoices):
        FULL = "full", _("full capital back")
        FIXED = "fixed", _("a fixed share of the capital")
        FLOOR = "floor", _("with the basket, but no less than the floor")
        BARRIER = "barrier", _("full unless the barrier is broken")
        BUFFER = "buffer", _("full unless it falls by more than the buffer")

    class BarrierStyle(models.TextChoices):
        EUROPEAN = "european", _("looked at on the last observation")
        OBSERVATION = "observation", _("looked at on every observation")
        AMERICAN = "american", _("looked at every day")

    redemption = models.CharField(
        _("capital at maturity"), max_length=10, choices=Redemption, default=Redemption.FULL
    )
    redemption_basket = models.CharField(
        _("shares that decide"), max_length=10, choices=Basket, blank=True,
        help_text=_("Empty: the same shares as for the coupon."),
    )  # fmt: skip
    redemption_m = models.PositiveSmallIntegerField(
        _("how many shares"), null=True, blank=True, help_text=_("For “so many of the shares”.")
    )
    redemption_level = models.DecimalField(
        _("protected share"), null=True, blank=True,
        help_text=_("The fixed share or the floor, as a fraction of the nominal."), **LEVEL,
    )  # fmt: skip
    knock_in_barrier = models.DecimalField(_("knock-in barrier"), null=True, blank=True, **LEVEL)
    knock_in_style = models.CharField(
        _("knock-in"), max_length=12, choices=BarrierStyle, default=BarrierStyle.EUROPEAN
    )
    knock_in_from = models.DateField(
        _("looked at from"), null=True, blank=True, help_text=_("Empty: from the strike date.")
    )
    knock_in_inclusive = models.BooleanField(
        _("touching breaks it"), default=False,
        help_text=_("Ticked: exactly at the barrier counts as broken."),
    )  # fmt: skip
    strike = models.DecimalField(
        _("strike"), default=1, **LEVEL,
        help_text=_("What the level is divided by once the barrier is broken."),
    )  # fmt: skip
    one_star = models.DecimalField(
        _("one star"), null=True, blank=True, **TERM,
        help_text=_("One share at or above this level saves the whole capital. Empty: none."),
    )  # fmt: skip
    buffer = models.DecimalField(
        _("buffer"), null=True, blank=True, **TERM,
        help_text=_("A fall that is borne for the client: 0.1 is the first 10 %."),
    )  # fmt: skip
    gearing = models.DecimalField(
        _("gearing"), null=True, blank=True, **TERM,
        help_text=_("By how much losses beyond the buffer count. Empty: once."),
    )  # fmt: skip
    participation = models.DecimalField(
        _("participation"), null=True, blank=True, **LEVEL,
        help_text=_("Which part of a rise the client gets: 0.4 is 40 %. Empty: none."),
    )  # fmt: skip
    up_strike = models.DecimalField(
        _("rise begins at"), default=1, **TERM,
        help_text=_("The level from which a rise is counted."),
    )  # fmt: skip
    step = models.DecimalField(
        _("step"), null=True, blank=True, **TERM,
        help_text=_("Earned at once at or above the step barrier: 0.2 is 20 %."),
    )  # fmt: skip
    step_barrier = models.DecimalField(
        _("step barrier"), null=True, blank=True, **TERM,
        help_text=_("Empty: at the initial fixing."),
    )  # fmt: skip
    min_return = models.DecimalField(
        _("least return"), null=True, blank=True, **TERM,
        help_text=_("Earned at least at maturity while no barrier is broken: 0.1 is 10 %."),
    )  # fmt: skip
    cap = models.DecimalField(
        _("cap"),
        null=True,
        blank=True,
        **TERM,
        help_text=_("The most that is paid back: 1.5 is 150 %."),
    )

    class Meta:
        abstract = True
        constraints = [
            models.CheckConstraint(
                name="strategy_protection_has_level",
                condition=~Q(redemption__in=["fixed", "floor"])
                | Q(redemption_level__isnull=False, redemption_level__gte=0),
                violation_error_message=_("Say which share of the capital is protected."),
            ),
            models.CheckConstraint(
                name="strategy_knock_in_has_barrier",
                condition=~Q(redemption="barrier")
                | Q(knock_in_barrier__isnull=False, knock_in_barrier__gt=0),
                violation_error_message=_("A barrier redemption needs its knock-in barrier."),
            ),
            models.CheckConstraint(
                name="strategy_buffer_has_size",
                condition=~Q(redemption="buffer") | Q(buffer__isnull=False, buffer__gt=0),
                violation_error_message=_("Say how large the buffer is."),
            ),
            models.CheckConstraint(
                name="strategy_step_barrier_has_step",
                condition=Q(step_barrier__isnull=True) | Q(step__isnull=False),
                violation_error_message=_(
                    "A step barrier needs its step: say what is earned there."
                ),
            ),
            _has_number("strategy_redemption_has_number", "redemption_basket", "redemption_m"),
        ]


class CalendarTerms(models.Model):
    """On which days observations and payments fall, and how money is rounded."""

    class Rounding(models.TextChoices):
        HALF_UP = "HALF_UP", _("half up")
        HALF_EVEN = "HALF_EVEN", _("half to even")
        DOWN = "DOWN", _("down")

    class RoundPer(models.TextChoices):
        NOTE = "note", _("each note")
        POSITION = "position", _("the whole policy")

    class Roll(models.TextChoices):
        NONE = "none", _("not moved")
        FOLLOWING = "following", _("to the next session")
        MODIFIED_FOLLOWING = "modified_following", _("to the next session of the month")
        PRECEDING = "preceding", _("to the session before")

    class Scope(models.TextChoices):
        AFFECTED = "affected", _("only the share that is hit")
        ALL = "all", _("all shares")

    roll = models.CharField(
        _("observation on no session"), max_length=20, choices=Roll, default=Roll.FOLLOWING
    )
    common_sessions = models.BooleanField(
        _("common sessions"), default=True, help_text=_("Only days on which all exchanges trade.")
    )
    max_disruption = models.PositiveSmallIntegerField(_("most disrupted sessions"), default=8)
    disruption_scope = models.CharField(
        _("disruption moves"), max_length=10, choices=Scope, default=Scope.AFFECTED
    )
    payment_lag = models.PositiveSmallIntegerField(
        _("payment lag"), default=0, help_text=_("Sessions from the valuation to the payment.")
    )
    payment_calendar = models.ForeignKey(
        Exchange, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("payment calendar"),
        help_text=_("Whose sessions the lag counts. Empty: the common ones of the basket."),
    )  # fmt: skip
    rounding = models.CharField(
        _("rounding"), max_length=10, choices=Rounding, default=Rounding.HALF_UP
    )
    round_per = models.CharField(
        _("rounded is"), max_length=10, choices=RoundPer, default=RoundPer.NOTE,
        help_text=_("Without a denomination it is always the whole policy."),
    )  # fmt: skip

    class Meta:
        abstract = True
