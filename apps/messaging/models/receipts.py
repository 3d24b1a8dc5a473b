"""What providers say became of messages, as they said it."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.core import clock
from apps.messaging.models.outbox import Message


class Receipt(models.Model):
    """One word of a provider about one message; copies are one row, and no order matters."""

    class State(models.TextChoices):
        ACCEPTED = "accepted", _("taken by the provider")
        DELIVERED = "delivered", _("delivered")
        SEEN = "seen", _("seen")
        FAILED = "failed", _("not delivered")

    provider = models.CharField(_("provider"), max_length=40)
    provider_id = models.CharField(
        _("provider's id"), max_length=120, blank=True,
        help_text=_("What the provider called the message when he took it."),
    )  # fmt: skip
    key = models.UUIDField(
        _("key"), null=True, blank=True, editable=False,
        help_text=_("Our own key, where the provider gives it back."),
    )  # fmt: skip
    state = models.CharField(_("state"), max_length=10, choices=State)
    reason = models.CharField(_("reason"), max_length=500, blank=True)
    occurred_at = models.DateTimeField(_("occurred"), null=True, blank=True)
    received_at = models.DateTimeField(_("received"), default=clock.now)
    message = models.ForeignKey(
        Message, models.CASCADE, null=True, blank=True, related_name="receipts",
        verbose_name=_("message"), help_text=_("Empty: nobody knows this message yet."),
    )  # fmt: skip
    applied_at = models.DateTimeField(_("counted since"), null=True, blank=True)

    class Meta:
        verbose_name = _("receipt")
        verbose_name_plural = _("receipts")
        constraints = [
            # Also "which receipts speak of this message?", asked by the provider's id.
            models.UniqueConstraint(
                fields=["provider_id", "key", "state", "occurred_at", "provider"],
                nulls_distinct=False,
                name="receipt_once",
                violation_error_message=_("This receipt is here already."),
            ),
            models.CheckConstraint(
                name="receipt_names_a_message",
                condition=~Q(provider_id="") | Q(key__isnull=False),
                violation_error_message=_("A receipt names the message it speaks of."),
            ),
        ]
        indexes = [
            # the tick's "which have not been counted yet?"
            models.Index(fields=["received_at"], condition=Q(applied_at=None), name="receipt_open")
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.provider_id or self.key}: {self.get_state_display()}"
