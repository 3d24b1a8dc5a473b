"""Work for people: calls that advisers make, one row a call task."""

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from apps.core import clock
from apps.profiles.models import Client, ContactPoint, Purpose

QUEUED = ("-priority", "-standing", "due_at")


class CallTasks(models.QuerySet["CallTask"]):
    def free(self, *, at: datetime) -> "CallTasks":
        """Return what somebody may take: open, or left lying by who took it."""
        lying = Q(state=CallTask.State.TAKEN, leased_until__lt=at)
        return self.filter(Q(state=CallTask.State.OPEN) | lying)

    def due(self, *, at: datetime) -> "CallTasks":
        """Return what somebody may take now, in the order in which it should be called."""
        return self.free(at=at).filter(call_after__lte=at).order_by(*QUEUED, "pk")

    def promised(self, *, at: datetime) -> "CallTasks":
        """Return the calls that clients have been promised for a moment to come."""
        is_promise = Q(outcome=CallTask.Outcome.CALL_BACK, call_after__gt=at)
        return self.unfinished().filter(is_promise)

    def unfinished(self) -> "CallTasks":
        return self.filter(state__in=CallTask.UNFINISHED)


class CallTask(models.Model):
    """One call that an adviser is to make: to whom, why, with which words and until when."""

    class State(models.TextChoices):
        OPEN = "open", _("waits for an adviser")
        TAKEN = "taken", _("taken")
        DONE = "done", _("called")
        GIVEN_UP = "given_up", _("given up")
        EXPIRED = "expired", _("not called in time")
        WITHDRAWN = "withdrawn", _("withdrawn")

    class Outcome(models.TextChoices):
        REACHED = "reached", _("told")
        INTERESTED = "interested", _("interested")
        NOT_INTERESTED = "not_interested", _("not interested")
        CALL_BACK = "call_back", _("wants to be called later")
        NO_ANSWER = "no_answer", _("nobody answered")
        WRONG_NUMBER = "wrong_number", _("wrong number")
        REFUSED = "refused", _("wants no calls")
        COMPLAINT = "complaint", _("complains")

    UNFINISHED = (State.OPEN, State.TAKEN)

    key = models.CharField(
        _("key"), max_length=60, unique=True,
        help_text=_("Of what asked for it: the same is never asked for twice."),
    )  # fmt: skip
    client = models.ForeignKey(
        Client, models.PROTECT, related_name="call_tasks", verbose_name=_("client")
    )
    contact_point = models.ForeignKey(
        ContactPoint, models.PROTECT, related_name="+", verbose_name=_("number")
    )
    title = models.CharField(_("reason for the call"), max_length=300)
    script = models.TextField(
        _("what to say"), blank=True, help_text=_("With the figures as of the occasion.")
    )
    asked = models.TextField(_("what the client wrote"), blank=True)
    language = models.CharField(
        _("language"), max_length=8, choices=settings.LANGUAGES, default="en"
    )
    purpose = models.CharField(
        _("purpose"), max_length=16, choices=Purpose, blank=True,
        help_text=_("The consent it needs. Empty: the client asked for the call."),
    )  # fmt: skip
    source = models.CharField(_("asked by"), max_length=60, help_text=_("Like message:17"))
    about = models.CharField(_("about"), max_length=60, blank=True, help_text=_("Like strategy:5"))
    priority = models.PositiveSmallIntegerField(
        _("priority"), default=100, help_text=_("What has a higher number is called first.")
    )
    standing = models.PositiveSmallIntegerField(
        _("by tier"), default=0, db_default=0,
        help_text=_("Of calls with the same priority the higher number is called first."),
    )  # fmt: skip
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.OPEN)
    reason = models.CharField(_("reason"), max_length=500, blank=True)
    opened_at = models.DateTimeField(_("opened"), default=clock.now)
    due_at = models.DateTimeField(
        _("call by"), help_text=_("Afterwards it is overdue, and still worth a call.")
    )
    expires_at = models.DateTimeField(
        _("no later than"), null=True, blank=True, help_text=_("Afterwards it is old news.")
    )
    call_after = models.DateTimeField(
        _("not before"), default=clock.now, help_text=_("When he wants it, or is awake again.")
    )
    taken_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+",
        verbose_name=_("taken by"),
    )  # fmt: skip
    taken_at = models.DateTimeField(_("taken at"), null=True, blank=True)
    leased_until = models.DateTimeField(
        _("his until"), null=True, blank=True,
        help_text=_("Then others may take it: who went home keeps nothing."),
    )  # fmt: skip
    takes = models.PositiveSmallIntegerField(
        _("takes"), default=0, help_text=_("How often somebody took it.")
    )
    shown_at = models.DateTimeField(_("number shown at"), null=True, blank=True)
    tries = models.PositiveSmallIntegerField(_("calls that nobody answered"), default=0)
    outcome = models.CharField(_("outcome"), max_length=16, choices=Outcome, blank=True)
    note = models.CharField(_("note"), max_length=1_000, blank=True)
    outcome_at = models.DateTimeField(_("outcome at"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)

    objects = CallTasks.as_manager()

    class Meta:
        verbose_name = _("call task")
        verbose_name_plural = _("call tasks")
        permissions = [
            ("take_calltask", _("Can take call tasks and note what came of them")),
            ("reassign_calltask", _("Can give call tasks to others")),
        ]
        constraints = [
            models.CheckConstraint(
                name="call_task_taken_has_lease",
                condition=~Q(state="taken") | Q(leased_until__isnull=False, taken_at__isnull=False),
                violation_error_message=_("A task that is taken says until when."),
            ),
            models.CheckConstraint(
                name="call_task_done_has_outcome",
                condition=~Q(state="done") | ~Q(outcome=""),
                violation_error_message=_("Say what came of the call."),
            ),
            models.CheckConstraint(
                name="call_task_withdrawn_has_reason",
                condition=~Q(state="withdrawn") | ~Q(reason=""),
                violation_error_message=_("Say why nobody is to call."),
            ),
            models.CheckConstraint(
                name="call_task_ended_has_moment",
                condition=Q(state__in=["open", "taken"], ended_at=None)
                | (~Q(state__in=["open", "taken"]) & Q(ended_at__isnull=False)),
                violation_error_message=_("A task that has ended says when."),
            ),
        ]
        indexes = [
            # "which is next?", and all that the desk counts
            models.Index(
                fields=[*QUEUED],
                condition=Q(state__in=["open", "taken"]),
                name="call_task_next",
            ),
            # the list: what waits, the most urgent first; then what ended, the newest first
            models.Index(
                F("ended_at").desc(nulls_first=True),
                *(F(name.lstrip("-")).desc() if name[0] == "-" else F(name) for name in QUEUED),
                "id",
                name="call_task_listed",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.title} → {self.client}"
