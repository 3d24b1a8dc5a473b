"""The world's past, lived evening by evening through the product's own actions.

Killed anywhere, it goes on where it stopped: an evening's files and the mark that they arrived are
one transaction, and everything that follows from them is safe to repeat.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import TypeAlias

from django.db import transaction
from django.db.models import Count, Min
from django.utils.translation import ngettext

from apps.demo.actions.calls import ask_for_calls
from apps.demo.actions.feed import import_whole, pay
from apps.demo.models import World
from apps.demo.world.strategies import TOUR
from apps.demo.world.timeline import DAWN, PRESENT, Step
from apps.messaging.actions.belongings import queue_belongings_news
from apps.messaging.actions.contracts import queue_contract_news
from apps.messaging.actions.delivery import deliver_due
from apps.messaging.actions.digests import queue_digests
from apps.messaging.actions.planning import plan_messages
from apps.messaging.actions.routing import queue_notices
from apps.messaging.models.links import Link
from apps.messaging.models.outbox import Message
from apps.products.actions.deadlines import record_deadlines
from apps.products.actions.evaluation import evaluate_due
from apps.products.actions.lifecycle import record_milestones
from apps.products.actions.moves import record_moves
from apps.products.actions.quotes import confirm_quotes
from apps.products.models.markets import Quote
from apps.products.models.strategies import Strategy

Clock: TypeAlias = Callable[[], datetime]
Say: TypeAlias = Callable[[str], object]

BATCH = 5_000  # more than one evening brings
# Clients' quiet hours end at whole hours; of the messages that wait for them, those of so many
# hours go out together.
TOGETHER = timedelta(hours=2)
# The newest digests, moves of the market and deadlines are enough to be looked at.
NEWS_FROM = PRESENT - timedelta(days=45)


def load_world(steps: Sequence[Step], *, now: Clock, port: int, folder: Path, say: Say) -> World:
    """Live the world's past up to its present; return at once when it was lived before.

    `now` reads the real clock; `port` is the one that the links in letters carry.
    """
    world = begin_world(port=port)
    if world.loaded_at:
        return world
    began = now()
    write_files(folder, steps)
    moments = [*(step.at for step in steps), PRESENT]
    for step, (at, following) in zip(steps, pairwise(moments), strict=True):
        if world.reached_at < at:
            receive(world, step)
        if world.reached_at == at:
            say(f"{at:%d %b %Y}: {live(world, until=following, now=now)}")
    ask_for_calls(at=PRESENT)
    world.links = {kind: link.pk for kind, code in TOUR.items() if (link := tour_link(code))}
    world.reached_at = PRESENT
    world.loaded_at = now()
    world.loading_took = world.loaded_at - began
    world.save()
    return world


def begin_world(*, port: int) -> World:
    world, _created = World.objects.get_or_create(
        pk=1, defaults={"offset_seconds": 0, "reached_at": DAWN, "port": port}
    )
    return world


def write_files(folder: Path, steps: Iterable[Step]) -> None:
    """Lay down every file of the past, to be looked at and imported by hand."""
    folder.mkdir(parents=True, exist_ok=True)
    for step in steps:
        for file in step.files:
            (folder / file.name).write_bytes(file.content)


@transaction.atomic
def receive(world: World, step: Step) -> None:
    """Import an evening's files; closes that were held for a second look get it."""
    for file in step.files:
        import_whole(file, at=step.at)
    held = Quote.objects.filter(state=Quote.State.HELD, is_current=True)
    confirm_quotes(list(held.values_list("pk", flat=True)), by=None, at=step.at)
    world.reached_at = step.at
    world.save(update_fields=["reached_at"])


def live(world: World, *, until: datetime, now: Clock) -> str:
    """Do what follows from an evening's files, until the next ones; return it in words."""
    at = world.reached_at
    decided = evaluate_due(at=at)
    pay(at=at)
    record_milestones(at=at)
    queue_notices(at=at, limit=BATCH)
    queue_contract_news(at=at, limit=BATCH)
    if at >= NEWS_FROM:
        queue_digests(at=at)
        record_moves(at=at)
        record_deadlines(at=at)
        queue_belongings_news(at=at, limit=BATCH)
    plan_messages(at=at, limit=BATCH)
    sent = deliver(world, after=at, until=until, now=now)
    observations = ngettext("%d observation decided", "%d observations decided", decided) % decided
    messages = ngettext("%d message sent", "%d messages sent", sent) % sent
    return f"{observations}, {messages}"


def deliver(world: World, *, after: datetime, until: datetime, now: Clock) -> int:
    """Send what is queued, at the moments from which it may be sent; return how many messages."""
    sent = 0
    while after < until and (at := next_delivery(after=after, until=until)):
        set_clock(world, at=at, real=now())
        if not (claimed := deliver_due(at=at, limit=BATCH)):
            break
        after, sent = at, sent + claimed
    return sent


def next_delivery(*, after: datetime, until: datetime) -> datetime | None:
    """Return when messages go out next: those that waited longest, with some that wait longer."""
    queued = Message.objects.filter(state=Message.State.QUEUED, send_after__lt=until)
    first: datetime | None = queued.aggregate(first=Min("send_after"))["first"]
    if first is None or first <= after:
        return first and after
    return min(first + TOGETHER, until)


def set_clock(world: World, *, at: datetime, real: datetime) -> None:
    """Make a moment of the world the present one."""
    world.offset_seconds = round((at - real).total_seconds())
    world.save(update_fields=["offset_seconds"])


def wind_clock(world: World, *, real: datetime, later: timedelta = timedelta()) -> None:
    """Let the world's time run on from where it stood, or from so much later."""
    set_clock(world, at=world.reached_at + later, real=real)


def stop_clock(world: World, *, real: datetime) -> None:
    """Keep the world's moment for the next start."""
    World.objects.filter(pk=world.pk).update(reached_at=world.moment(real))


def tour_link(code: str) -> Link | None:
    """Return the newest link about a strategy that an English reader was sent.

    Somebody with few strategies: his page shows at once what the tour promises.
    """
    strategy = Strategy.objects.filter(code=code).first()
    return (
        Link.objects.filter(
            subject=f"strategy:{strategy.pk if strategy else 0}",
            client__language="en",
            contact_point__messages__state__in=[Message.State.SENT, Message.State.DELIVERED],
        )
        .annotate(strategies=Count("client__policies__strategy", distinct=True))
        .order_by("strategies", "-created_at", "pk")
        .first()
    )
