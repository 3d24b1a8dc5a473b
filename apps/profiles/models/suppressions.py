"""Addresses that must not be written to, whoever has them and whatever file brings them again."""

import hashlib

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.core import clock
from apps.profiles.models.clients import ADDRESSED, Client, Identifier


def address_hash(channel: str, address: str) -> bytes:
    """Return what stands for an address, in whichever case it is written.

    Nobody reads an address out of it; whoever tries all phone numbers finds one all the same. It has
    no key, since one that is lost or changed would let every stopped address be written to again.
    """
    return hashlib.sha256(f"{channel}:{address.lower()}".encode()).digest()


class Suppression(models.Model):
    """A word that an address is not to be written to; it outlives files, merges and clients."""

    class Reason(models.TextChoices):
        STOP = "stop", _("the addressee said STOP")
        BOUNCED = "bounced", _("messages come back")
        WRONG_PERSON = "wrong_person", _("it is somebody else's")
        COMPLAINT = "complaint", _("complained of us")
        REMOVED = "removed", _("removed by a person")
        ERASED = "erased", _("its owner was erased")

    channel = models.CharField(_("channel"), max_length=16, choices=ADDRESSED)
    address_hash = models.BinaryField(max_length=32, editable=False)
    hint = models.CharField(_("address"), max_length=60, help_text=_("Enough to recognise it."))
    client = models.ForeignKey(
        Client, models.CASCADE, null=True, blank=True, related_name="suppressions",
        verbose_name=_("only for"), help_text=_("Empty: for everybody who has this address."),
    )  # fmt: skip
    reason = models.CharField(_("reason"), max_length=16, choices=Reason)
    source = models.CharField(_("source"), max_length=100, help_text=_("Who said it, and where."))
    made_at = models.DateTimeField(_("since"), default=clock.now)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+",
        verbose_name=_("written down by"), editable=False,
    )  # fmt: skip
    lifted_at = models.DateTimeField(_("lifted"), null=True, blank=True, editable=False)
    lifted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+",
        verbose_name=_("lifted by"), editable=False,
    )  # fmt: skip

    class Meta:
        verbose_name = _("suppressed address")
        verbose_name_plural = _("suppressed addresses")
        constraints = [
            # Also "is this address suppressed?", asked of every message.
            models.UniqueConstraint(
                fields=["address_hash", "client"],
                condition=Q(lifted_at=None),
                nulls_distinct=False,
                name="suppression_once",
                violation_error_message=_("This address is suppressed already."),
            )
        ]

    def __str__(self) -> str:
        return f"{self.hint}: {self.get_reason_display()}"


class ErasedIdentity(models.Model):
    """An identifier of somebody who was erased: a file that brings it again does not bring him back.

    As a hash like a suppressed address: kept to keep a promise, of no use to find a person by.
    """

    kind = models.CharField(_("kind"), max_length=16, choices=Identifier.Kind)
    digest = models.BinaryField(max_length=32, unique=True, editable=False)
    erased_at = models.DateTimeField(_("erased"), default=clock.now)

    class Meta:
        verbose_name = _("erased identifier")
        verbose_name_plural = _("erased identifiers")

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {bytes(self.digest).hex()[:8]}"
