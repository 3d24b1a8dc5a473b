"""Which notices wait: each an id alone, which triggers of the notice's table write down.

The state of a notice stands in no index, so that a change of it writes no index: see
docs/decisions/012.
"""

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.messaging.models.outbox import Notice

OF_NOTICE: dict[str, Any] = {"primary_key": True, "db_constraint": False}


class QueuedNotice(models.Model):
    """A notice that waits to be planned, or waited: whoever plans takes it out of here."""

    notice = models.OneToOneField(
        Notice, models.DO_NOTHING, related_name="+", verbose_name=_("notice"), **OF_NOTICE
    )

    class Meta:
        verbose_name = _("queued")
        verbose_name_plural = _("queued")

    def __str__(self) -> str:
        return str(self.notice_id)


class DraftedNotice(models.Model):
    """A notice that waits for approval, no longer than that."""

    notice = models.OneToOneField(
        Notice, models.DO_NOTHING, related_name="+", verbose_name=_("notice"), **OF_NOTICE
    )

    class Meta:
        verbose_name = _("waits for approval")
        verbose_name_plural = _("waits for approval")

    def __str__(self) -> str:
        return str(self.notice_id)
