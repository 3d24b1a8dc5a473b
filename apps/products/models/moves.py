"""Which moves of the market clients are told of, and which ones there were."""

from decimal import Decimal
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.products.models.accounts import Account
from apps.products.models.markets import Underlying
from apps.profiles.models import Client

STEP: dict[str, Any] = {"max_digits": 6, "decimal_places": 5}  # a part of the whole: 0.1
RATE: dict[str, Any] = {"max_digits": 12, "decimal_places": 6}


class MoveRule(models.Model):
    """How far something must move before a client is told: for one client, a tier, or everybody.

    The rule that is nearest to the client counts, whole: his own, his tier's, everybody's.
    """

    client = models.OneToOneField(
        Client, models.CASCADE, null=True, blank=True, related_name="move_rule",
        verbose_name=_("client"), help_text=_("Empty: for a whole tier, or for everybody."),
    )  # fmt: skip
    tier = models.CharField(_("tier"), max_length=16, choices=Client.Tier, blank=True)
    holding_step = models.DecimalField(
        _("step of a holding"), default=Decimal("0.1"),
        help_text=_("Told at each multiple, counted from the purchase: 0.1 is 10 %."), **STEP,
    )  # fmt: skip
    share_band = models.DecimalField(
        _("band of a day"), default=Decimal("0.1"),
        help_text=_("A fund or share that moves further in one day is told: 0.1 is 10 %."), **STEP,
    )  # fmt: skip
    tells_rises = models.BooleanField(
        _("rises too"), default=True, help_text=_("Unticked: only falls are told.")
    )

    class Meta:
        verbose_name = _("rule for moves")
        verbose_name_plural = _("rules for moves")
        constraints = [
            models.UniqueConstraint(
                fields=["tier"],
                condition=Q(client__isnull=True),
                name="move_rule_once",
                violation_error_message=_("There already is a rule for this tier, or everybody."),
            ),
            models.CheckConstraint(
                name="move_rule_for_one",
                condition=Q(client__isnull=True) | Q(tier=""),
                violation_error_message=_("A rule is for a client or for a tier, not for both."),
            ),
            models.CheckConstraint(
                name="move_rule_steps_positive",
                condition=Q(holding_step__gte=Decimal("0.01"), share_band__gte=Decimal("0.01")),
                violation_error_message=_("A step or band is at least 0.01, which is 1 %."),
            ),
        ]

    def __str__(self) -> str:
        return str(self.client or self.get_tier_display() or _("everybody"))


class MoveDay(models.Model):
    """A day whose closes were looked through for moves; once, in batches of clients."""

    day = models.DateField(_("day"), unique=True)
    begun_at = models.DateTimeField(_("begun"))
    cursor = models.BigIntegerField(_("clients done up to"), default=0)
    prices = models.JSONField(
        default=dict, help_text=_("By fund or share: the day of its last price looked at so far.")
    )
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)

    class Meta:
        verbose_name = _("day of moves")
        verbose_name_plural = _("days of moves")

    def __str__(self) -> str:
        return f"{self.day}"


class HoldingMove(models.Model):
    """A threshold that an account, or one holding in it, went through; told once a period."""

    class Basis(models.TextChoices):
        PURCHASE = "purchase", _("since the purchase")
        PERIOD = "period", _("since the period began")

    account = models.ForeignKey(
        Account, models.PROTECT, related_name="moves", verbose_name=_("account")
    )
    underlying = models.ForeignKey(
        Underlying, models.PROTECT, null=True, related_name="+", verbose_name=_("fund or share"),
        help_text=_("Empty: the account as a whole."),
    )  # fmt: skip
    basis = models.CharField(_("counted"), max_length=10, choices=Basis)
    since = models.DateField(
        _("period from"), help_text=_("The end of this day begins the period: once in it is told.")
    )
    falls = models.BooleanField(_("fell"))
    rung = models.PositiveSmallIntegerField(
        _("multiple"), help_text=_("How many steps of the threshold were gone through.")
    )
    rate = models.DecimalField(_("change"), **RATE)
    day = models.DateField(_("day"), help_text=_("The day of the prices."))
    noticed_at = models.DateTimeField(_("noticed"))

    class Meta:
        verbose_name = _("move of a holding")
        verbose_name_plural = _("moves of holdings")
        constraints = [
            models.UniqueConstraint(
                fields=["account", "underlying", "basis", "since", "falls", "rung"],
                nulls_distinct=False,
                name="holding_move_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.account} {self.day}"


class UnderlyingMove(models.Model):
    """A fund or share that moved further in one day than somebody's band."""

    underlying = models.ForeignKey(
        Underlying, models.PROTECT, related_name="moves", verbose_name=_("fund or share")
    )
    day = models.DateField(_("day"))
    before_on = models.DateField(_("day before"))
    rate = models.DecimalField(_("change"), **RATE)
    noticed_at = models.DateTimeField(_("noticed"))

    class Meta:
        verbose_name = _("move of a price")
        verbose_name_plural = _("moves of prices")
        constraints = [
            models.UniqueConstraint(fields=["underlying", "day"], name="underlying_move_once")
        ]

    def __str__(self) -> str:
        return f"{self.underlying} {self.day}"
