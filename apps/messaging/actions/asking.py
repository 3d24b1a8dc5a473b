"""The gate asked once more, when a message is about to leave: what held when it was planned may not."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from apps.messaging import gate
from apps.messaging.actions.outcomes import Outcome
from apps.messaging.actions.reserving import OFFERS
from apps.messaging.gate import Refusal, Wish
from apps.messaging.models import verdicts
from apps.messaging.models.frequency import Reservation
from apps.messaging.models.outbox import Message
from apps.messaging.queries.wishes import Grounds


@dataclass(frozen=True)
class Answers:
    """Which messages may leave now, and what became of the others."""

    granted: list[Message]
    others: list[Outcome]


def ask_again(messages: Sequence[Message], *, at: datetime, gone: datetime) -> Answers:
    """Ask about messages that come with notice, client, template and address.

    They leave one after the other until `gone`: who is to be left alone by then is not begun with.
    """
    points = [message.contact_point for message in messages]
    grounds = Grounds([message.notice for message in messages], at=at, points=points)
    answers = Answers([], [])
    refused: list[verdicts.Verdict] = []
    decided: dict[int, tuple[Wish, gate.Verdict]] = {}  # most are alike
    for message in messages:
        wish = grounds.wish(message.notice, message.channel, message.contact_point)
        if (known := decided.get(id(wish))) is None:
            known = decided[id(wish)] = (wish, verdict_on(wish, at=at, gone=gone))
        _wish, verdict = known
        is_offer = wish.frequency is not None
        if verdict.send_at == at and is_offer and not keeps_its_day(message, wish, at=at):
            verdict = gate.Verdict(refusal=Refusal.DAY_TAKEN)
        if verdict.refusal is not None:
            refused.append(_written(message, verdict, at))
        if verdict.send_at == at:
            answers.granted.append(message)
        elif later := verdict.send_at or verdict.ask_after:
            answers.others.append(
                Outcome.put_off(message, later, reason=verdict.refusal or message.reason)
            )
        else:
            answers.others.append(Outcome.skipped(message, str(verdict.refusal), at=at))
    verdicts.Verdict.objects.bulk_create(refused)
    return answers


def verdict_on(wish: Wish, *, at: datetime, gone: datetime) -> gate.Verdict:
    verdict = gate.decide(wish, at=at)
    if verdict.send_at == at and not wish.urgent and wish.quiet.holds(gone):
        return gate.Verdict(send_at=wish.quiet.opens(gone) or gone)
    return verdict


@transaction.atomic
def keeps_its_day(message: Message, wish: Wish, *, at: datetime) -> bool:
    """Say whether an offer has the day on which it leaves; one that was put off takes a new one."""
    notice, day = message.notice_id, wish.quiet.day(at)
    if Reservation.objects.filter(notice=notice, day=day).exists():
        return True
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [OFFERS])
    Reservation.objects.filter(notice=notice).delete()
    taken = Reservation(client_id=message.notice.client_id, day=day, notice_id=notice)
    Reservation.objects.bulk_create([taken], ignore_conflicts=True)
    return Reservation.objects.filter(notice=notice, day=day).exists()


def _written(message: Message, verdict: gate.Verdict, at: datetime) -> verdicts.Verdict:
    waits = verdict.ask_after is not None
    outcome = verdicts.Verdict.Outcome.WAITS if waits else verdicts.Verdict.Outcome.REFUSED
    return verdicts.Verdict(
        notice_id=message.notice_id,
        message=message,
        at=at,
        outcome=outcome,
        channel=message.channel,
        reason=str(verdict.refusal),
        inputs={"channels": {message.channel: str(verdict.refusal)}},
    )
