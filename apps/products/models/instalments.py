"""Money that clients borrowed: a limit, what is used of it, and the plan of paying back."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from apps.profiles.models import Client


class CreditAccount(models.Model):
    """A client's instalment product: its limit and what is used, as last reported."""

    MONEY = ("used", "currency")  # what the client owes, for whoever merges two

    number = models.CharField(_("number"), max_length=40, unique=True)
    client = models.ForeignKey(
        Client, models.PROTECT, related_name="credit_accounts", verbose_name=_("client")
    )
    name = models.CharField(_("name"), max_length=100, help_text=_("What the client calls it."))
    currency = models.CharField(_("currency"), max_length=3)
    limit = models.PositiveBigIntegerField(_("limit"), help_text=_("In cents."))
    used = models.PositiveBigIntegerField(_("used"), help_text=_("Of the limit, in cents."))
    reported_on = models.DateField(
        _("reported on"), help_text=_("The day for which the core system said so.")
    )
    source = models.CharField(_("source"), max_length=100, help_text=_("File or feed."))
    closed_on = models.DateField(_("closed on"), null=True, blank=True)

    class Meta:
        verbose_name = _("instalment account")
        verbose_name_plural = _("instalment accounts")

    def __str__(self) -> str:
        return self.number


class Instalment(models.Model):
    """One payment of the plan: how much is due when, and what of it came in."""

    account = models.ForeignKey(
        CreditAccount, models.PROTECT, related_name="instalments", verbose_name=_("account")
    )
    number = models.PositiveSmallIntegerField(_("number"))
    due_on = models.DateField(_("due on"))
    amount = models.PositiveBigIntegerField(_("amount"), help_text=_("In cents."))
    paid = models.PositiveBigIntegerField(_("paid"), default=0, help_text=_("So far, in cents."))
    paid_on = models.DateField(
        _("paid on"), null=True, blank=True, help_text=_("The day on which all of it was paid.")
    )

    class Meta:
        verbose_name = _("instalment")
        verbose_name_plural = _("instalments")
        constraints = [
            models.UniqueConstraint(
                fields=["account", "number"],
                name="instalment_once",
                violation_error_message=_("The plan already has this number."),
            ),
            models.CheckConstraint(
                name="instalment_paid_has_day",
                condition=Q(paid__lt=F("amount"), paid_on__isnull=True)
                | Q(paid=F("amount"), paid_on__isnull=False),
                violation_error_message=_(
                    "An instalment paid in full has its day; any other has none, and no more than "
                    "its amount can be paid."
                ),
            ),
            models.CheckConstraint(
                name="instalment_amount_positive",
                condition=Q(amount__gt=0),
                violation_error_message=_("The amount must be above zero."),
            ),
        ]
        indexes = [
            # "instalments that are open and due"
            models.Index(
                fields=["due_on"], condition=Q(paid_on__isnull=True), name="instalment_open"
            )
        ]

    def __str__(self) -> str:
        return f"{self.account} / {self.number}"
