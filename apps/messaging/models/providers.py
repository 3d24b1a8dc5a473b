"""The services that carry messages, as the desk sees and sets them; their secrets stand elsewhere."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.profiles.models import Channel


class Provider(models.Model):
    """One outside service that carries messages of one channel for us."""

    class Settles(models.TextChoices):
        KEY = "key", _("sent again with the same key it is still one message")
        LOOK_UP = "look_up", _("it can be asked what it has taken")
        NONE = "none", _("nothing but a receipt or a person")

    name = models.SlugField(
        _("name"), max_length=40, unique=True,
        help_text=_("Its secrets are named after it, in the environment."),
    )  # fmt: skip
    channel = models.CharField(_("channel"), max_length=16, choices=Channel)
    scheme = models.CharField(
        _("addresses"), max_length=16, blank=True,
        help_text=_("Only those that begin with it, like telegram. Empty: all of the channel."),
    )  # fmt: skip
    kind = models.CharField(
        _("kind"), max_length=20, help_text=_("The program that speaks with it.")
    )
    environment = models.CharField(
        _("environment"), max_length=20, blank=True,
        help_text=_("Used only where the installation is named so. Empty: everywhere."),
    )  # fmt: skip
    sender = models.CharField(
        _("sender"), max_length=200, blank=True,
        help_text=_("The name or address that clients see. Empty: that of the settings."),
    )  # fmt: skip
    options = models.JSONField(
        _("options"), default=dict, blank=True,
        help_text=_("What its kind needs to know, like its address. Never a secret."),
    )  # fmt: skip
    is_open = models.BooleanField(
        _("open"), default=True, help_text=_("Unticked: it is given nothing.")
    )
    reason = models.CharField(_("why closed"), max_length=300, blank=True)
    preference = models.PositiveSmallIntegerField(
        _("preference"), default=100, help_text=_("Of several the one with the least goes first.")
    )
    settles = models.CharField(
        _("what settles an unknown"), max_length=8, choices=Settles, default=Settles.NONE
    )
    settles_for = models.DurationField(
        _("settles for"), null=True, blank=True,
        help_text=_("How long it remembers what it took. Empty: for good."),
    )  # fmt: skip
    described_at = models.DateTimeField(
        _("described so since"), null=True, blank=True, editable=False,
        help_text=_("What it was handed before, another service may have: it is not asked for it."),
    )  # fmt: skip
    rate = models.PositiveIntegerField(
        _("messages a second"), null=True, blank=True, help_text=_("Empty: as many as it takes.")
    )
    window = models.PositiveSmallIntegerField(
        _("under way at once"), default=1, help_text=_("Letters or connections, as its kind can.")
    )
    cost = models.PositiveIntegerField(
        _("cost of a part"), default=0, help_text=_("In minor units of the currency.")
    )
    currency = models.CharField(_("currency"), max_length=3, blank=True)
    # Its health, written by the senders.
    failures = models.PositiveSmallIntegerField(
        _("failures in a row"), default=0, editable=False,
        help_text=_("Of the service, not of single letters."),
    )  # fmt: skip
    trips = models.PositiveSmallIntegerField(_("pauses in a row"), default=0, editable=False)
    rests_until = models.DateTimeField(
        _("rests until"), null=True, blank=True, editable=False,
        help_text=_("After several failures in a row it is left alone for a while."),
    )  # fmt: skip
    busy_until = models.DateTimeField(
        _("rate used up until"), null=True, blank=True, editable=False
    )

    class Meta:
        verbose_name = _("provider")
        verbose_name_plural = _("providers")
        ordering = ["channel", "preference", "pk"]
        constraints = [
            models.CheckConstraint(
                name="provider_closed_has_reason",
                condition=Q(is_open=True) | ~Q(reason=""),
                violation_error_message=_("Say why it is closed."),
            ),
            models.CheckConstraint(
                name="provider_cost_has_currency",
                condition=Q(cost=0) | ~Q(currency=""),
                violation_error_message=_("Say in which currency it costs that."),
            ),
            models.CheckConstraint(
                name="provider_rate_is_some",
                condition=Q(rate=None) | Q(rate__gt=0),
                violation_error_message=_("To let nothing out, close it."),
            ),
        ]

    def __str__(self) -> str:
        return self.name
