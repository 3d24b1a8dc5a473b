"""What people asked for their data, what was done, and the evidence that it was."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from apps.core import clock
from apps.profiles.models import Client


def _person(name: Any) -> Any:
    return models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, editable=False,
        related_name="+", verbose_name=name,
    )  # fmt: skip


class PersonExport(models.Model):
    """All that is known of one person, taken out once; who asked and who fetched it stays known."""

    class State(models.TextChoices):
        QUEUED = "queued", _("being gathered")
        READY = "ready", _("ready")
        DROPPED = "dropped", _("dropped")

    client = models.ForeignKey(
        Client, models.PROTECT, related_name="exports", verbose_name=_("client")
    )
    reason = models.CharField(
        _("why"), max_length=300, help_text=_("Like “request for access of 3 March, by letter”.")
    )
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.QUEUED)
    asked_at = models.DateTimeField(_("asked"), default=clock.now)
    asked_by = _person(_("asked by"))
    made_at = models.DateTimeField(_("gathered"), null=True, blank=True, editable=False)
    fetched_at = models.DateTimeField(_("last fetched"), null=True, blank=True, editable=False)
    content = models.JSONField(null=True, editable=False)  # dropped after some days

    class Meta:
        verbose_name = _("export of a person")
        verbose_name_plural = _("exports of persons")
        permissions = [("export_person", _("Can take out all that is known of a person"))]
        constraints = [
            models.CheckConstraint(
                name="person_export_has_reason",
                condition=~Q(reason=""),
                violation_error_message=_("Say who asked for it, and how."),
            )
        ]
        indexes = [
            models.Index(
                fields=["asked_at"], condition=~Q(state="dropped"), name="person_export_kept"
            )
        ]

    def __str__(self) -> str:
        return f"№ {self.pk}"


class Erasure(models.Model):
    """A person erased: asked for by one member of staff, confirmed by another, proven by a chain.

    Each erasure carries the digest of the one before it, so that none can be changed or taken out
    without all later ones telling.
    """

    class State(models.TextChoices):
        ASKED = "asked", _("waits for a second person")
        REJECTED = "rejected", _("rejected")
        LIMITED = "limited", _("erased but for what the law wants kept")
        ERASED = "erased", _("erased")

    OPEN = (State.ASKED, State.LIMITED)

    client = models.ForeignKey(
        Client, models.PROTECT, related_name="erasures", verbose_name=_("client")
    )
    reason = models.CharField(
        _("why"),
        max_length=300,
        help_text=_("Like “his letter of 3 March”; cleared with the rest."),
    )
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.ASKED)
    asked_at = models.DateTimeField(_("asked"), default=clock.now)
    asked_by = _person(_("asked by"))
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True, editable=False)
    decided_by = _person(_("decided by"))
    erased_at = models.DateTimeField(_("erased"), null=True, blank=True, editable=False)
    waits_until = models.DateField(
        _("rest kept until"), null=True, blank=True, editable=False,
        help_text=_("The end of the retention period of his last contract."),
    )  # fmt: skip
    completed_at = models.DateTimeField(_("rest erased"), null=True, blank=True, editable=False)
    evidence = models.JSONField(_("evidence"), default=dict, editable=False)
    previous = models.CharField(max_length=64, blank=True, editable=False)
    digest = models.CharField(_("digest"), max_length=64, blank=True, editable=False)

    class Meta:
        verbose_name = _("erasure")
        verbose_name_plural = _("erasures")
        permissions = [("confirm_erasure", _("Can confirm an erasure that another asked for"))]
        constraints = [
            models.UniqueConstraint(
                fields=["client"],
                condition=Q(state__in=["asked", "limited"]),
                name="erasure_open_once",
                violation_error_message=_("The erasure of this client is on its way already."),
            ),
            models.UniqueConstraint(
                fields=["previous"], condition=~Q(digest=""), name="erasure_chain"
            ),
        ]
        indexes = [
            models.Index(F("waits_until"), condition=Q(state="limited"), name="erasure_to_complete")
        ]

    def __str__(self) -> str:
        return f"№ {self.pk}"
