"""Funds, whose unit values are quotes, and the portfolios that an issuer builds for his clients."""

from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from apps.products.models.markets import Underlying

WEIGHT: dict[str, Any] = {"max_digits": 6, "decimal_places": 5}  # a part of the whole: 0.4
MIX = ("shares", "bonds", "cash", "other")


class Aim(models.TextChoices):
    """What a fund or a portfolio invests in."""

    SHARES = "shares", _("shares")
    BONDS = "bonds", _("bonds")
    BALANCED = "balanced", _("balanced")
    MONEY_MARKET = "money_market", _("money market")
    PROPERTY = "property", _("property")
    OTHER = "other", _("other")


class Fund(models.Model):
    """What is known of a fund beside its ticker, currency and ISIN; its unit value is a quote."""

    underlying = models.OneToOneField(
        Underlying, models.PROTECT, primary_key=True, related_name="fund",
        verbose_name=_("underlying"),
    )  # fmt: skip
    aim = models.CharField(_("invests in"), max_length=15, choices=Aim)
    lag = models.PositiveSmallIntegerField(
        _("published after"), default=1,
        help_text=_("Sessions after which a unit value is known; one that comes later is late."),
    )  # fmt: skip
    shares = models.DecimalField(_("shares"), null=True, blank=True, **WEIGHT)
    bonds = models.DecimalField(_("bonds"), null=True, blank=True, **WEIGHT)
    cash = models.DecimalField(_("cash"), null=True, blank=True, **WEIGHT)
    other = models.DecimalField(_("other assets"), null=True, blank=True, **WEIGHT)
    mix_on = models.DateField(_("mix as of"), null=True, blank=True)

    class Meta:
        verbose_name = _("fund")
        verbose_name_plural = _("funds")
        constraints = [
            models.CheckConstraint(
                name="fund_mix_is_whole",
                condition=Q(
                    shares__isnull=True, bonds__isnull=True, cash__isnull=True,
                    other__isnull=True, mix_on__isnull=True,
                )
                | Q(
                    # Each said outright: a comparison with null would pass.
                    shares__isnull=False, bonds__isnull=False, cash__isnull=False,
                    other__isnull=False, mix_on__isnull=False,
                    shares__gte=0, bonds__gte=0, cash__gte=0, other__gte=0,
                    shares=Decimal(1) - F("bonds") - F("cash") - F("other"),
                ),
                violation_error_message=_(
                    "The parts of the mix must add up to 1 and have a day; or leave them all empty."
                ),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.underlying.ticker


class ModelPortfolio(models.Model):
    """What an issuer advises or manages: a mix of funds and shares with their weights."""

    code = models.CharField(_("code"), max_length=40, unique=True)
    name = models.CharField(_("name"), max_length=100)
    currency = models.CharField(_("currency"), max_length=3)
    aim = models.CharField(_("invests in"), max_length=15, choices=Aim, default=Aim.BALANCED)

    class Meta:
        verbose_name = _("model portfolio")
        verbose_name_plural = _("model portfolios")
        ordering = ["code"]

    def __str__(self) -> str:
        return self.name


class PortfolioWeight(models.Model):
    """The part of a portfolio that is meant for one fund or share."""

    portfolio = models.ForeignKey(
        ModelPortfolio, models.CASCADE, related_name="weights", verbose_name=_("portfolio")
    )
    underlying = models.ForeignKey(
        Underlying, models.PROTECT, related_name="weights", verbose_name=_("underlying")
    )
    weight = models.DecimalField(_("weight"), help_text=_("A part of the whole: 0.4"), **WEIGHT)

    class Meta:
        verbose_name = _("weight")
        verbose_name_plural = _("weights")
        constraints = [
            models.UniqueConstraint(
                fields=["portfolio", "underlying"],
                name="portfolio_weight_once",
                violation_error_message=_("The portfolio already has this fund or share."),
            ),
            models.CheckConstraint(
                name="portfolio_weight_is_a_part",
                condition=Q(weight__gt=0, weight__lte=1),
                violation_error_message=_("A weight lies above 0 and is at most 1."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.portfolio}: {self.underlying}"

    def clean(self) -> None:
        """Refuse what is priced in another currency: nothing here exchanges money."""
        if self.underlying_id and self.underlying.currency != self.portfolio.currency:
            raise ValidationError(
                {
                    "underlying": _("%(ticker)s is in %(own)s, the portfolio in %(other)s.")
                    % {
                        "ticker": self.underlying.ticker,
                        "own": self.underlying.currency,
                        "other": self.portfolio.currency,
                    }
                }
            )
