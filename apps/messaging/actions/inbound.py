"""What people answer: STOP takes effect at once, everything else waits for a person."""

from collections.abc import Iterable, Sequence
from contextlib import suppress as suppress_errors
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import IntegrityError, OperationalError, connection, transaction

from apps.events.actions import Fact, record
from apps.messaging.actions.passing_on import (
    PassingError,
    ask_for_call,
    is_passed_on_at_once,
)
from apps.messaging.actions.repeats import WITHIN, noted_again
from apps.messaging.models.replies import Reply, ReplyPart
from apps.messaging.replies import meaning
from apps.profiles.actions.consents import Answer, record_consents
from apps.profiles.actions.spelling import normalise_email, normalise_phone
from apps.profiles.actions.suppressions import suppress
from apps.profiles.models import Channel, ContactPoint, Purpose, Suppression
from apps.profiles.queries.consents import consents

Meaning, State, Outcome = Reply.Meaning, Reply.State, Reply.Outcome
TEXT_VERSION = "reply"  # of the question that nobody asked
MISSING = timedelta(minutes=2)  # networks bring the parts of a text within seconds


@dataclass(frozen=True)
class Said:
    """What came from an address; `provider_id` is the reply's own, by which copies are known.

    A part of a long text names the text's reference, of how many parts it is, and which.
    """

    sender: str
    text: str
    provider_id: str = ""
    occurred_at: datetime | None = None
    part: tuple[int, int, int] | None = None


def receive(provider: str, channel: str, replies: Iterable[Said], *, at: datetime) -> int:
    """Take in replies, each in a transaction of its own with all its effect; return how many are new."""
    return sum(_take(provider, channel, each, at=at) for each in replies)


@transaction.atomic
def _take(provider: str, channel: str, said: Said, *, at: datetime) -> bool:
    if said.part is not None:
        whole = _joined(provider, said, at=at)
        return whole is not None and _take(provider, channel, whole, at=at)
    address = normalised(channel, said.sender)
    clients = clients_of(channel, address)
    reply = Reply(
        channel=channel,
        sender=address or said.sender,
        client_id=clients[0] if len(clients) == 1 else None,
        text=said.text,
        provider=provider,
        provider_id=said.provider_id,
        occurred_at=said.occurred_at,
        received_at=at,
        meaning=meaning(said.text).value,
    )
    if not said.provider_id and (before := noted_again(reply)):
        if before.meaning == Meaning.STOP and address:
            stop(before, clients, at=at)  # whatever he has said since
        return False
    try:
        with transaction.atomic():
            reply.save(force_insert=True)
    except IntegrityError:
        return False
    if reply.meaning == Meaning.STOP and address:
        stop(reply, clients, at=at)
    if reply.meaning == Meaning.CALL and is_passed_on_at_once():
        pass_on_quietly(reply, at=at)
    record([_told(reply, client, at=at) for client in clients])
    return True


def _joined(provider: str, said: Said, *, at: datetime) -> Said | None:
    """Keep a part; return the whole text once no part of it is missing, and once only.

    A phone counts its texts: one that has the reference of a text just joined is that one again,
    unless it says something else.
    """
    reference, count, number = said.part or (0, 0, 0)
    key: dict[str, object] = {
        "provider": provider,
        "sender": said.sender,
        "reference": reference,
        "count": count,
    }
    joined = ReplyPart.objects.filter(**key, joined_at__isnull=False)
    if joined.filter(number=number, text=said.text, joined_at__gt=at - WITHIN).exists():
        return None
    joined.delete()
    part = ReplyPart(**key, number=number, text=said.text, received_at=at)
    ReplyPart.objects.bulk_create([part], ignore_conflicts=True)
    waiting = ReplyPart.objects.filter(**key, joined_at=None)
    rows = waiting.select_for_update().order_by("number")
    texts = [row.text for row in rows]
    if len(texts) < count:
        return None
    waiting.update(joined_at=at)
    return Said(said.sender, "".join(texts), occurred_at=said.occurred_at)


def take_torn(*, at: datetime) -> int:
    """Take in long texts of which a part never came, as far as they came; return how many."""
    ReplyPart.objects.filter(joined_at__lte=at - WITHIN).delete()
    late = ReplyPart.objects.filter(received_at__lte=at - MISSING, joined_at=None)
    torn = 0
    for key in late.values("provider", "sender", "reference", "count").distinct():
        with transaction.atomic():
            parts = ReplyPart.objects.filter(**key, joined_at=None).order_by("number")
            rows = list(parts.select_for_update())  # as who joins them does: one of us takes all
            ReplyPart.objects.filter(pk__in=[row.pk for row in rows]).delete()
            if rows:
                text = "".join(row.text for row in rows)
                _take(key["provider"], Channel.SMS, Said(key["sender"], text), at=at)
                torn += 1
    return torn


def stop(reply: Reply, clients: Sequence[int], *, at: datetime) -> None:
    """Let nobody write to the address again, whoever has it, and withdraw what its clients agreed to.

    The address is stopped at once. Clients of whom a large file lands just now are locked: then
    their consents are withdrawn a little later, and until then the reply stays open.
    """
    suppress(
        reply.channel,
        reply.sender,
        reason=Suppression.Reason.STOP,
        source=f"reply:{reply.pk}",
        at=at,
    )
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '300ms'")
            _withdraw(reply, clients, at=at)
            cursor.execute("SET LOCAL lock_timeout TO DEFAULT")
    except OperationalError:
        return
    Reply.objects.filter(pk=reply.pk, state=State.OPEN).update(
        state=State.SETTLED, outcome=Outcome.STOPPED, settled_at=at
    )


def _withdraw(reply: Reply, clients: Sequence[int], *, at: datetime) -> None:
    granted = [
        (client, purpose)
        for purpose in Purpose.values
        for client, channel in consents(clients, purpose)
        if channel == reply.channel
    ]
    record_consents(
        [
            Answer(
                client_id=client,
                purpose=purpose,
                channel=reply.channel,
                granted=False,
                text_version=TEXT_VERSION,
                source=f"reply:{reply.pk}",
            )
            for client, purpose in granted
        ],
        at=at,
    )


def finish_stops(*, at: datetime) -> int:
    """Withdraw the consents that were locked when their STOP came; return of how many replies.

    All are gone through: those from what is nobody's address stay for a person, and hold up no other.
    """
    waiting = Reply.objects.filter(state=State.OPEN, meaning=Meaning.STOP).order_by("pk")
    done = 0
    for reply in waiting.iterator():
        if normalised(reply.channel, reply.sender) == reply.sender:
            with transaction.atomic():
                stop(reply, clients_of(reply.channel, reply.sender), at=at)
            done += 1
    return done


def pass_on_quietly(reply: Reply, *, at: datetime) -> None:
    """Give a reply to the advisers without anybody's help; where that cannot be, a person sees it."""
    with suppress_errors(PassingError):
        ask_for_call(reply, at=at)
        Reply.objects.filter(pk=reply.pk, state=State.OPEN).update(
            state=State.SETTLED, outcome=Outcome.PASSED_ON, settled_at=at
        )


@transaction.atomic
def settle_reply(
    reply_id: int, outcome: str, *, note: str, by: AbstractBaseUser, at: datetime
) -> bool:
    """Note what a person did about a reply; False where somebody was quicker.

    A person who reads a STOP in a sentence says so by its outcome, and it takes effect here. What is
    passed on is a call in the advisers' queue; raises PassingError where there is nobody to call.
    """
    reply = Reply.objects.select_for_update().get(pk=reply_id)
    if reply.state != State.OPEN:
        return False
    if outcome == Outcome.STOPPED and normalised(reply.channel, reply.sender):
        stop(reply, clients_of(reply.channel, reply.sender), at=at)
    if outcome == Outcome.PASSED_ON:
        ask_for_call(reply, at=at)
    Reply.objects.filter(pk=reply_id).update(
        state=State.SETTLED, outcome=outcome, note=note, settled_at=at, settled_by=by.pk
    )
    return True


def clients_of(channel: str, address: str) -> list[int]:
    """Return the clients who have an address."""
    points = ContactPoint.objects.filter(channel=channel, address=address).exclude(
        state=ContactPoint.State.REMOVED
    )
    return sorted(set(points.values_list("client", flat=True)))


def normalised(channel: str, sender: str) -> str:
    """Write a sender as our addresses are written; "" for one that can be nobody's address."""
    try:
        if channel == Channel.SMS:
            # Networks leave the + away.
            return normalise_phone(f"+{sender}" if sender[:1].isdecimal() else sender)
        return normalise_email(sender) if channel == Channel.EMAIL else sender
    except ValidationError:
        return ""


def _told(reply: Reply, client: int, *, at: datetime) -> Fact:
    return Fact(
        client_id=client,
        kind="reply.received",
        subject=f"reply:{reply.pk}",
        occurred_at=at,
        source_key=f"reply:{reply.pk}:{client}",
        properties={"reply": reply.pk, "channel": reply.channel, "meaning": reply.meaning},
    )
