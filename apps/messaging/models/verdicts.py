"""What the gate decided on each notice, and on what grounds."""

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.core import clock
from apps.messaging.models.outbox import Message, Notice
from apps.profiles.models import Channel

# Born by the million with their notices, which a trigger keeps: see docs/decisions/004.
BORN: dict[str, Any] = {"db_constraint": False}


class Verdict(models.Model):
    """The gate's answer to "may he be told this now?", with what it rested on; never changed.

    Planning leaves one for every notice. Sending asks again and leaves one only where the answer
    has changed, and a notice that waits leaves one when its waiting begins.
    """

    class Outcome(models.TextChoices):
        GRANTED = "granted", _("may be sent")
        WAITS = "waits", _("waits")
        REFUSED = "refused", _("must not be sent")

    notice = models.ForeignKey(
        Notice, models.CASCADE, related_name="verdicts", verbose_name=_("notice"), **BORN
    )
    message = models.ForeignKey(
        Message, models.CASCADE, null=True, related_name="+", db_index=False,
        verbose_name=_("message"), help_text=_("Empty: asked when planning."), **BORN,
    )  # fmt: skip
    at = models.DateTimeField(_("at"), default=clock.now)
    outcome = models.CharField(_("verdict"), max_length=10, choices=Outcome)
    channel = models.CharField(_("channel"), max_length=16, choices=Channel, blank=True)
    reason = models.CharField(
        _("reason"), max_length=20, blank=True, help_text=_("A code; it is worded when shown.")
    )
    inputs = models.JSONField(
        _("grounds"), default=dict, help_text=_("Each channel's reason, hours, groups, rivals.")
    )

    class Meta:
        verbose_name = _("verdict of the gate")
        verbose_name_plural = _("verdicts of the gate")

    def __str__(self) -> str:
        return f"{self.notice_id}: {self.outcome} {self.reason}".strip()
