"""Coupon strategies: the term sheet as data, its observations and their results."""

from typing import Any

from django.db import models
from django.db.models import F, Q
from django.utils.formats import date_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.core import clock
from apps.products.models.markets import Underlying

LEVEL: dict[str, Any] = {
    "max_digits": 12,
    "decimal_places": 8,
}  # a fraction of the initial fixing: 0.75


class Strategy(models.Model):
    """A coupon strategy: what it pays, when, and under which conditions."""

    class State(models.TextChoices):
        DRAFT = "draft", _("draft")
        PUBLISHED = "published", _("published")
        CALLED = "called", _("called")
        MATURED = "matured", _("matured")

    class Basket(models.TextChoices):
        WORST = "worst", _("the worst share counts")
        ALL = "all", _("every share must be there")

    class CallCoupon(models.TextChoices):
        IF_MET = "if_met", _("only when the coupon barrier is met")
        ALWAYS = "always", _("always the current one")

    class Redemption(models.TextChoices):
        FULL = "full", _("full capital back")
        FIXED = "fixed", _("a fixed share of the capital")
        FLOOR = "floor", _("with the basket, but no less than the floor")
        BARRIER = "barrier", _("full unless the barrier is broken")

    class BarrierStyle(models.TextChoices):
        EUROPEAN = "european", _("looked at on the last observation")
        OBSERVATION = "observation", _("looked at on every observation")
        AMERICAN = "american", _("looked at every day")

    class Rounding(models.TextChoices):
        HALF_UP = "HALF_UP", _("half up")
        HALF_EVEN = "HALF_EVEN", _("half to even")
        DOWN = "DOWN", _("down")

    class Roll(models.TextChoices):
        NONE = "none", _("not moved")
        FOLLOWING = "following", _("to the next session")
        MODIFIED_FOLLOWING = "modified_following", _("to the next session of the month")
        PRECEDING = "preceding", _("to the session before")

    class Scope(models.TextChoices):
        AFFECTED = "affected", _("only the share that is hit")
        ALL = "all", _("all shares")

    code = models.SlugField(_("code"), max_length=40, unique=True)
    name = models.CharField(_("name"), max_length=120, help_text=_("As the client knows it."))
    tranche = models.CharField(_("tranche"), max_length=40, blank=True)
    currency = models.CharField(_("currency"), max_length=3)
    denomination = models.PositiveBigIntegerField(
        _("denomination"), null=True, blank=True,
        help_text=_("One note, in cents. Coupons are rounded per note. Empty: per policy."),
    )  # fmt: skip
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.DRAFT)
    struck_on = models.DateField(_("struck on"), help_text=_("Day of the initial fixings."))
    matures_on = models.DateField(_("matures on"))
    called_on = models.DateField(_("called on"), null=True, blank=True, editable=False)

    basket = models.CharField(_("basket"), max_length=10, choices=Basket, default=Basket.WORST)
    coupon_rate = models.DecimalField(
        _("coupon rate"), help_text=_("A period, as a fraction: 0.025 is 2.5 %."), **LEVEL
    )
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
    guaranteed = models.BooleanField(
        _("guaranteed"), default=False, help_text=_("The coupon is paid whatever the shares do.")
    )
    guaranteed_rate = models.DecimalField(
        _("guaranteed rate"), null=True, blank=True,
        help_text=_("Part of the coupon that is paid whatever the shares do."), **LEVEL,
    )  # fmt: skip
    call_barrier = models.DecimalField(
        _("call barrier"), null=True, blank=True,
        help_text=_("At or above it the strategy ends early. Empty: never."), **LEVEL,
    )  # fmt: skip
    call_first = models.PositiveSmallIntegerField(
        _("first call"), default=1, help_text=_("Number of the first observation that can call.")
    )
    call_coupon = models.CharField(
        _("coupon when called"), max_length=10, choices=CallCoupon, default=CallCoupon.IF_MET
    )
    call_redemption = models.DecimalField(
        _("paid back when called"), default=1, help_text=_("A fraction of the nominal."), **LEVEL
    )
    call_deferred = models.DecimalField(
        _("residual at maturity"), default=0,
        help_text=_("What is paid back only on the maturity date after a call."), **LEVEL,
    )  # fmt: skip
    redemption = models.CharField(
        _("capital at maturity"), max_length=10, choices=Redemption, default=Redemption.FULL
    )
    redemption_level = models.DecimalField(
        _("protected share"), null=True, blank=True,
        help_text=_("The fixed share or the floor, as a fraction of the nominal."), **LEVEL,
    )  # fmt: skip
    knock_in_barrier = models.DecimalField(_("knock-in barrier"), null=True, blank=True, **LEVEL)
    knock_in_style = models.CharField(
        _("knock-in"), max_length=12, choices=BarrierStyle, default=BarrierStyle.EUROPEAN
    )
    strike = models.DecimalField(_("strike"), default=1, **LEVEL)
    participation = models.DecimalField(_("participation"), null=True, blank=True, **LEVEL)
    rounding = models.CharField(
        _("rounding"), max_length=10, choices=Rounding, default=Rounding.HALF_UP
    )
    level_dp = models.PositiveSmallIntegerField(
        _("decimals of barrier prices"), null=True, blank=True,
        help_text=_("Barrier prices are rounded to so many decimals. Empty: exact."),
    )  # fmt: skip
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

    class Meta:
        verbose_name = _("strategy")
        verbose_name_plural = _("strategies")
        ordering = ["code"]
        constraints = [
            models.CheckConstraint(
                name="strategy_matures_after_strike",
                condition=Q(matures_on__gt=F("struck_on")),
                violation_error_message=_("The maturity must lie after the strike date."),
            ),
            models.CheckConstraint(
                name="strategy_rate_not_negative",
                condition=Q(coupon_rate__gte=0),
                violation_error_message=_("A coupon rate cannot be negative."),
            ),
            models.CheckConstraint(
                name="strategy_denomination_positive",
                condition=Q(denomination__isnull=True) | Q(denomination__gt=0),
                violation_error_message=_("The denomination must be above zero."),
            ),
            models.CheckConstraint(
                name="strategy_corridor_in_order",
                condition=Q(corridor_upper__isnull=True)
                | Q(corridor_upper__gt=F("coupon_barrier")),
                violation_error_message=_("The top of the corridor must lie above its barrier."),
            ),
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
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.tranche}".strip()


class BasketMember(models.Model):
    """A share in the basket of a strategy with the price it started from."""

    strategy = models.ForeignKey(
        Strategy, models.CASCADE, related_name="basket_members", verbose_name=_("strategy")
    )
    underlying = models.ForeignKey(
        Underlying, models.PROTECT, related_name="memberships", verbose_name=_("underlying")
    )
    initial_fixing = models.DecimalField(
        _("initial fixing"), max_digits=20, decimal_places=8,
        help_text=_("Raw close of the strike date, before any later split."),
    )  # fmt: skip

    class Meta:
        verbose_name = _("basket member")
        verbose_name_plural = _("basket members")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["strategy", "underlying"],
                name="basket_member_once",
                violation_error_message=_("This share is already in the basket."),
            ),
            models.CheckConstraint(
                name="basket_member_fixing_positive",
                condition=Q(initial_fixing__gt=0),
                violation_error_message=_("An initial fixing must be above zero."),
            ),
        ]

    def __str__(self) -> str:
        return self.underlying.ticker


class Observation(models.Model):
    """A day on which a strategy is looked at; empty overrides mean the strategy's own terms."""

    class State(models.TextChoices):
        PLANNED = "planned", _("planned")
        WAITING = "waiting", _("waiting for prices")
        EVALUATED = "evaluated", _("evaluated")
        DROPPED = "dropped", _("dropped after an early call")

    OPEN = (State.PLANNED, State.WAITING)

    strategy = models.ForeignKey(
        Strategy, models.CASCADE, related_name="observations", verbose_name=_("strategy")
    )
    number = models.PositiveSmallIntegerField(_("number"))
    scheduled_on = models.DateField(_("scheduled on"), help_text=_("As the term sheet says."))
    valuation_on = models.DateField(_("valuation day"), help_text=_("The session that counts."))
    moved_because = models.CharField(_("moved because"), max_length=200, blank=True)
    pays_on = models.DateField(_("pays on"), null=True, blank=True)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.PLANNED)
    waiting_for = models.CharField(_("waiting for"), max_length=500, blank=True)
    coupon_rate = models.DecimalField(_("coupon rate"), null=True, blank=True, **LEVEL)
    coupon_barrier = models.DecimalField(_("coupon barrier"), null=True, blank=True, **LEVEL)
    corridor_upper = models.DecimalField(_("top of the corridor"), null=True, blank=True, **LEVEL)
    guaranteed = models.BooleanField(_("guaranteed"), null=True, blank=True)
    call_barrier = models.DecimalField(_("call barrier"), null=True, blank=True, **LEVEL)
    call_redemption = models.DecimalField(
        _("paid back when called"), null=True, blank=True, **LEVEL
    )
    bonus = models.DecimalField(
        _("bonus when called"), null=True, blank=True,
        help_text=_("Multiplies all coupons since the start when the strategy is called here."),
        **LEVEL,
    )  # fmt: skip

    class Meta:
        verbose_name = _("observation")
        verbose_name_plural = _("observations")
        ordering = ["strategy", "number"]
        constraints = [
            models.UniqueConstraint(
                fields=["strategy", "number"],
                name="observation_number_once",
                violation_error_message=_("The strategy already has an observation so numbered."),
            ),
            models.UniqueConstraint(
                fields=["strategy", "scheduled_on"],
                name="observation_day_once",
                violation_error_message=_("The strategy already is observed on that day."),
            ),
            models.CheckConstraint(
                name="observation_number_from_one",
                condition=Q(number__gte=1),
                violation_error_message=_("Observations are numbered from 1."),
            ),
            models.CheckConstraint(
                name="observation_waiting_has_reason",
                condition=~Q(state="waiting") | ~Q(waiting_for=""),
                violation_error_message=_("Say what the observation waits for."),
            ),
        ]
        indexes = [
            # the tick's "which observations are due?"
            models.Index(
                fields=["valuation_on"],
                condition=Q(state__in=["planned", "waiting"]),
                name="observation_due",
            )
        ]

    def __str__(self) -> str:
        return f"{self.strategy} № {self.number}"

    @property
    def why_moved(self) -> str:
        """Say why it is not on the scheduled day, in the reader's language and not the worker's."""
        day = date_format(self.scheduled_on, "SHORT_DATE_FORMAT")
        return gettext("%(day)s is no session") % {"day": day} if self.moved_because else ""


class ObservationResult(models.Model):
    """What an observation found; never changed: a correction is a new result that supersedes."""

    class Outcome(models.TextChoices):
        ACCRUED = "ACCRUED", _("accrued")
        SAVED = "SAVED", _("saved")
        LOST = "LOST", _("lost")
        PARTIAL = "PARTIAL", _("paid in part")
        GUARANTEED = "GUARANTEED", _("guaranteed")
        NONE = "NONE", _("no coupon")

    observation = models.ForeignKey(
        Observation, models.PROTECT, related_name="results", verbose_name=_("observation")
    )
    supersedes = models.OneToOneField(
        "self", models.PROTECT, null=True, blank=True, related_name="superseded_by",
        verbose_name=_("supersedes"),
    )  # fmt: skip
    outcome = models.CharField(_("outcome"), max_length=10, choices=Outcome)
    called = models.BooleanField(_("called"), default=False)
    matured = models.BooleanField(_("matured"), default=False)
    rate_paid = models.DecimalField(
        _("rate paid"), max_digits=24, decimal_places=16,
        help_text=_("Fraction of the nominal paid now, with what was remembered and any bonus."),
    )  # fmt: skip
    rate_remembered = models.DecimalField(
        _("rate remembered"), max_digits=24, decimal_places=16,
        help_text=_("Fraction of the nominal still remembered afterwards."),
    )  # fmt: skip
    worst = models.ForeignKey(
        BasketMember, models.PROTECT, null=True, blank=True, related_name="+",
        verbose_name=_("worst performer"),
    )  # fmt: skip
    worst_level = models.DecimalField(_("worst level"), null=True, blank=True, **LEVEL)
    average_level = models.DecimalField(
        _("average level"), null=True, blank=True,
        help_text=_("Mean of the basket; below 1 the portfolio is below its start."), **LEVEL,
    )  # fmt: skip
    redemption = models.DecimalField(_("paid back"), null=True, blank=True, **LEVEL)
    deferred = models.DecimalField(_("residual"), null=True, blank=True, **LEVEL)
    levels = models.JSONField(
        _("levels"), help_text=_("Each share's day, close, initial fixing, level and barrier.")
    )
    carried = models.JSONField(
        _("carried"), help_text=_("What the next observation must know of this and earlier ones.")
    )
    formula_version = models.PositiveSmallIntegerField(_("formula version"))
    evaluated_at = models.DateTimeField(_("evaluated"), default=clock.now)

    class Meta:
        verbose_name = _("observation result")
        verbose_name_plural = _("observation results")
        constraints = [
            models.UniqueConstraint(
                fields=["observation"],
                condition=Q(supersedes__isnull=True),
                name="observation_result_first_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.observation}: {self.get_outcome_display()}"
