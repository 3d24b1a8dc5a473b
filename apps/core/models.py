"""The keys of systems that talk to the API, and what they were answered."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.core import clock


class ApiKey(models.Model):
    """What another system may do here; the key itself is shown once and kept as a hash alone."""

    name = models.CharField(
        _("name"), max_length=60, unique=True, help_text=_("The system that uses it.")
    )
    prefix = models.CharField(_("begins with"), max_length=16, unique=True, editable=False)
    digest = models.CharField(max_length=64, editable=False)
    scopes = models.JSONField(_("may"), default=list)
    made_at = models.DateTimeField(_("made"), default=clock.now, editable=False)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, editable=False,
        related_name="+", verbose_name=_("made by"),
    )  # fmt: skip
    last_used_on = models.DateField(_("last used"), null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")
        constraints = [
            models.CheckConstraint(
                name="api_key_may_something",
                condition=~Q(scopes=[]),
                violation_error_message=_("Say what the key may do."),
            )
        ]

    def __str__(self) -> str:
        return self.name

    def may(self, scope: str) -> bool:
        allowed: list[Any] = self.scopes
        return scope in allowed


class KeptAnswer(models.Model):
    """What a request was answered that a system named, so that sent again it is not done again."""

    key = models.ForeignKey(ApiKey, models.CASCADE, related_name="+")
    name = models.CharField(max_length=255)  # the sender's own, the header Idempotency-Key
    digest = models.CharField(max_length=64)  # of method, address and body
    body = models.TextField()
    answered_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key", "name"], name="kept_answer_once")]
        indexes = [
            # "what is older than thirty days?", every hour
            models.Index(fields=["answered_at"], name="kept_answer_age")
        ]

    def __str__(self) -> str:
        return self.name
