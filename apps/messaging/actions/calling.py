"""Calls of advisers: what stands against one right now, and tasks that replies ask for.

The gate is asked for a call as for any message: before an adviser takes it, when he opens the
number, and on a tick, so that the queue holds nobody who is not to be called.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db.models import Q
from django.utils.translation import gettext as _

from apps.advisers.actions.ending import not_on_the_phone, withdraw
from apps.advisers.models import CallTask
from apps.advisers.queries import Objection, objection_to
from apps.messaging import gate
from apps.messaging.actions.asking import keeps_its_day
from apps.messaging.gate import PATIENCE, Refusal, Wish
from apps.messaging.models.outbox import Message
from apps.messaging.queries.reasons import PLAIN, said
from apps.messaging.queries.stops import standing_stops
from apps.messaging.queries.wishes import Grounds
from apps.messaging.queries.zones import quiet_hours
from apps.profiles.models import Channel

OF_MESSAGE = "message:"  # how the source of a task begins that is a message
NEXT_DAY = timedelta(hours=12)  # a day that has another offer is over by then, or nearly
GONE = {Message.State.SKIPPED, Message.State.FAILED}


def objection(task: CallTask, *, at: datetime) -> Objection | None:
    """Say what stands against a call that somebody is about to make.

    An offer that is called on another day than it was planned for takes that day.
    """
    if not task.source.startswith(OF_MESSAGE):
        return objection_to(task) or objection_of_the_hour(task, at=at)
    message = next(iter(messages_of([task]).values()), None)
    if message is None:
        return Objection(_("Nobody knows any more what was to be told."))
    return found([message], at=at, takes_day=True).get(message.pk)


def withdraw_refused(*, at: datetime, limit: int, after: int = 0) -> tuple[int, int]:
    """Take calls out of the queue that the gate lets nobody make; return how many, and the last.

    What only waits, for the day or the end of a stop, stays; nobody can take it so long.
    """
    waiting = CallTask.objects.unfinished().filter(not_on_the_phone(at), pk__gt=after)
    tasks = list(waiting.select_related("client", "contact_point").order_by("pk")[:limit])
    of_messages = messages_of(tasks)
    told = found(list(of_messages.values()), at=at)
    count = 0
    for task in tasks:
        message = of_messages.get(task.key)
        against = told.get(message.pk) if message else objection_to(task)
        if against and against.until is None:
            mine = CallTask.objects.filter(not_on_the_phone(at), pk=task.pk)
            count += withdraw(mine, reason=against.reason, at=at)
    return count, tasks[-1].pk if tasks else 0


def messages_of(tasks: Iterable[CallTask]) -> dict[str, Message]:
    """Return by their key the messages that tasks carry."""
    keys = [task.key for task in tasks if task.source.startswith(OF_MESSAGE)]
    rows = Message.objects.filter(key__in=keys).select_related(
        "notice__client", "notice__template", "notice__contact_point", "contact_point"
    )
    return {str(message.key): message for message in rows}


def found(
    messages: Sequence[Message], *, at: datetime, takes_day: bool = False
) -> dict[int, Objection]:
    """Return by message what stands against calling with it."""
    if not messages:
        return {}
    grounds = Grounds(
        [message.notice for message in messages],
        at=at,
        points=[message.contact_point for message in messages],
    )
    arrived = defaultdict(list)
    for other in Message.objects.filter(
        Q(seen_at__isnull=False) | Q(delivered_at__isnull=False),
        notice__in=[message.notice_id for message in messages],
    ):
        arrived[other.notice_id].append(other)
    objections = {}
    for message in messages:
        wish = grounds.wish(message.notice, message.channel, message.contact_point)
        if any(spares(other, message) for other in arrived[message.notice_id]):
            objections[message.pk] = Objection(_("Another channel has reached him."))
        elif message.state in GONE:
            objections[message.pk] = Objection(
                said(message.reason, template=message.notice.template)
            )
        elif against := judged(message, wish, at=at, takes_day=takes_day):
            objections[message.pk] = against
    return objections


def spares(other: Message, call: Message) -> bool:
    """Say whether a message of the same notice has made a call needless.

    What followed the call need only be delivered; what it followed was there when it was asked for.
    """
    return other.seen_at is not None or other.at_step > call.at_step


def judged(message: Message, wish: Wish, *, at: datetime, takes_day: bool) -> Objection | None:
    verdict = gate.decide(wish, at=at)
    if verdict.send_at == at:
        if not takes_day or wish.frequency is None or keeps_its_day(message, wish, at=at):
            return None
        verdict = gate.Verdict(refusal=Refusal.DAY_TAKEN)
    if verdict.send_at:
        return asleep(verdict.send_at)
    refusal = verdict.refusal or Refusal.TOO_LATE
    until = at + NEXT_DAY if refusal == Refusal.DAY_TAKEN else verdict.ask_after
    return Objection(said(refusal, message.channel, template=message.notice.template), until)


def objection_of_the_hour(task: CallTask, *, at: datetime) -> Objection | None:
    """Say whether calls are stopped just now, or the client sleeps."""
    if standing_stops().cover(Channel.CALL):
        return Objection(PLAIN[Refusal.STOPPED](), at + PATIENCE[Refusal.STOPPED])
    client = task.client
    quiet = quiet_hours(
        client.time_zone, task.contact_point.address, client.quiet_from, client.quiet_until
    )
    opens = quiet.opens(at)
    if opens == at:
        return None
    return asleep(opens) if opens else Objection(PLAIN[Refusal.QUIET]())


def asleep(until: datetime) -> Objection:
    return Objection(_("The client's quiet hours: he is called when they are over."), until)
