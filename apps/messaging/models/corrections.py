"""Corrections of what clients were told: what each speaks of, and who let them go out."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.core import clock
from apps.messaging.models.outbox import Notice
from apps.products.models.restatements import Restatement
from apps.products.models.strategies import ObservationResult


class CorrectedResult(models.Model):
    """A result that a correction tells of; once it is superseded, the correction is out of date."""

    notice = models.ForeignKey(
        Notice, models.CASCADE, related_name="corrects", verbose_name=_("notice")
    )
    result = models.ForeignKey(
        ObservationResult, models.PROTECT, related_name="+", verbose_name=_("result")
    )

    class Meta:
        verbose_name = _("corrected result")
        verbose_name_plural = _("corrected results")
        constraints = [
            models.UniqueConstraint(fields=["notice", "result"], name="corrected_result_once")
        ]

    def __str__(self) -> str:
        return f"{self.notice_id} / {self.result_id}"


class CorrectionVerdict(models.Model):
    """A person's word on the drafted corrections of a restatement."""

    class Verdict(models.TextChoices):
        APPROVED = "approved", _("approved")
        REJECTED = "rejected", _("rejected")

    restatement = models.ForeignKey(
        Restatement, models.PROTECT, related_name="+", verbose_name=_("restatement")
    )
    verdict = models.CharField(_("verdict"), max_length=10, choices=Verdict)
    notices = models.PositiveIntegerField(_("notices"))
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("by")
    )
    at = models.DateTimeField(_("at"), default=clock.now)

    class Meta:
        verbose_name = _("verdict on corrections")
        verbose_name_plural = _("verdicts on corrections")

    def __str__(self) -> str:
        return f"{self.restatement}: {self.get_verdict_display()}"
