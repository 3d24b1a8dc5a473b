"""Clients on their way into a messenger."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.core import clock
from apps.messaging.models.providers import Provider
from apps.profiles.models import Client


class Invitation(models.Model):
    """A client's key to open a conversation with us, used once; only its hash is kept."""

    client = models.ForeignKey(Client, models.CASCADE, related_name="+", verbose_name=_("client"))
    provider = models.ForeignKey(
        Provider, models.CASCADE, related_name="+", verbose_name=_("provider")
    )
    token_hash = models.BinaryField(max_length=32, unique=True)
    made_at = models.DateTimeField(_("made"), default=clock.now)
    account = models.CharField(_("account"), max_length=120, blank=True)
    used_at = models.DateTimeField(_("used"), null=True, blank=True)
    proven_at = models.DateTimeField(_("proven"), null=True, blank=True)
    # Where no messenger vouches for his number, a person does.
    proven_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+",
        verbose_name=_("confirmed by"), editable=False,
    )  # fmt: skip
    proof = models.CharField(
        _("how we know"), max_length=300, blank=True, default="", db_default="",
        help_text=_("Like: called him at his number, and he read out what he had just written."),
    )  # fmt: skip

    class Meta:
        verbose_name = _("invitation to a messenger")
        verbose_name_plural = _("invitations to a messenger")
        indexes = [
            # "whose is the account that gives its number?"
            models.Index(
                fields=["provider", "account"],
                condition=models.Q(proven_at=None) & ~models.Q(account=""),
                name="invitation_unproven",
            )
        ]

    def __str__(self) -> str:
        return f"{self.provider} № {self.pk}"
