"""What many notices have in common: the sending that they belong to, and how they go on."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.core import clock
from apps.messaging.models.content import Template
from apps.profiles.models import Channel

RAMP = (1, 10, 100)  # percent of the clients, one step after the other


def ramp() -> list[int]:
    return list(RAMP)


class Unapproved(models.TextChoices):
    """Why the database itself has a sending wait; a person's reason stands there in his words."""

    OVER_LIMIT = (
        "over_limit",
        _("It goes to more clients than one person may decide on: a second one must approve it."),
    )
    EDITED = (
        "edited",
        _("Something that it says was edited: whether that concerns it is looked at."),
    )


class Sending(models.Model):
    """One source of many notices, like a campaign: it grows by steps and pauses when much fails.

    Over a size it waits until a second person has approved it. The database counts its notices and
    halts it in the very transaction in which it grows, or in which something is edited.
    """

    class State(models.TextChoices):
        RUNNING = "running", _("running")
        WAITING = "waiting", _("waits for approval")
        PAUSED = "paused", _("paused")
        STOPPED = "stopped", _("stopped for good")

    title = models.CharField(_("title"), max_length=150)
    source = models.CharField(
        _("asked by"), max_length=60, unique=True, help_text=_("Like campaign:3")
    )
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.RUNNING)
    reason = models.CharField(_("reason"), max_length=300, blank=True)
    ramp = ArrayField(
        models.PositiveSmallIntegerField(), verbose_name=_("ramp"), default=ramp,
        help_text=_("Percent of the clients, step by step; the last is 100."),
    )  # fmt: skip
    released = models.PositiveSmallIntegerField(
        _("released"), default=100, help_text=_("Percent of the clients who may be told by now.")
    )
    released_at = models.DateTimeField(_("released at"), null=True, blank=True, editable=False)
    failure_limit = models.PositiveIntegerField(
        _("failures to pause at"), default=20, null=True, blank=True
    )
    failure_share = models.PositiveSmallIntegerField(
        _("percent of failures to pause at"), default=2, null=True, blank=True,
        help_text=_("Whichever of the two comes first. Empty: no limit."),
    )  # fmt: skip
    failed = models.PositiveIntegerField(
        _("failed"), default=0, editable=False, help_text=_("Since it was last let go on.")
    )
    size = models.PositiveIntegerField(
        _("notices"), default=0, db_default=0, editable=False, help_text=_("Counted as they come.")
    )
    edition = models.PositiveBigIntegerField(
        _("edition"), default=0, db_default=0, editable=False,
        help_text=_("Another number with each edit of who is told."),
    )  # fmt: skip
    text_edition = models.PositiveBigIntegerField(
        _("edition of the text"), default=0, db_default=0, editable=False,
        help_text=_("Another number with each edit of what is said."),
    )  # fmt: skip
    created_at = models.DateTimeField(_("created"), default=clock.now)

    class Meta:
        verbose_name = _("sending")
        verbose_name_plural = _("sendings")
        constraints = [
            models.CheckConstraint(
                name="sending_halted_has_reason",
                condition=Q(state="running") | ~Q(reason=""),
                violation_error_message=_("Say why it is halted."),
            ),
            models.CheckConstraint(
                name="sending_released_is_share",
                condition=Q(released__lte=100),
                violation_error_message=_("More than all cannot be released."),
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def why(self) -> str:
        """Say why it is halted, in words."""
        known = self.reason in Unapproved.values
        return str(Unapproved(self.reason).label) if known else self.reason


class CascadeStep(models.Model):
    """What follows when a template's message in the channel before does not arrive in time."""

    class Unless(models.TextChoices):
        DELIVERED = "delivered", _("not delivered")
        SEEN = "seen", _("not seen by a person")

    template = models.ForeignKey(
        Template, models.CASCADE, related_name="cascade", verbose_name=_("template")
    )
    number = models.PositiveSmallIntegerField(
        _("attempt"), help_text=_("The channel of the first is the client's; steps begin with 2.")
    )
    channel = models.CharField(
        _("channel"), max_length=16, choices=Channel, blank=True,
        help_text=_("Empty: the next in which he can be reached."),
    )  # fmt: skip
    unless = models.CharField(
        _("when the one before is"), max_length=10, choices=Unless, default=Unless.DELIVERED
    )
    within = models.DurationField(_("within"))

    class Meta:
        verbose_name = _("cascade step")
        verbose_name_plural = _("cascade steps")
        ordering = ["template", "number"]
        constraints = [
            models.UniqueConstraint(
                fields=["template", "number"],
                name="cascade_step_once",
                violation_error_message=_("This attempt has a step already."),
            ),
            models.CheckConstraint(
                name="cascade_step_follows",
                condition=Q(number__gte=2),
                violation_error_message=_("The first attempt follows nothing: begin with 2."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.template} {self.number}"
