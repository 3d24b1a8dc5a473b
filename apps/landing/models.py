"""What clients leave on their personal pages."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.core import clock
from apps.messaging.models.links import Link
from apps.profiles.models import Client, ContactPoint


class Visitor(models.Model):
    """A browser in which somebody pressed to see figures; whose it is, nobody knows at first."""

    class State(models.TextChoices):
        ANONYMOUS = "anonymous", _("nobody knows whose it is")
        JOINED = "joined", _("the client's own")
        SHARED = "shared", _("several people's")

    cookie_hash = models.BinaryField(max_length=32, unique=True, editable=False)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.ANONYMOUS)
    client = models.ForeignKey(
        Client, models.PROTECT, null=True, blank=True, related_name="visitors",
        verbose_name=_("client"),
    )  # fmt: skip
    joined_at = models.DateTimeField(_("joined"), null=True, blank=True)
    first_seen_at = models.DateTimeField(_("first seen"), default=clock.now)
    last_seen_at = models.DateTimeField(_("last seen"), default=clock.now)

    class Meta:
        verbose_name = _("visitor")
        verbose_name_plural = _("visitors")
        constraints = [
            models.CheckConstraint(
                name="visitor_joined_has_client",
                condition=Q(state="joined", client__isnull=False, joined_at__isnull=False)
                | (~Q(state="joined") & Q(client__isnull=True)),
            )
        ]
        indexes = [
            # "which have not been seen for so long that they are forgotten?"
            models.Index(fields=["last_seen_at"], name="visitor_last_seen")
        ]

    def __str__(self) -> str:
        return f"{_('visitor')} № {self.pk}"


class Visit(models.Model):
    """What a known browser did on a page; without a link on one that leads nowhere."""

    class Deed(models.TextChoices):
        OPENED = "opened", _("opened the page")
        SHOWN = "shown", _("pressed to see figures")
        CONFIRMED = "confirmed", _("confirmed an address that we knew")

    visitor = models.ForeignKey(
        Visitor, models.CASCADE, related_name="visits", verbose_name=_("visitor")
    )
    link = models.ForeignKey(
        Link, models.CASCADE, null=True, blank=True, related_name="visits", verbose_name=_("link")
    )
    deed = models.CharField(_("what he did"), max_length=10, choices=Deed)
    occurred_at = models.DateTimeField(_("occurred"))

    class Meta:
        verbose_name = _("visit")
        verbose_name_plural = _("visits")

    def __str__(self) -> str:
        return f"{self.get_deed_display()} {self.occurred_at:%Y-%m-%d %H:%M}"


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
    visitor = models.ForeignKey(
        Visitor, models.SET_NULL, null=True, blank=True, related_name="+",
        verbose_name=_("asked in the browser of"),
    )  # fmt: skip
    was_known = models.BooleanField(
        _("was known"), default=False, db_default=False, help_text=_("We had the address before.")
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
