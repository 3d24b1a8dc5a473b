"""Browsers and apps that take push messages."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.core import clock
from apps.profiles.models import ContactPoint


class Device(models.Model):
    """What a push service needs to reach one browser or app of a client.

    Its contact point, `web:` or `fcm:` and the hash of the endpoint, says whether it is in use.
    """

    class Kind(models.TextChoices):
        WEB = "web", _("browser")
        FCM = "fcm", _("app on a phone")

    contact_point = models.OneToOneField(
        ContactPoint, models.CASCADE, related_name="device", verbose_name=_("address")
    )
    kind = models.CharField(_("kind"), max_length=8, choices=Kind)
    endpoint = models.CharField(
        _("endpoint"), max_length=2000, help_text=_("The push service's address or token for it.")
    )
    p256dh = models.CharField(_("public key"), max_length=100, blank=True)
    auth = models.CharField(_("shared secret"), max_length=40, blank=True)
    name = models.CharField(_("name"), max_length=80, blank=True)
    has_signed_out = models.BooleanField(
        _("has signed out"), default=False, db_default=False, editable=False,
        help_text=_("It comes back by itself; what the client removed does when he says so."),
    )  # fmt: skip
    created_at = models.DateTimeField(_("created"), default=clock.now, editable=False)

    class Meta:
        verbose_name = _("device")
        verbose_name_plural = _("devices")

    def __str__(self) -> str:
        return self.name or str(self.get_kind_display())
