"""Who is who: likely duplicates, claims that contradict each other, and merges of two into one."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.core import clock
from apps.profiles.models.clients import Client, Identifier


def _person(name: Any) -> Any:
    return models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+",
        verbose_name=name, editable=False,
    )  # fmt: skip


class Duplicate(models.Model):
    """Two clients who may be one: they share an address, or a name and a day of birth."""

    class State(models.TextChoices):
        OPEN = "open", _("nobody has looked yet")
        DIFFERENT = "different", _("different people")
        MERGED = "merged", _("merged")

    # Whoever was suggested first is the older client, so that a pair has one way to be written.
    first = models.ForeignKey(Client, models.CASCADE, related_name="+", verbose_name=_("client"))
    second = models.ForeignKey(
        Client, models.CASCADE, related_name="+", verbose_name=_("and client")
    )
    shares = models.JSONField(
        pgettext_lazy("what both have", "share"),
        default=list,
        help_text=_("What both have: sms, email, name."),
    )
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.OPEN)
    found_at = models.DateTimeField(_("found"), default=clock.now)
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)
    decided_by = _person(_("decided by"))

    class Meta:
        verbose_name = _("likely duplicate")
        verbose_name_plural = _("likely duplicates")
        constraints = [
            models.UniqueConstraint(fields=["first", "second"], name="duplicate_asked_once"),
            models.CheckConstraint(
                name="duplicate_in_order", condition=Q(first__lt=F("second"))
            ),
        ]  # fmt: skip
        indexes = [
            # the queue, and the start page's "how many wait?"
            models.Index(fields=["found_at"], condition=Q(state="open"), name="duplicate_open")
        ]

    def __str__(self) -> str:
        return f"{self.first} / {self.second}"


class Conflict(models.Model):
    """A source says that a hard identifier of one client is another's; nothing moves until decided."""

    class State(models.TextChoices):
        OPEN = "open", _("nobody has looked yet")
        PROPOSED = "proposed", _("waits for a second person")
        KEPT = "kept", _("left as it was")
        MOVED = "moved", _("given to the other")
        MERGED = "merged", _("merged")

    OPEN_STATES = (State.OPEN, State.PROPOSED)

    claimant = models.ForeignKey(
        Client, models.CASCADE, related_name="+", verbose_name=_("claimed for")
    )
    holder = models.ForeignKey(Client, models.CASCADE, related_name="+", verbose_name=_("held by"))
    kind = models.CharField(_("kind"), max_length=16, choices=Identifier.Kind)
    value = models.CharField(_("identifier"), max_length=200)
    source = models.CharField(_("source"), max_length=200, help_text=_("Like file:clients.csv"))
    line = models.PositiveIntegerField(_("line"), null=True, blank=True)
    claimed = models.JSONField(
        _("what the source says"), default=dict, help_text=_("The row as it came, by column.")
    )
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.OPEN)
    found_at = models.DateTimeField(_("found"), default=clock.now)
    proposed_by = _person(_("proposed by"))
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)
    decided_by = _person(_("decided by"))

    class Meta:
        verbose_name = _("contradiction")
        verbose_name_plural = _("contradictions")
        constraints = [
            # A claim that a person turned down is remembered: the next file does not ask again.
            models.UniqueConstraint(
                fields=["claimant", "holder", "kind", "value"], name="conflict_asked_once"
            ),
            models.CheckConstraint(
                name="conflict_is_about_two", condition=~Q(claimant=F("holder"))
            ),
        ]  # fmt: skip
        indexes = [
            models.Index(
                fields=["found_at"],
                condition=Q(state__in=["open", "proposed"]),
                name="conflict_open",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.value}: {self.holder} / {self.claimant}"


class Merge(models.Model):
    """Two clients made one: what moved is written down, so that it can be moved back."""

    class State(models.TextChoices):
        PROPOSED = "proposed", _("waits for a second person")
        MERGED = "merged", _("merged")
        REJECTED = "rejected", _("rejected")
        UNDOING = "undoing", _("being taken back")  # within one transaction; nobody else sees it
        UNDONE = "undone", _("taken back")

    kept = models.ForeignKey(Client, models.PROTECT, related_name="+", verbose_name=_("stays"))
    dropped = models.ForeignKey(
        Client, models.PROTECT, related_name="+", verbose_name=_("goes into it")
    )
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.PROPOSED)
    reason = models.CharField(
        _("reason"), max_length=300, help_text=_("How you know that they are one person.")
    )
    proposed_at = models.DateTimeField(_("proposed"), default=clock.now)
    proposed_by = _person(_("proposed by"))
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)
    decided_by = _person(_("decided by"))
    undone_at = models.DateTimeField(_("taken back at"), null=True, blank=True)
    undone_by = _person(_("taken back by"))
    # What `unmerge` needs: rows moved, by reference; rows that could not be; values filled in.
    moved = models.JSONField(default=list, editable=False)
    parked = models.JSONField(default=list, editable=False)
    filled = models.JSONField(default=dict, editable=False)
    counts = models.JSONField(default=dict, editable=False)
    is_untold = models.BooleanField(
        default=False, db_default=False, editable=False, help_text=_("It is new to the timeline.")
    )

    class Meta:
        verbose_name = _("merge")
        verbose_name_plural = _("merges")
        constraints = [
            models.UniqueConstraint(
                fields=["dropped"],
                condition=Q(state__in=["proposed", "merged"]),
                name="merge_once",
                violation_error_message=_("This client is being merged already."),
            ),
            models.CheckConstraint(
                name="merge_is_of_two",
                condition=~Q(kept=F("dropped")),
                violation_error_message=_("A client cannot be merged with himself."),
            ),
            models.CheckConstraint(
                name="merge_has_reason",
                condition=~Q(reason=""),
                violation_error_message=_("Say how you know that they are one person."),
            ),
        ]
        indexes = [
            models.Index(fields=["kept"], condition=Q(state="merged"), name="merge_standing"),
            models.Index(
                fields=["proposed_at"], condition=Q(state="proposed"), name="merge_proposed"
            ),
            # "what does the timeline not tell yet?", every minute
            models.Index(fields=["id"], condition=Q(is_untold=True), name="merge_untold"),
        ]

    def __str__(self) -> str:
        return f"{self.dropped} → {self.kept}"
