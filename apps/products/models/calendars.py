"""What people changed in the calendars of exchanges, and which observations moved because of it."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.core import clock
from apps.products.models.markets import Exchange
from apps.products.models.strategies import Observation


class CalendarOverride(models.Model):
    """A day on which an exchange did not keep to its calendar; the newest word on a day counts.

    Never changed and never undone by a calendar that is loaded later.
    """

    class Kind(models.TextChoices):
        OPEN = "open", _("trades")
        CLOSED = "closed", _("is closed")
        EARLY = "early", _("closes early")

    exchange = models.ForeignKey(
        Exchange, models.PROTECT, related_name="overrides", verbose_name=_("exchange")
    )
    day = models.DateField(_("day"))
    kind = models.CharField(_("the exchange"), max_length=10, choices=Kind)
    closes_at = models.TimeField(
        _("closes at"), null=True, blank=True, help_text=_("Local time; only for an early close.")
    )
    reason = models.CharField(
        _("reason"), max_length=150, help_text=_("Clients whose dates move are told it.")
    )
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+",
        verbose_name=_("made by"),
    )  # fmt: skip
    made_at = models.DateTimeField(_("made"), default=clock.now)

    class Meta:
        verbose_name = _("calendar override")
        verbose_name_plural = _("calendar overrides")
        constraints = [
            models.CheckConstraint(
                name="calendar_override_early_has_time",
                condition=Q(kind="early", closes_at__isnull=False)
                | (~Q(kind="early") & Q(closes_at__isnull=True)),
                violation_error_message=_(
                    "Say when the exchange closes early, and only then give a time."
                ),
            ),
            models.CheckConstraint(
                name="calendar_override_has_reason",
                condition=~Q(reason=""),
                violation_error_message=_("Say why the calendar changes."),
            ),
        ]
        indexes = [
            # "the newest word on each day of an exchange"
            models.Index(fields=["exchange", "day", "-id"], name="calendar_override_newest")
        ]

    def __str__(self) -> str:
        return f"{self.exchange} {self.day}: {self.get_kind_display()}"


class ObservationMove(models.Model):
    """A valuation day that changed after its strategy was published; the old day is kept here."""

    observation = models.ForeignKey(
        Observation, models.PROTECT, related_name="moves", verbose_name=_("observation")
    )
    from_on = models.DateField(pgettext_lazy("moment", "from"))
    to_on = models.DateField(pgettext_lazy("moment", "to"))
    because = models.CharField(_("because"), max_length=200)
    moved_at = models.DateTimeField(_("moved"), default=clock.now)

    class Meta:
        verbose_name = _("moved observation")
        verbose_name_plural = _("moved observations")
        ordering = ["observation", "pk"]

    def __str__(self) -> str:
        return f"{self.observation}: {self.from_on} → {self.to_on}"
