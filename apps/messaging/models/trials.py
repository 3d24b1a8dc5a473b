"""Test sends that wait for the process which alone speaks with their provider."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.messaging.models.content import TemplateVersion
from apps.messaging.models.providers import Provider


class SeedLetter(models.Model):
    """A test to an address of our own people, and what became of it; it is nobody's message."""

    class State(models.TextChoices):
        ASKED = "asked", _("waits for its process")
        HANDED = "handed", _("handed over")
        SENT = "sent", _("sent")
        FAILED = "failed", _("failed")
        UNKNOWN = "unknown", _("unknown whether sent")

    version = models.ForeignKey(
        TemplateVersion, models.CASCADE, related_name="+", verbose_name=_("wording")
    )
    provider = models.ForeignKey(
        Provider, models.CASCADE, related_name="+", db_index=False, verbose_name=_("provider")
    )
    key = models.UUIDField(_("key"), default=uuid.uuid4, unique=True, editable=False)
    address = models.CharField(_("address"), max_length=254)
    text = models.TextField(_("text"))
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.ASKED)
    reason = models.CharField(_("reason"), max_length=500, blank=True)
    asked_at = models.DateTimeField(_("asked"))
    handed_at = models.DateTimeField(_("handed over at"), null=True, blank=True)

    class Meta:
        verbose_name = _("test on its way")
        verbose_name_plural = _("tests on their way")
        indexes = [
            # the process's "is there a test for me?", twice a second
            models.Index(
                fields=["provider"],
                condition=Q(state__in=["asked", "handed"]),
                name="seed_letter_due",
            )
        ]

    def __str__(self) -> str:
        return f"{self.address} ({self.get_state_display()})"
