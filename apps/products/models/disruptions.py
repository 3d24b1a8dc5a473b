"""Days on which a share or a whole exchange did not trade as it should; people declare them."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.core import clock
from apps.products.models.markets import Exchange, Underlying


class Disruption(models.Model):
    """A session whose close does not count, of one share or of every share of an exchange.

    A close that is merely missing is none: a late feed disrupts no market, and money waits for it.
    """

    underlying = models.ForeignKey(
        Underlying, models.PROTECT, null=True, blank=True, related_name="disruptions",
        verbose_name=_("share"), help_text=_("Empty: the whole exchange."),
    )  # fmt: skip
    exchange = models.ForeignKey(
        Exchange, models.PROTECT, null=True, blank=True, related_name="disruptions",
        verbose_name=_("exchange"), help_text=_("Empty: only the share."),
    )  # fmt: skip
    day = models.DateField(_("day"))
    reason = models.CharField(
        _("reason"), max_length=150, help_text=_("Clients whose dates move are told it.")
    )
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+",
        verbose_name=_("made by"),
    )  # fmt: skip
    made_at = models.DateTimeField(_("made"), default=clock.now)
    withdrawn_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+",
        verbose_name=_("withdrawn by"),
    )  # fmt: skip
    withdrawn_at = models.DateTimeField(_("withdrawn"), null=True, blank=True)

    class Meta:
        verbose_name = _("market disruption")
        verbose_name_plural = _("market disruptions")
        constraints = [
            models.CheckConstraint(
                name="disruption_of_one",
                condition=Q(underlying__isnull=False, exchange__isnull=True)
                | Q(underlying__isnull=True, exchange__isnull=False),
                violation_error_message=_("Name a share or an exchange, one of them."),
            ),
            models.CheckConstraint(
                name="disruption_has_reason",
                condition=~Q(reason=""),
                violation_error_message=_("Say what disrupted the market."),
            ),
            models.UniqueConstraint(
                fields=["underlying", "day"],
                condition=Q(underlying__isnull=False, withdrawn_at__isnull=True),
                name="disruption_of_share_once",
                violation_error_message=_("This share is already disrupted on that day."),
            ),
            models.UniqueConstraint(
                fields=["exchange", "day"],
                condition=Q(exchange__isnull=False, withdrawn_at__isnull=True),
                name="disruption_of_exchange_once",
                violation_error_message=_("This exchange is already disrupted on that day."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.underlying or self.exchange} {self.day}"
