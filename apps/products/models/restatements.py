"""Restatements: what turned out to be wrong, who put it right, and how far that has got."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.core import clock
from apps.products.models.markets import Quote
from apps.products.models.strategies import Strategy


class Restatement(models.Model):
    """Prices, corporate actions or terms put right after results were computed from the old ones.

    The results that it supersedes and the new ones name it; its lines are read from them.
    """

    class Trigger(models.TextChoices):
        PRICE = "price", _("price")
        CORPORATE_ACTION = "corporate_action", _("corporate action")
        TERMS = "terms", _("terms")
        DISRUPTION = "disruption", _("market disruption")

    class State(models.TextChoices):
        PROPOSED = "proposed", _("waits for a second person")
        QUEUED = "queued", _("being carried out")
        DONE = "done", _("carried out")
        REJECTED = "rejected", _("rejected")

    trigger = models.CharField(_("trigger"), max_length=20, choices=Trigger)
    reason = models.CharField(
        _("reason"), max_length=300, help_text=_("What was wrong; clients are told why.")
    )
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.QUEUED)
    quotes = models.ManyToManyField(
        Quote, related_name="restatements", blank=True, verbose_name=_("quotes"),
        help_text=_("The new closes."),
    )  # fmt: skip
    made_at = models.DateTimeField(_("made"), default=clock.now)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+",
        verbose_name=_("made by"), help_text=_("Who found it; nobody for a feed."),
    )  # fmt: skip
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+",
        verbose_name=_("decided by"),
    )  # fmt: skip
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    class Meta:
        verbose_name = _("restatement")
        verbose_name_plural = _("restatements")
        constraints = [
            models.CheckConstraint(
                name="restatement_has_reason",
                condition=~Q(reason=""),
                violation_error_message=_("Say what was wrong."),
            )
        ]
        indexes = [
            # the start page's "which wait for a second person?" and the tick's "which are left?"
            models.Index(
                fields=["state"],
                condition=Q(state__in=["proposed", "queued"]),
                name="restatement_open",
            )
        ]

    def __str__(self) -> str:
        return f"№ {self.pk}: {self.reason}"

    @property
    def moves_days(self) -> bool:
        """Say whether evaluated observations may belong on other days now."""
        return self.trigger == self.Trigger.DISRUPTION


class RestatedStrategy(models.Model):
    """A strategy that a restatement looks at again: one transaction, done or waiting."""

    class State(models.TextChoices):
        QUEUED = "queued", _("not looked at yet")
        DONE = "done", _("looked at")

    restatement = models.ForeignKey(
        Restatement, models.CASCADE, related_name="strategies", verbose_name=_("restatement")
    )
    strategy = models.ForeignKey(
        Strategy, models.PROTECT, related_name="restatements", verbose_name=_("strategy")
    )
    since_on = models.DateField(
        _("since"), help_text=_("Observations that used this day or a later one are looked at.")
    )
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.QUEUED)
    waiting_for = models.CharField(_("waiting for"), max_length=500, blank=True)
    checked = models.PositiveSmallIntegerField(
        _("checked"), default=0, help_text=_("Observations that were evaluated again.")
    )
    changed = models.PositiveSmallIntegerField(
        _("changed"), default=0, help_text=_("Of these, how many came out otherwise.")
    )
    done_at = models.DateTimeField(_("looked at"), null=True, blank=True)

    class Meta:
        verbose_name = _("restated strategy")
        verbose_name_plural = _("restated strategies")
        constraints = [
            models.UniqueConstraint(
                fields=["restatement", "strategy"], name="restated_strategy_once"
            )
        ]
        indexes = [
            models.Index(
                fields=["id"], condition=Q(state="queued"), name="restated_strategy_queued"
            )
        ]

    def __str__(self) -> str:
        return f"{self.restatement} / {self.strategy}"


class Foresight(models.Model):
    """What a restatement would change, worked out aside where that takes longer than a page may."""

    class State(models.TextChoices):
        ASKED = "asked", _("not begun yet")
        WORKING = "working", _("being worked out")
        DONE = "done", _("worked out")
        FAILED = "failed", _("could not be worked out")

    restatement = models.ForeignKey(
        Restatement, models.CASCADE, null=True, blank=True, related_name="foresights",
        verbose_name=_("restatement"),
    )  # fmt: skip
    quotes = ArrayField(
        models.BigIntegerField(), verbose_name=_("closes"), default=list, blank=True,
        help_text=_("The held ones that would be confirmed."),
    )  # fmt: skip
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.ASKED)
    found = models.JSONField(default=dict, editable=False)
    asked_at = models.DateTimeField(_("asked"), default=clock.now)
    begun_at = models.DateTimeField(_("as of"), null=True, blank=True)

    class Meta:
        verbose_name = _("preview of a restatement")
        verbose_name_plural = _("previews of restatements")
        indexes = [
            # the tick's "which are not begun?"
            models.Index(fields=["id"], condition=Q(state="asked"), name="foresight_asked"),
        ]

    def __str__(self) -> str:
        return f"№ {self.pk}"
