"""The demo's world: where its clock stands, and what its phones and inboxes received."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class World(models.Model):
    """The one simulated world of this database."""

    offset_seconds = models.BigIntegerField(help_text=_("Its moment minus the real one."))
    loaded_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return "demo"


class Letter(models.Model):
    """A message as a phone or an inbox received it."""

    channel = models.CharField(_("channel"), max_length=16)
    sender = models.CharField(_("from"), max_length=254)
    recipient = models.CharField(_("to"), max_length=254)
    subject = models.CharField(_("subject"), max_length=300, blank=True)
    text = models.TextField(_("text"))
    html = models.TextField(blank=True)
    key = models.CharField(max_length=120, unique=True)
    received_at = models.DateTimeField(_("received"))

    class Meta:
        verbose_name = _("letter")
        verbose_name_plural = _("letters")
        indexes = [models.Index(fields=["-received_at"], name="letter_newest")]

    def __str__(self) -> str:
        return f"{self.channel} → {self.recipient}"
