"""Accounts in which clients hold units of funds and shares, and what was booked in them."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from apps.products.models.funds import ModelPortfolio
from apps.products.models.markets import Underlying
from apps.profiles.models import Client

UNITS: dict[str, Any] = {"max_digits": 20, "decimal_places": 8}  # exact: funds deal in fractions


class Account(models.Model):
    """A client's account of funds or shares; one currency, so that its total needs no exchange."""

    MONEY = ("transactions__amount", "currency")  # what was booked, for whoever merges two

    class Kind(models.TextChoices):
        GENERAL = "general", _("general")
        TAX_SAVING = "tax_saving", _("tax-saving")
        PENSION = "pension", _("pension")

    number = models.CharField(_("number"), max_length=40, unique=True)
    client = models.ForeignKey(
        Client, models.PROTECT, related_name="accounts", verbose_name=_("client")
    )
    name = models.CharField(_("name"), max_length=100, help_text=_("What the client calls it."))
    currency = models.CharField(_("currency"), max_length=3)
    kind = models.CharField(_("kind"), max_length=12, choices=Kind, default=Kind.GENERAL)
    portfolio = models.ForeignKey(
        ModelPortfolio, models.PROTECT, null=True, blank=True, related_name="accounts",
        verbose_name=_("model portfolio"),
        help_text=_("The portfolio that the account follows, where it follows one."),
    )  # fmt: skip
    opened_on = models.DateField(_("opened on"))
    closed_on = models.DateField(_("closed on"), null=True, blank=True)

    class Meta:
        verbose_name = _("account")
        verbose_name_plural = _("accounts")
        constraints = [
            models.CheckConstraint(
                name="account_closes_after_opening",
                condition=Q(closed_on__isnull=True) | Q(closed_on__gte=F("opened_on")),
                violation_error_message=_("An account cannot close before it opens."),
            ),
        ]
        indexes = [
            # "the open accounts of the next thousand clients", walked after every day's closes
            models.Index(
                fields=["client"], condition=Q(closed_on__isnull=True), name="account_open"
            )
        ]

    def __str__(self) -> str:
        return self.number

    def clean(self) -> None:
        """Refuse a portfolio of another currency."""
        if self.portfolio_id and self.portfolio and self.portfolio.currency != self.currency:
            raise ValidationError(
                {
                    "portfolio": _("%(portfolio)s is in %(own)s, the account in %(other)s.")
                    % {
                        "portfolio": self.portfolio,
                        "own": self.portfolio.currency,
                        "other": self.currency,
                    }
                }
            )


class Transaction(models.Model):
    """One booking in an account, as the core system reports it; amounts in minor units."""

    class Kind(models.TextChoices):
        BUY = "buy", _("buy")
        SELL = "sell", _("sell")
        DIVIDEND = "dividend", _("dividend")
        FEE = "fee", _("fee")

    TRADES = (Kind.BUY, Kind.SELL)
    PAID_IN = (Kind.BUY, Kind.FEE)  # what the client put in; the others came out to him

    account = models.ForeignKey(
        Account, models.PROTECT, related_name="transactions", verbose_name=_("account")
    )
    reference = models.CharField(
        _("reference"), max_length=60, unique=True,
        help_text=_("The core system's own number of the booking."),
    )  # fmt: skip
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    day = models.DateField(_("day"))
    underlying = models.ForeignKey(
        Underlying, models.PROTECT, null=True, blank=True, related_name="transactions",
        verbose_name=_("fund or share"), help_text=_("Empty for a fee on the whole account."),
    )  # fmt: skip
    units = models.DecimalField(
        _("units"), null=True, blank=True, help_text=_("As dealt, before any later split."), **UNITS
    )
    amount = models.PositiveBigIntegerField(
        _("amount"), help_text=_("What was paid or received altogether, in cents.")
    )

    class Meta:
        verbose_name = _("transaction")
        verbose_name_plural = _("transactions")
        constraints = [
            models.CheckConstraint(
                name="transaction_trade_has_units",
                condition=Q(kind__in=["buy", "sell"], units__gt=0, units__isnull=False)
                | Q(kind__in=["dividend", "fee"], units__isnull=True),
                violation_error_message=_("A trade has units above zero, anything else has none."),
            ),
            models.CheckConstraint(
                name="transaction_names_what_was_dealt",
                condition=Q(kind="fee") | Q(underlying__isnull=False),
                violation_error_message=_("Say which fund or share was dealt or paid."),
            ),
            models.CheckConstraint(
                name="transaction_money_moves",
                condition=Q(kind__in=["buy", "sell"]) | Q(amount__gt=0),
                violation_error_message=_("The amount must be above zero."),
            ),
        ]

    def __str__(self) -> str:
        return self.reference

    def clean(self) -> None:
        """Refuse a fund of another currency: the account's total would need an exchange rate."""
        if self.underlying_id and self.underlying and self.account_id:
            own, other = self.underlying.currency, self.account.currency
            if own != other:
                raise ValidationError(
                    {
                        "underlying": _("%(ticker)s is in %(own)s, the account in %(other)s.")
                        % {"ticker": self.underlying.ticker, "own": own, "other": other}
                    }
                )
