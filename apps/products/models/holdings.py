"""What clients hold of a strategy and what it brought them."""

from datetime import date
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from apps.core import clock, money
from apps.products.models.strategies import Observation, ObservationResult, Strategy
from apps.profiles.models import Client


def today() -> date:
    return clock.now().date()


class Policy(models.Model):
    """A client's contract on a strategy; amounts in minor units of the strategy's currency."""

    MONEY = ("nominal", "strategy__currency")  # what is the client's, for whoever merges two

    class State(models.TextChoices):
        APPLIED = "applied", _("applied for")
        ACTIVE = "active", _("active")
        CALLED = "called", _("called")
        MATURED = "matured", _("matured")
        SURRENDERED = "surrendered", _("surrendered")
        LAPSED = "lapsed", _("lapsed")

    number = models.CharField(_("number"), max_length=40, unique=True)
    client = models.ForeignKey(
        Client, models.PROTECT, related_name="policies", verbose_name=_("client")
    )
    strategy = models.ForeignKey(
        Strategy, models.PROTECT, related_name="policies", verbose_name=_("strategy")
    )
    nominal = models.PositiveBigIntegerField(
        _("nominal"), help_text=_("What coupons are counted on.")
    )
    premium = models.PositiveBigIntegerField(_("premium"), help_text=_("Paid in, or to be."))
    issued_on = models.DateField(
        _("issued on"), null=True, blank=True, help_text=_("Empty: on the day it starts.")
    )
    waiting_until = models.DateField(
        _("waiting period until"), null=True, blank=True,
        help_text=_("The last day on which the client may step back."),
    )  # fmt: skip
    starts_on = models.DateField(_("starts on"))
    ends_on = models.DateField(_("ends on"))
    state = models.CharField(_("state"), max_length=12, choices=State, default=State.ACTIVE)
    closed_on = models.DateField(_("closed on"), null=True, blank=True)
    entered_on = models.DateField(
        _("entered on"), null=True, default=today, editable=False,
        help_text=_("When we learnt of it; empty: before we noted that."),
    )  # fmt: skip
    is_untold = models.BooleanField(
        default=True, db_default=True, editable=False,
        help_text=_("Its dates are new to the timeline."),
    )  # fmt: skip

    class Meta:
        verbose_name = _("policy")
        verbose_name_plural = _("policies")
        constraints = [
            models.CheckConstraint(
                name="policy_nominal_positive",
                condition=Q(nominal__gt=0),
                violation_error_message=_("The nominal must be above zero."),
            ),
            models.CheckConstraint(
                name="policy_ends_after_start",
                condition=Q(ends_on__gt=F("starts_on")),
                violation_error_message=_("The policy must end after it starts."),
            ),
        ]
        indexes = [
            # "all active policies of this strategy", read at every observation
            models.Index(fields=["strategy"], condition=Q(state="active"), name="policy_active"),
            # "which came after an observation that concerns them?"
            models.Index(
                fields=["entered_on"],
                condition=Q(entered_on__gt=F("starts_on")),
                name="policy_late",
            ),
            models.Index(
                fields=["issued_on"],
                condition=Q(issued_on__gt=F("starts_on")),
                name="policy_issued_late",
            ),
            # "whose dates does the timeline not know yet?", every minute
            models.Index(fields=["id"], condition=Q(is_untold=True), name="policy_untold"),
        ]

    def __str__(self) -> str:
        return self.number

    def clean(self) -> None:
        """Refuse a nominal that is no whole number of the strategy's notes."""
        note = self.strategy.denomination if self.strategy_id else None
        if note and self.nominal and self.nominal % note:
            shown = money.major_units(note, money.decimals(self.strategy.currency))
            raise ValidationError(
                {
                    "nominal": _("The nominal is no multiple of one note, %(note)s.")
                    % {"note": shown}
                }
            )


# Coupons and payments are born a million at a time, by INSERT … SELECT from the rows that they point
# to. A foreign key would look at each of them once more and cost more than all the rest; instead
# results cannot be deleted at all, and a trigger keeps every policy that has either.
BORN: dict[str, Any] = {"db_constraint": False}


class PolicyCoupon(models.Model):
    """What one observation's result meant for one policy, in money; never changed."""

    policy = models.ForeignKey(
        Policy, models.PROTECT, related_name="coupons", verbose_name=_("policy"), **BORN
    )
    # Neither has an index: policy_coupon_once begins with the result, whose observation it is. The
    # results of an observation protect it.
    observation = models.ForeignKey(
        Observation, models.DO_NOTHING, related_name="coupons", verbose_name=_("observation"),
        db_index=False, **BORN,
    )  # fmt: skip
    result = models.ForeignKey(
        ObservationResult, models.PROTECT, related_name="coupons", verbose_name=_("result"),
        db_index=False, **BORN,
    )  # fmt: skip
    outcome = models.CharField(_("outcome"), max_length=10, choices=ObservationResult.Outcome)
    amount = models.PositiveBigIntegerField(_("amount"), help_text=_("Paid now, in cents."))
    remembered = models.PositiveBigIntegerField(
        _("remembered"), help_text=_("Still remembered afterwards, in cents.")
    )
    # Only where the observation ends the strategy; a null costs a big table nothing.
    redemption = models.PositiveBigIntegerField(
        _("paid back"), null=True, blank=True, help_text=_("Capital due at the end, in cents.")
    )
    residual = models.PositiveBigIntegerField(
        _("residual"), null=True, blank=True,
        help_text=_("What a call leaves to be paid at maturity, in cents."),
    )  # fmt: skip

    class Meta:
        verbose_name = _("policy coupon")
        verbose_name_plural = _("policy coupons")
        constraints = [
            models.UniqueConstraint(fields=["result", "policy"], name="policy_coupon_once")
        ]

    def __str__(self) -> str:
        return f"{self.policy} / {self.observation}"


class Payment(models.Model):
    """Money that goes to or comes from a client under a policy, planned or done."""

    class Kind(models.TextChoices):
        COUPON = "coupon", _("coupon")
        REDEMPTION = "redemption", _("redemption")
        RESIDUAL = "residual", _("residual")
        PREMIUM = "premium", _("premium")
        CORRECTION = "correction", _("correction")
        INSTALMENT = "instalment", _("instalment")
        TOP_UP = "top_up", _("top-up")
        WITHDRAWAL = "withdrawal", _("withdrawal")
        SURRENDER = "surrender", _("surrender value")

    class State(models.TextChoices):
        PLANNED = "planned", _("planned")
        PAID = "paid", _("paid")
        CANCELLED = "cancelled", _("cancelled")
        HELD = "held", _("waits for a decision")
        WAIVED = "waived", _("left to the client")
        FAILED = "failed", _("failed")

    INCOMING = (Kind.PREMIUM, Kind.INSTALMENT, Kind.TOP_UP)  # from the client; all else to him
    OPEN = (State.PLANNED, State.FAILED)  # money that is still to come

    policy = models.ForeignKey(
        Policy, models.PROTECT, related_name="payments", verbose_name=_("policy"), **BORN
    )
    kind = models.CharField(_("kind"), max_length=12, choices=Kind)
    corrects = models.CharField(
        _("corrects"), max_length=12, choices=Kind, blank=True, default="", db_default="",
        help_text=_("What a correction puts right: the coupon, the capital."),
    )  # fmt: skip
    amount = models.BigIntegerField(
        _("amount"),
        help_text=_("In cents. Below zero only a correction: the client was paid too much."),
    )
    due_on = models.DateField(_("due on"))
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.PLANNED)
    paid_on = models.DateField(_("paid on"), null=True, blank=True)
    result = models.ForeignKey(
        ObservationResult, models.PROTECT, null=True, blank=True, related_name="payments",
        verbose_name=_("result"), db_index=False, **BORN,
    )  # fmt: skip
    plan = models.ForeignKey(
        "products.PaymentPlan", models.PROTECT, null=True, blank=True, related_name="payments",
        verbose_name=_("payment plan"), db_index=False,  # payment_once_per_plan begins with it
    )  # fmt: skip
    reference = models.CharField(
        _("reference"), max_length=60, blank=True, default="", db_default="",
        help_text=_("By which the bank or the core system knows it."),
    )  # fmt: skip
    because = models.CharField(
        _("because"), max_length=200, blank=True, default="", db_default="",
        help_text=_("Why it failed or was cancelled."),
    )  # fmt: skip

    class Meta:
        verbose_name = _("payment")
        verbose_name_plural = _("payments")
        constraints = [
            models.UniqueConstraint(
                fields=["result", "policy", "kind", "corrects"],
                condition=Q(result__isnull=False),
                name="payment_once",
            ),
            models.UniqueConstraint(
                fields=["reference"],
                condition=~Q(reference=""),
                name="payment_reference_once",
                violation_error_message=_("Another payment already has this reference."),
            ),
            models.UniqueConstraint(
                fields=["plan", "due_on"],
                condition=Q(plan__isnull=False) & ~Q(state="cancelled"),
                name="payment_once_per_plan",
            ),
            models.CheckConstraint(
                name="payment_paid_has_day",
                condition=(~Q(state="paid") & Q(paid_on__isnull=True))
                | Q(state="paid", paid_on__isnull=False),
                violation_error_message=_("A paid payment has a day, a planned one has none."),
            ),
            models.CheckConstraint(
                name="payment_signed_correction",
                condition=(Q(kind="correction") & ~Q(amount=0) & ~Q(corrects=""))
                | (~Q(kind="correction") & Q(amount__gte=0, corrects="")),
                violation_error_message=_("Only a correction may be below zero."),
            ),
        ]
        indexes = [
            # "planned payments that are due"
            models.Index(fields=["due_on"], condition=Q(state="planned"), name="payment_due")
        ]

    def __str__(self) -> str:
        return f"{self.policy} {self.get_kind_display()} {self.due_on}"

    @property
    def is_incoming(self) -> bool:
        """Tell whether the client pays it; a correction below zero is money that comes back."""
        return self.kind in self.INCOMING or self.amount < 0
