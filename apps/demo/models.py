"""The demo's world: where its clock stands, and what its phones and inboxes received."""

from datetime import datetime, timedelta

from django.db import models
from django.utils.translation import gettext_lazy as _


class World(models.Model):
    """The one simulated world of this database; its time stands still while nobody runs it."""

    offset_seconds = models.BigIntegerField(help_text=_("Its moment minus the real one."))
    reached_at = models.DateTimeField(help_text=_("All that was to happen until then has."))
    loaded_at = models.DateTimeField(null=True, blank=True, help_text=_("A real moment."))
    loading_took = models.DurationField(default=timedelta)
    links = models.JSONField(default=dict, help_text=_("What the tour shows → id of the link."))
    port = models.PositiveIntegerField(help_text=_("Links in letters lead there."))

    class Meta:
        constraints = [
            # One row: 1 is the only id there may be.
            models.CheckConstraint(name="world_is_one", condition=models.Q(pk=1))
        ]

    def __str__(self) -> str:
        return "demo"

    def moment(self, real: datetime) -> datetime:
        """Return the world's moment at a real one."""
        return real + timedelta(seconds=self.offset_seconds)


class Letter(models.Model):
    """A message as a phone or an inbox received it."""

    channel = models.CharField(_("channel"), max_length=16)
    sender = models.CharField(_("from"), max_length=254)
    recipient = models.CharField(_("to"), max_length=254)
    subject = models.CharField(_("subject"), max_length=300, blank=True)
    text = models.TextField(_("text"))
    html = models.TextField(blank=True)
    key = models.CharField(max_length=300, unique=True)
    received_at = models.DateTimeField(_("received"))

    class Meta:
        verbose_name = _("letter")
        verbose_name_plural = _("letters")
        indexes = [models.Index(fields=["channel", "-received_at", "-id"], name="letter_newest")]

    def __str__(self) -> str:
        return f"{self.channel} → {self.recipient}"
