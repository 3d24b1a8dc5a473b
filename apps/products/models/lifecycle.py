"""What changes a contract over its life, what is paid in by a plan, and what its dates bring."""

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from apps.core import clock
from apps.products.models.holdings import Payment, Policy


class PolicyChange(models.Model):
    """A change of what coupons are counted on, from a day on; never changed itself."""

    class Kind(models.TextChoices):
        TOP_UP = "top_up", _("top-up")
        WITHDRAWAL = "withdrawal", _("withdrawal")
        SURRENDER = "surrender", _("surrender")
        LAPSE = "lapse", _("lapse")

    policy = models.ForeignKey(
        Policy, models.PROTECT, related_name="changes", verbose_name=_("policy")
    )
    kind = models.CharField(_("kind"), max_length=12, choices=Kind)
    effective_on = models.DateField(
        _("effective on"), help_text=_("Observations from this day on count with the new nominal.")
    )
    nominal_before = models.PositiveBigIntegerField(_("nominal before"))
    nominal_after = models.PositiveBigIntegerField(_("nominal after"))
    payment = models.OneToOneField(
        Payment, models.PROTECT, null=True, blank=True, related_name="change",
        verbose_name=_("payment"),
    )  # fmt: skip
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    made_at = models.DateTimeField(_("made"), default=clock.now)

    class Meta:
        verbose_name = _("policy change")
        verbose_name_plural = _("policy changes")
        indexes = [
            # "what was the nominal on that day?"
            models.Index(fields=["policy", "effective_on"], name="policy_change_by_day")
        ]

    def __str__(self) -> str:
        return f"{self.policy}: {self.get_kind_display()} {self.effective_on}"


class PaymentPlan(models.Model):
    """What a client has agreed to pay in, and when; its payments are written once from it."""

    class Kind(models.TextChoices):
        PREMIUM = "premium", _("premium")
        INSTALMENT = "instalment", _("instalment")

    class Frequency(models.TextChoices):
        ONCE = "once", _("once")
        MONTHLY = "monthly", _("monthly")
        QUARTERLY = "quarterly", _("quarterly")
        HALF_YEARLY = "half_yearly", _("half-yearly")
        YEARLY = "yearly", _("yearly")

    MONTHS = {"once": 0, "monthly": 1, "quarterly": 3, "half_yearly": 6, "yearly": 12}
    MOST = 600  # payments of one plan: fifty years of months

    policy = models.ForeignKey(
        Policy, models.PROTECT, related_name="plans", verbose_name=_("policy")
    )
    kind = models.CharField(_("kind"), max_length=12, choices=Kind, default=Kind.PREMIUM)
    amount = models.PositiveBigIntegerField(_("amount"))
    frequency = models.CharField(_("frequency"), max_length=12, choices=Frequency)
    first_on = models.DateField(_("first payment on"))
    last_on = models.DateField(_("last payment by"))

    class Meta:
        verbose_name = _("payment plan")
        verbose_name_plural = _("payment plans")
        constraints = [
            models.UniqueConstraint(
                fields=["policy", "kind"],
                name="payment_plan_once",
                violation_error_message=_("The policy already has a plan of this kind."),
            ),
            models.CheckConstraint(
                name="payment_plan_amount_positive",
                condition=Q(amount__gt=0),
                violation_error_message=_("The amount must be above zero."),
            ),
            models.CheckConstraint(
                name="payment_plan_ends_after_start",
                condition=Q(last_on__gte=F("first_on")),
                violation_error_message=_("The last payment cannot lie before the first."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.policy}: {self.get_kind_display()} {self.get_frequency_display()}"

    def clean(self) -> None:
        """Refuse a plan of more payments than one would want to write."""
        months = self.MONTHS.get(self.frequency)
        if months and None not in (self.first_on, self.last_on):
            span = (self.last_on.year - self.first_on.year) * 12
            if span // months >= self.MOST:
                raise ValidationError(
                    {"last_on": _("A plan has %(most)d payments at most.") % {"most": self.MOST}}
                )


class Milestone(models.Model):
    """A kind of event that the calendar brings, and how many days ahead of its date."""

    class Kind(models.TextChoices):
        ISSUED = "policy.issued", _("policy issued")
        WAITING_OVER = "policy.waiting_over", _("waiting period over")
        OBSERVATION_NEAR = "observation.near", _("observation near")
        MATURING = "policy.maturing", _("policy soon to mature")
        MATURED = "policy.matured", _("policy matured")
        PAYMENT_DUE = "payment.due", _("payment soon due")
        PAYMENT_OVERDUE = "payment.overdue", _("payment overdue")

    AHEAD = (Kind.OBSERVATION_NEAR, Kind.MATURING, Kind.PAYMENT_DUE)

    kind = models.CharField(_("kind"), max_length=40, choices=Kind, primary_key=True)
    days = models.PositiveSmallIntegerField(
        _("days ahead"), default=0,
        help_text=_("How long before its date the event is written; 0: on the day."),
    )  # fmt: skip
    is_on = models.BooleanField(
        _("written"), default=True, help_text=_("Unticked: no such event is written any more.")
    )
    told_until = models.DateField(_("written until"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("life-cycle event")
        verbose_name_plural = _("life-cycle events")
        constraints = [
            models.CheckConstraint(
                name="milestone_ahead_at_most_a_quarter",
                condition=Q(days__lte=92),
                violation_error_message=_("At most 92 days ahead."),
            )
        ]

    def __str__(self) -> str:
        return str(self.get_kind_display())
