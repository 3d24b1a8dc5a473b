"""The kill switch: while a stop stands, nothing that it covers is planned or sent."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.core import clock


class Stop(models.Model):
    """Somebody's word that nothing more goes out: at all, in a channel, or for an issuer."""

    class Scope(models.TextChoices):
        GLOBAL = "global", _("everything")
        CHANNEL = "channel", _("one channel")
        ISSUER = "issuer", _("one issuer")

    scope = models.CharField(_("what is stopped"), max_length=10, choices=Scope)
    value = models.CharField(
        _("which"), max_length=100, blank=True, help_text=_("The channel, or the issuer's name.")
    )
    reason = models.CharField(_("because"), max_length=300)
    set_at = models.DateTimeField(_("stopped at"), default=clock.now)
    set_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+",
        verbose_name=_("stopped by"),
    )  # fmt: skip
    # One person asks to go on, and another one lets go: a stop is lifted by two.
    asked_at = models.DateTimeField(_("asked to go on"), null=True, blank=True, editable=False)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+",
        verbose_name=_("asked by"), editable=False,
    )  # fmt: skip
    released_at = models.DateTimeField(_("released at"), null=True, blank=True, editable=False)
    released_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+",
        verbose_name=_("released by"), editable=False,
    )  # fmt: skip

    class Meta:
        verbose_name = _("stop")
        verbose_name_plural = _("stops")
        permissions = [("release_stop", _("Can let messages go out again after a stop"))]
        constraints = [
            models.UniqueConstraint(
                fields=["scope", "value"],
                condition=Q(released_at=None),
                name="stop_once",
                violation_error_message=_("This is stopped already."),
            ),
            models.CheckConstraint(
                name="stop_says_what",
                condition=Q(scope="global", value="") | ~Q(scope="global") & ~Q(value=""),
                violation_error_message=_("Say which channel or issuer is stopped."),
            ),
            models.CheckConstraint(
                name="stop_released_by_two",
                condition=Q(released_by=None) | ~Q(released_by=models.F("asked_by")),
                violation_error_message=_("A second person must let messages go out again."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_scope_display()} {self.value}".strip()
