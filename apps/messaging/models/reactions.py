"""What clients did with notices in the issuer's own site and app."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.core import clock
from apps.messaging.models.outbox import Message


class Reaction(models.Model):
    """How a client was done with a notice; never changed, never deleted.

    That he acknowledged a blocking one is proof, together with the text that he had before him.
    """

    class Deed(models.TextChoices):
        DISMISSED = "dismissed", _("closed it")
        FOLLOWED = "followed", _("opened his page from it")
        ACKNOWLEDGED = "acknowledged", _("acknowledged it")

    message = models.OneToOneField(
        Message, models.PROTECT, related_name="reaction", verbose_name=_("message")
    )
    deed = models.CharField(_("deed"), max_length=12, choices=Deed)
    provider = models.CharField(_("where"), max_length=40, help_text=_("The site or app."))
    language = models.CharField(_("language"), max_length=8, choices=settings.LANGUAGES)
    button = models.CharField(_("button pressed"), max_length=60)
    words = models.BinaryField(max_length=32, help_text=_("The SHA-256 of title and text."))
    reacted_at = models.DateTimeField(_("when"), default=clock.now)

    class Meta:
        verbose_name = _("reaction")
        verbose_name_plural = _("reactions")

    def __str__(self) -> str:
        return f"№ {self.message_id}: {self.get_deed_display()}"
