"""How often clients may be made offers, who gets none, and which offer has which day."""

from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.core import clock
from apps.messaging.models.outbox import Notice
from apps.messaging.models.verdicts import BORN
from apps.profiles.models import Client


class FrequencyPolicy(models.Model):
    """So many offers in so many days at most; one a local day is the limit for everybody."""

    tier = models.CharField(
        _("tier"), max_length=16, choices=Client.Tier, blank=True, help_text=_("Empty: everybody.")
    )
    offers = models.PositiveSmallIntegerField(_("offers"), validators=[MinValueValidator(1)])
    days = models.PositiveSmallIntegerField(
        _("days"), validators=[MinValueValidator(2), MaxValueValidator(366)],
        help_text=_("In a row, by the client's own calendar. All limits that fit him hold."),
    )  # fmt: skip

    class Meta:
        verbose_name = _("limit of offers")
        verbose_name_plural = _("limits of offers")
        ordering = ["tier", "days"]
        constraints = [
            models.UniqueConstraint(
                fields=["tier", "days"],
                name="frequency_policy_once",
                violation_error_message=_("There already is a limit for this tier and time."),
            ),
            models.CheckConstraint(
                name="frequency_policy_limits",
                condition=Q(offers__gte=1, days__gte=2, offers__lt=F("days")),
                violation_error_message=_(
                    "Allow fewer offers than days: one a day is the limit anyway."
                ),
            ),
        ]

    def __str__(self) -> str:
        return _("%(offers)d in %(days)d days") % {"offers": self.offers, "days": self.days}


class HoldOut(models.Model):
    """A share of all clients who get no offers for a while, to see what offers bring."""

    name = models.CharField(_("name"), max_length=60, unique=True)
    percent = models.DecimalField(
        _("percent"), max_digits=5, decimal_places=2,
        validators=[MinValueValidator(Decimal("0.01")), MaxValueValidator(Decimal(50))],
        help_text=_("Of all clients, chosen by lot once and for good."),
    )  # fmt: skip
    begins_at = models.DateTimeField(pgettext_lazy("moment", "from"), default=clock.now)
    ends_at = models.DateTimeField(_("until"), null=True, blank=True)

    class Meta:
        verbose_name = _("hold-out group")
        verbose_name_plural = _("hold-out groups")
        constraints = [
            models.CheckConstraint(
                name="hold_out_percent",
                condition=Q(percent__gt=0, percent__lte=50),
                violation_error_message=_("Hold out more than nobody and at most half."),
            ),
            models.CheckConstraint(
                name="hold_out_ends_after_it_begins",
                condition=Q(ends_at=None) | Q(ends_at__gt=F("begins_at")),
                violation_error_message=_("A hold-out group ends after it begins."),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Reservation(models.Model):
    """The one offer that a client is made on a day of his own calendar."""

    # The unique constraint begins with the client and serves as his index.
    client = models.ForeignKey(
        Client, models.PROTECT, related_name="+", db_index=False, verbose_name=_("client"), **BORN
    )
    day = models.DateField(_("day"), help_text=_("Where the client lives."))
    notice = models.OneToOneField(
        Notice, models.CASCADE, related_name="reservation", verbose_name=_("notice"), **BORN
    )

    class Meta:
        verbose_name = _("day taken by an offer")
        verbose_name_plural = _("days taken by offers")
        constraints = [
            models.UniqueConstraint(
                fields=["client", "day"],
                name="reservation_once_a_day",
                violation_error_message=_("The client gets another offer that day."),
            )
        ]

    def __str__(self) -> str:
        return f"{self.client_id} {self.day}"
