"""Which deliveries of prices are expected, and by when."""

from datetime import timedelta

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.products.models.markets import Exchange


class Feed(models.Model):
    """A file or an API caller that brings an exchange's closes after every session."""

    name = models.CharField(_("name"), max_length=100, unique=True)
    exchange = models.ForeignKey(
        Exchange, models.CASCADE, related_name="feeds", verbose_name=_("exchange")
    )
    source = models.CharField(
        _("source begins with"), max_length=100, blank=True,
        help_text=_("As the quotes say: file:closes or api:. Empty: whoever brings the prices."),
    )  # fmt: skip
    due_after = models.DurationField(
        _("due after the close"), default=timedelta(hours=2),
        help_text=_("How long after the close its prices must have come, like 02:00:00."),
    )  # fmt: skip
    expected = models.BooleanField(
        _("expected"), default=True, help_text=_("Unticked: nobody is alarmed.")
    )

    class Meta:
        verbose_name = _("feed of prices")
        verbose_name_plural = _("feeds of prices")
        constraints = [
            models.CheckConstraint(
                name="feed_due_after_close",
                condition=Q(due_after__gte=timedelta(0)),
                violation_error_message=_("A feed cannot be due before the close."),
            )
        ]

    def __str__(self) -> str:
        return self.name
