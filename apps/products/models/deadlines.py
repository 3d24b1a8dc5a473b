"""Days by which a client must have done something to keep an advantage."""

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.products.models.accounts import Account
from apps.products.models.holdings import Policy
from apps.profiles.models import Client


class Deadline(models.Model):
    """A day by which a client should act, such as the last one for a tax deduction."""

    class Kind(models.TextChoices):
        TAX_DEDUCTION = "tax_deduction", _("tax deduction")
        CONTRIBUTION = "contribution", _("yearly contribution")
        DOCUMENT = "document", _("document")

    reference = models.CharField(_("reference"), max_length=60, unique=True)
    client = models.ForeignKey(
        Client, models.PROTECT, related_name="deadlines", verbose_name=_("client")
    )
    kind = models.CharField(_("kind"), max_length=15, choices=Kind)
    day = models.DateField(_("day"), help_text=_("The last day on which it counts."))
    year = models.PositiveSmallIntegerField(
        _("for the year"), null=True, blank=True, help_text=_("Like 2025, where it is for one.")
    )
    amount = models.PositiveBigIntegerField(
        _("amount"), null=True, blank=True, help_text=_("What can still be had, in cents.")
    )
    currency = models.CharField(_("currency"), max_length=3, blank=True)
    policy = models.ForeignKey(
        Policy, models.PROTECT, null=True, blank=True, related_name="deadlines",
        verbose_name=_("policy"),
    )  # fmt: skip
    account = models.ForeignKey(
        Account, models.PROTECT, null=True, blank=True, related_name="deadlines",
        verbose_name=_("account"),
    )  # fmt: skip
    days_before = models.PositiveSmallIntegerField(
        _("tell days before"), default=30, help_text=_("So many days before it is an event.")
    )
    done_on = models.DateField(
        _("done on"), null=True, blank=True, help_text=_("Once done, nobody is told any more.")
    )
    told_at = models.DateTimeField(_("told"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("deadline")
        verbose_name_plural = _("deadlines")
        constraints = [
            models.CheckConstraint(
                name="deadline_amount_has_currency",
                condition=Q(amount__isnull=True, currency="")
                | (Q(amount__isnull=False) & ~Q(currency="")),
                violation_error_message=_("An amount needs its currency, and no amount none."),
            ),
        ]
        indexes = [
            # "which deadlines come near, of those nobody was told of"
            models.Index(
                fields=["day"],
                condition=Q(told_at__isnull=True, done_on__isnull=True),
                name="deadline_ahead",
            )
        ]

    def __str__(self) -> str:
        return self.reference

    def clean(self) -> None:
        """Refuse a policy or an account of somebody else."""
        for name in ("policy", "account"):
            held = getattr(self, name)
            if held and self.client_id and held.client_id != self.client_id:
                raise ValidationError({name: _("It belongs to another client.")})
