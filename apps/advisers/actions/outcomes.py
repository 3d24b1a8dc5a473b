"""What came of calls: noted by who made them, told to timelines, and heeded at once."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils.translation import gettext as _

from apps.advisers.actions.ending import told
from apps.advisers.models import CallTask
from apps.events.actions import record
from apps.profiles.actions.consents import Answer, record_consents
from apps.profiles.actions.suppressions import suppress
from apps.profiles.models import Channel, ContactPoint, Purpose, Suppression
from apps.profiles.queries.consents import consents

MOST_TRIES = 3  # calls that nobody answers, then it is given up
AGAIN = timedelta(hours=2)  # after a call that nobody answered
AFTER = timedelta(minutes=30)  # an appointment, by which he should have been called
PROMISED = 1_000  # the priority of an appointment: a promise comes before everything else
TEXT_VERSION = "call"  # of the question that was asked on the phone

State = CallTask.State
Outcome = CallTask.Outcome
LASTING = {Outcome.CALL_BACK, Outcome.NO_ANSWER}  # after these somebody calls again


class OutcomeError(Exception):
    """Why an outcome cannot be noted; the text is for people."""


@dataclass(frozen=True)
class Said:
    """What an adviser says of a call; `call_at` is when the client wants the next one."""

    outcome: str
    note: str = ""
    call_at: datetime | None = None


@transaction.atomic
def note_outcome(task_id: int, said: Said, *, by: AbstractBaseUser, at: datetime) -> None:
    """Note what came of a call and do what follows from it.

    Raises OutcomeError where he does not have the task, has not seen its number, or what he says
    cannot be.
    """
    task = CallTask.objects.select_related("contact_point").get(pk=task_id)
    outcome = Outcome(said.outcome)
    code, changes = follows(task, outcome, said, at=at)
    mine = CallTask.objects.filter(
        pk=task_id,
        state=State.TAKEN,
        taken_by=by.pk,
        takes=task.takes,
        shown_at__isnull=False,
    )
    if not mine.update(
        **changes, outcome=outcome, note=said.note, outcome_at=at, leased_until=None
    ):
        raise OutcomeError(
            _("You do not have this call any more, or have not called: nothing was noted.")
        )
    if outcome == Outcome.WRONG_NUMBER:
        give_up_number(task, by=by, at=at)
    elif outcome == Outcome.REFUSED:
        withdraw_consents(task, at=at)
    record([told(task, code, at=at)])


def keep_note(task_id: int, note: str, *, by: AbstractBaseUser) -> bool:
    """Keep what an adviser has written though its outcome could not be noted."""
    mine = CallTask.objects.filter(pk=task_id, state=State.TAKEN, taken_by=by.pk)
    return mine.update(note=note) == 1


def follows(
    task: CallTask, outcome: CallTask.Outcome, said: Said, *, at: datetime
) -> tuple[str, dict[str, object]]:
    """Say under which code an outcome is told, and what it makes of the task."""
    if outcome not in LASTING:
        return outcome.value, {"state": State.DONE, "ended_at": at}
    if outcome == Outcome.NO_ANSWER and task.tries + 1 >= MOST_TRIES:
        return "given_up", {"state": State.GIVEN_UP, "ended_at": at, "tries": task.tries + 1}
    again = {"state": State.OPEN, "taken_by": None, "taken_at": None, "shown_at": None}
    if outcome == Outcome.NO_ANSWER:
        return outcome.value, {**again, "call_after": at + AGAIN, "tries": task.tries + 1}
    call_at = appointment(task, said.call_at, at=at)
    promise = {"due_at": call_at + AFTER, "priority": max(task.priority, PROMISED)}
    return outcome.value, {**again, **promise, "call_after": call_at}


def appointment(task: CallTask, call_at: datetime | None, *, at: datetime) -> datetime:
    """Return when the client wants to be called. Raises OutcomeError."""
    if call_at is None or call_at <= at:
        raise OutcomeError(_("Say when he wants to be called: a moment that is still to come."))
    if task.expires_at and call_at > task.expires_at:
        raise OutcomeError(_("By then this is old news: choose an earlier moment, or close it."))
    return call_at


def give_up_number(task: CallTask, *, by: AbstractBaseUser, at: datetime) -> None:
    """Tell this client nothing at the number any more; whose it is may be a client too."""
    point = task.contact_point
    ContactPoint.objects.filter(pk=point.pk, state=ContactPoint.State.VALID).update(
        state=ContactPoint.State.UNREACHABLE, checked_at=at
    )
    suppress(
        point.channel,
        point.address,
        reason=Suppression.Reason.WRONG_PERSON,
        source=f"call:{task.pk}",
        at=at,
        by=by,
        client=task.client,
    )


def withdraw_consents(task: CallTask, *, at: datetime) -> None:
    """Withdraw what the client agreed to be called for."""
    agreed = [
        purpose
        for purpose in Purpose.values
        if (task.client_id, Channel.CALL) in set(consents([task.client_id], purpose))
    ]
    record_consents(
        [
            Answer(
                client_id=task.client_id,
                purpose=purpose,
                channel=Channel.CALL,
                granted=False,
                text_version=TEXT_VERSION,
                source=f"call:{task.pk}",
            )
            for purpose in agreed
        ],
        at=at,
    )
