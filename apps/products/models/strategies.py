"""Coupon strategies: the term sheet as data, its observations and their results."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.formats import date_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.core import clock
from apps.products.models.markets import Underlying
from apps.products.models.terms import (
    LEVEL,
    TERM,
    BasketTerms,
    CalendarTerms,
    CallTerms,
    CouponTerms,
    RedemptionTerms,
)


class Strategy(BasketTerms, CouponTerms, CallTerms, RedemptionTerms, CalendarTerms):
    """A coupon strategy: what it pays, when, and under which conditions."""

    class State(models.TextChoices):
        DRAFT = "draft", _("draft")
        PUBLISHED = "published", _("published")
        CALLED = "called", _("called")
        MATURED = "matured", _("matured")

    code = models.SlugField(_("code"), max_length=40, unique=True)
    name = models.CharField(_("name"), max_length=120, help_text=_("As the client knows it."))
    tranche = models.CharField(_("tranche"), max_length=40, blank=True)
    currency = models.CharField(_("currency"), max_length=3)
    denomination = models.PositiveBigIntegerField(
        _("denomination"), null=True, blank=True,
        help_text=_("One note, such as 1000.00. Coupons are rounded per note. Empty: per policy."),
    )  # fmt: skip
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.DRAFT)
    struck_on = models.DateField(_("struck on"), help_text=_("Day of the initial fixings."))
    matures_on = models.DateField(_("matures on"))
    called_on = models.DateField(_("called on"), null=True, blank=True, editable=False)

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
                name="strategy_denomination_positive",
                condition=Q(denomination__isnull=True) | Q(denomination__gt=0),
                violation_error_message=_("The denomination must be above zero."),
            ),
            *BasketTerms.Meta.constraints,
            *CouponTerms.Meta.constraints,
            *CallTerms.Meta.constraints,
            *RedemptionTerms.Meta.constraints,
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
    weight = models.DecimalField(
        _("weight"), null=True, blank=True, **TERM,
        help_text=_("Part of the basket: 0.25. Empty for all: equal parts."),
    )  # fmt: skip
    fx_pair = models.ForeignKey(
        Underlying, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("currency pair"),
        limit_choices_to={"kind": Underlying.Kind.CURRENCY_PAIR},
        help_text=_("Turns the share's currency into the strategy's; for composite baskets."),
    )  # fmt: skip
    fx_initial = models.DecimalField(
        _("initial rate"), max_digits=20, decimal_places=8, null=True, blank=True,
        help_text=_("Exchange rate of the strike date."),
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
            models.CheckConstraint(
                name="basket_member_weight_positive",
                condition=Q(weight__isnull=True) | Q(weight__gt=0),
                violation_error_message=_("A weight must be above zero."),
            ),
            models.CheckConstraint(
                name="basket_member_rate_positive",
                condition=Q(fx_initial__isnull=True) | Q(fx_initial__gt=0),
                violation_error_message=_("An exchange rate must be above zero."),
            ),
            models.CheckConstraint(
                name="basket_member_pair_and_rate",
                condition=Q(fx_pair__isnull=True, fx_initial__isnull=True)
                | Q(fx_pair__isnull=False, fx_initial__isnull=False),
                violation_error_message=_("A currency pair and its initial rate belong together."),
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
    DISRUPTED = "disrupted: "  # begins `moved_because` where a disruption moved the day

    strategy = models.ForeignKey(
        Strategy, models.CASCADE, related_name="observations", verbose_name=_("strategy")
    )
    number = models.PositiveSmallIntegerField(_("number"))
    scheduled_on = models.DateField(_("scheduled on"), help_text=_("As the term sheet says."))
    valuation_on = models.DateField(_("valuation day"), help_text=_("The session that counts."))
    moved_because = models.CharField(_("moved because"), max_length=200, blank=True)
    pays_on = models.DateField(_("pays on"), null=True, blank=True)
    # Counted from the valuation day and so counted again when that moves; else the term sheet's.
    pays_by_lag = models.BooleanField(default=False, editable=False)
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
    starts_on = models.DateField(
        _("period starts"),
        null=True,
        blank=True,
        help_text=_("Empty: when the period before ended."),
    )
    ends_on = models.DateField(
        _("period ends"), null=True, blank=True, help_text=_("Empty: on the scheduled day.")
    )
    calls = models.BooleanField(
        _("can call"), default=True, help_text=_("Unticked: this observation never calls.")
    )
    accrual_days = ArrayField(
        models.DateField(), null=True, blank=True, verbose_name=_("days that count"),
        help_text=_("Days whose closes decide what accrues. Empty: every session of the period."),
    )  # fmt: skip
    days_inside = models.PositiveSmallIntegerField(
        _("days inside"),
        null=True,
        blank=True,
        help_text=_("As the issuer counted them. Empty: counted here."),
    )
    days_total = models.PositiveSmallIntegerField(_("days of the period"), null=True, blank=True)

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
            models.CheckConstraint(
                name="observation_period_in_order",
                condition=Q(starts_on__isnull=True)
                | Q(ends_on__isnull=True)
                | Q(ends_on__gt=F("starts_on")),
                violation_error_message=_("The period must end after it starts."),
            ),
            models.CheckConstraint(
                name="observation_days_inside_the_total",
                condition=Q(days_inside__isnull=True, days_total__isnull=True)
                | Q(
                    days_inside__isnull=False,
                    days_total__isnull=False,
                    days_total__gt=0,
                    days_inside__lte=F("days_total"),
                ),
                violation_error_message=_("The days inside are a part of the days of the period."),
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
        if self.moved_because.startswith(self.DISRUPTED):
            shares = self.moved_because.removeprefix(self.DISRUPTED)
            return gettext("trading of %(shares)s was disrupted") % {"shares": shares}
        day = date_format(self.scheduled_on, "SHORT_DATE_FORMAT")
        return gettext("%(day)s is no session") % {"day": day} if self.moved_because else ""


class Results(models.QuerySet["ObservationResult"]):
    def current(self) -> "Results":
        """Keep what counts today: neither superseded nor void."""
        return self.filter(superseded_by__isnull=True).exclude(outcome="VOID")


class ObservationResult(models.Model):
    """What an observation found; never changed: a correction is a new result that supersedes."""

    class Outcome(models.TextChoices):
        ACCRUED = "ACCRUED", _("accrued")
        SAVED = "SAVED", _("saved")
        LOST = "LOST", _("lost")
        PARTIAL = "PARTIAL", _("paid in part")
        GUARANTEED = "GUARANTEED", _("guaranteed")
        NONE = "NONE", _("no coupon")
        VOID = "VOID", _("void")  # a correction found that the strategy had ended before

    observation = models.ForeignKey(
        Observation, models.PROTECT, related_name="results", verbose_name=_("observation")
    )
    supersedes = models.OneToOneField(
        "self", models.PROTECT, null=True, blank=True, related_name="superseded_by",
        verbose_name=_("supersedes"),
    )  # fmt: skip
    restatement = models.ForeignKey(
        "products.Restatement", models.PROTECT, null=True, blank=True, related_name="results",
        verbose_name=_("restatement"),
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

    objects = Results.as_manager()

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
