"""What clients leave on their personal pages."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.core import clock
from apps.messaging.models.links import Link
from apps.profiles.models import Client, ContactPoint


class EmailSubscription(models.Model):
    """A client's wish to be told by e-mail, valid once he has confirmed the address."""

    client = models.ForeignKey(
        Client, models.PROTECT, related_name="email_subscriptions", verbose_name=_("client")
    )
    link = models.ForeignKey(
        Link, models.PROTECT, related_name="email_subscriptions", verbose_name=_("asked on")
    )
    contact_point = models.ForeignKey(
        ContactPoint, models.PROTECT, related_name="+", verbose_name=_("address")
    )
    token_hash = models.BinaryField(max_length=32, unique=True)
    requested_at = models.DateTimeField(_("requested"), default=clock.now)
    confirmed_at = models.DateTimeField(_("confirmed"), null=True, blank=True)

    class Meta:
        verbose_name = _("e-mail subscription")
        verbose_name_plural = _("e-mail subscriptions")
        constraints = [
            models.UniqueConstraint(
                fields=["contact_point"],
                condition=Q(confirmed_at__isnull=True),
                name="email_subscription_one_open",
            )
        ]

    def __str__(self) -> str:
        return str(self.contact_point)
