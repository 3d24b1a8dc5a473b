"""Who has a call in hand: one adviser at a time, for as long as he works on it.

A task is taken under a lease: who goes home keeps nothing. Whether the client may be called is asked
when it is taken and once more when the number is shown, since a STOP may have come in between.
"""

from datetime import datetime, timedelta

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Case, F, QuerySet, When
from django.db.models.functions import Greatest
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from apps.advisers.actions.ending import withdraw
from apps.advisers.models import CallTask
from apps.advisers.queries import Ask, Objection, promise_to, task_of, zone_of

LEASE = timedelta(minutes=30)  # longer than a call; each step begins it anew
GIVEN = timedelta(hours=8)  # a working day, for whom a supervisor gave it to
TRIED = 50  # tasks that "next" looks at, most of which are good

State = CallTask.State
LEFT = {
    "state": State.OPEN, "taken_by": None, "taken_at": None, "leased_until": None, "shown_at": None,
}  # fmt: skip


class TakingError(Exception):
    """Why somebody cannot have a task; the text is for people."""


def take(task_id: int, *, by: AbstractBaseUser, at: datetime, ask: Ask) -> None:
    """Take a task in hand, or keep the one that is.

    Raises TakingError where another has it, it is not time yet, or the client may not be called.
    """
    task = loaded(task_id)
    if task.state == State.TAKEN and task.taken_by_id == by.pk and is_leased(task, at):
        return
    free = CallTask.objects.free(at=at).filter(pk=task_id, call_after__lte=at)
    if free.exists():
        heed(free, ask(task) or promise_to(task, at=at), at=at)
    with transaction.atomic():
        refuse_second_caller(task, by=by, at=at)
        if not free.update(
            state=State.TAKEN,
            taken_by=by.pk,
            taken_at=at,
            leased_until=at + LEASE,
            takes=F("takes") + 1,
            shown_at=None,
        ):
            raise TakingError(who_has(loaded(task_id), at=at))


def refuse_second_caller(
    task: CallTask, *, by: AbstractBaseUser, at: datetime, calling: bool = False
) -> None:
    """Keep two advisers from calling one client for two reasons at once. Raises TakingError.

    The client's unfinished tasks are locked, so that of two who take two of them one comes first.
    `calling` asks only who has seen the number: two tasks may be given to two advisers.
    """
    his = CallTask.objects.unfinished().filter(client=task.client_id).order_by("pk")
    locked = his.select_for_update(of=("self",)).select_related("taken_by")
    for other in locked:
        is_his = other.state == State.TAKEN and is_leased(other, at) and other.taken_by_id != by.pk
        if is_his and (other.shown_at or not calling):
            raise TakingError(who_has(other, at=at))


def take_next(*, by: AbstractBaseUser, at: datetime, ask: Ask) -> int | None:
    """Take the most urgent task, or the one that he has in hand; None where nothing waits."""
    if mine := task_of(by, at=at):
        return mine.pk
    for pk in CallTask.objects.due(at=at).values_list("pk", flat=True)[:TRIED]:
        try:
            take(pk, by=by, at=at, ask=ask)
        except TakingError:
            continue
        return pk
    return None


def show_number(task_id: int, *, by: AbstractBaseUser, at: datetime, ask: Ask) -> None:
    """Let an adviser see the number of a task that he has, once it is time. Raises TakingError."""
    mine = CallTask.objects.filter(
        pk=task_id, state=State.TAKEN, taken_by=by.pk, call_after__lte=at
    )
    task = loaded(task_id)
    if mine.exists():
        heed(mine, ask(task) or promise_to(task, at=at), at=at)
    with transaction.atomic():
        refuse_second_caller(task, by=by, at=at, calling=True)
        if not mine.update(shown_at=at, leased_until=at + LEASE):
            raise TakingError(who_has(loaded(task_id), at=at))


def give_back(task_id: int, *, by: AbstractBaseUser) -> bool:
    """Put a task back into the queue; False where he does not have it."""
    mine = CallTask.objects.filter(pk=task_id, state=State.TAKEN, taken_by=by.pk)
    return mine.update(**LEFT) == 1


def assign(task_id: int, *, to: AbstractBaseUser, at: datetime) -> None:
    """Give a task to somebody, from whoever has it and is not on the phone. Raises TakingError.

    One for a moment to come stays for that moment: it is his until it is due, at least for a lease
    from then on, so that others make the call that he forgets.
    """
    later = Greatest(F("due_at"), F("call_after") + LEASE)
    calls = CallTask.objects.filter(shown_at__isnull=False, leased_until__gte=at)
    free = CallTask.objects.unfinished().exclude(
        pk__in=calls.filter(state=State.TAKEN).values("pk")
    )
    if not free.filter(pk=task_id).update(
        state=State.TAKEN,
        taken_by=to.pk,
        taken_at=at,
        leased_until=Case(When(call_after__gt=at, then=later), default=at + GIVEN),
        takes=F("takes") + 1,
        shown_at=None,
    ):
        raise TakingError(who_has(loaded(task_id), at=at))


def heed(task: QuerySet[CallTask], objection: Objection | None, *, at: datetime) -> None:
    """Put a task off, or withdraw it, where something stands against the call.

    Raises TakingError with what it is.
    """
    if objection is None:
        return
    if objection.until is None:
        withdraw(task, reason=objection.reason, at=at)
    else:
        task.update(call_after=objection.until, **LEFT)
    raise TakingError(objection.reason)


def who_has(task: CallTask, *, at: datetime) -> str:
    """Say why a task cannot be had."""
    if task.state in CallTask.UNFINISHED and task.call_after > at:
        zone = zone_of(task.client)
        return _("The client is not to be called before %(moment)s.") % {
            "moment": f"{localtime(task.call_after, zone):%Y-%m-%d %H:%M} ({zone})"
        }
    if task.state == State.TAKEN and is_leased(task, at):
        since = localtime(task.taken_at) if task.taken_at else at
        return _("%(name)s has this client's call since %(time)s.") % {
            "name": task.taken_by or _("Somebody"),
            "time": f"{since:%H:%M}",
        }
    if task.state in CallTask.UNFINISHED:
        return _("You do not have this call: take it first.")
    why = f" {task.reason}" if task.reason else ""
    return _("This call has ended: %(state)s.") % {"state": task.get_state_display()} + why


def is_leased(task: CallTask, at: datetime) -> bool:
    return task.leased_until is not None and task.leased_until >= at


def loaded(task_id: int) -> CallTask:
    return CallTask.objects.select_related("client", "contact_point", "taken_by").get(pk=task_id)
