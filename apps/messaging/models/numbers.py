"""What the networks say of phone numbers."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.profiles.models import ContactPoint


class NumberCheck(models.Model):
    """A phone number looked up with the networks, which costs money each time."""

    class State(models.TextChoices):
        ASKED = "asked", _("asked just now")
        VALID = "valid", _("in use")
        OFF = "off", _("switched off")
        ROAMING = "roaming", _("abroad")
        INVALID = "invalid", _("no such number")
        CHANGED = "changed", _("somebody else has it now")
        UNKNOWN = "unknown", _("no answer")

    contact_point = models.ForeignKey(
        ContactPoint, models.CASCADE, related_name="checks", verbose_name=_("number")
    )
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.ASKED)
    network = models.CharField(_("network"), max_length=60, blank=True)
    ported_from = models.CharField(
        _("ported from"), max_length=60, blank=True,
        help_text=_("The network that once gave the number out. Empty: the same."),
    )  # fmt: skip
    owner_since = models.DateField(
        _("owner since"), null=True, blank=True, help_text=_("As the network says it.")
    )
    cost = models.PositiveIntegerField(
        _("cost"), default=0, help_text=_("In minor units of the currency of number checks.")
    )
    asked_at = models.DateTimeField(_("asked at"))
    answered_at = models.DateTimeField(_("answered at"), null=True, blank=True)

    class Meta:
        verbose_name = _("number check")
        verbose_name_plural = _("number checks")
        constraints = [
            models.UniqueConstraint(
                fields=["contact_point"],
                condition=Q(state="asked"),
                name="number_check_one_under_way",
                violation_error_message=_("This number is being looked up already."),
            )
        ]
        indexes = [
            # "what did today's checks cost?"
            models.Index(fields=["asked_at"], name="number_check_by_day")
        ]

    def __str__(self) -> str:
        return f"{self.contact_point}: {self.get_state_display()}"
