"""The archive of what was sent: a chain of hashes that nobody can change unnoticed."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.messaging.models.outbox import Message


class Sealed(models.Model):
    """One message as it was handed over, sealed onto all before it; never changed, never deleted.

    The text itself stands on the message; what was sealed says whether it still is the same.
    """

    message = models.OneToOneField(
        Message, models.PROTECT, related_name="sealed", verbose_name=_("message")
    )
    handed_at = models.DateTimeField(_("handed over at"))
    address_hash = models.BinaryField(max_length=32)
    words = models.BinaryField(max_length=32, help_text=_("The hash of wording, subject and text."))
    digest = models.BinaryField(
        max_length=32, help_text=_("The hash of this row and of the digest before it.")
    )

    class Meta:
        verbose_name = _("sealed message")
        verbose_name_plural = _("sealed messages")

    def __str__(self) -> str:
        return f"№ {self.pk}"
