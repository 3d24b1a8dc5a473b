"""What a dead sender leaves: given back, sent again with its key, asked for, or unknown.

A provider that knows a key again takes the letter once more as the same message. One that can be
asked says what it has taken. With neither a person or a receipt must say, and nothing is repeated:
these messages speak of money.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import cast

from django.db import connection, transaction
from django.utils.translation import gettext as _

from apps.messaging.actions import claims, outcomes, providers
from apps.messaging.actions.outcomes import Outcome
from apps.messaging.channels import REGISTRY, STANDING, Answer, Asked, Verdict
from apps.messaging.gate import Refusal
from apps.messaging.models.outbox import Message
from apps.messaging.models.providers import Provider

AT_ONCE = 500  # messages settled in one go
ASKED_FOR = timedelta(days=1)  # a provider that is asked and does not say: then it is unknown

UNTAKEN = timedelta(minutes=5)  # after its deadline, in which a sender may still come by
STRANDED = timedelta(hours=1)  # with a provider that carries nothing; somebody may open it again

# From the messages that are due to their notices, one by one: OFFSET has nobody read all notices.
LATE = """
UPDATE messaging_message SET state = 'claimed', leased_until = %(until)s, attempts = attempts + 1
WHERE id = ANY (ARRAY(
    SELECT message.id FROM messaging_message AS message
    CROSS JOIN LATERAL (
        SELECT deadline_at FROM messaging_notice WHERE id = message.notice_id OFFSET 0
    ) AS notice
    WHERE message.state = 'queued' AND message.handed_at IS NULL
        AND message.send_after <= %(before)s AND notice.deadline_at < %(before)s
    ORDER BY message.send_after LIMIT %(limit)s
    FOR UPDATE OF message SKIP LOCKED
))
RETURNING id
"""

# What its provider may have goes to nobody else. Where that one takes it no more, or has had it for
# long, only a person knows.
STRAND = """
UPDATE messaging_message SET state = 'claimed', leased_until = %(until)s, attempts = attempts + 1
WHERE id = ANY (ARRAY(
    SELECT message.id FROM messaging_message AS message
    WHERE message.state = 'queued' AND message.carried_by_id IS NOT NULL
        AND message.handed_at IS NOT NULL
        AND message.send_after <= %(stranded)s
        AND (message.send_after <= %(forgotten)s OR NOT EXISTS (
            SELECT FROM messaging_provider AS provider
            WHERE provider.id = message.carried_by_id AND provider.channel = message.channel
                AND provider.id = ANY (%(carrying)s)
        ))
    ORDER BY message.send_after LIMIT %(limit)s
    FOR UPDATE OF message SKIP LOCKED
))
RETURNING id
"""

Settles = Provider.Settles


def settle_expired(*, at: datetime, provider: str = "") -> None:
    """Settle the messages whose sender died; several may do so at once."""
    claims.release_expired(at)
    by_provider = defaultdict(list)
    for message in take_lost(at=at, provider=provider):
        by_provider[message.carried_by].append(message)
    for carrier, messages in by_provider.items():
        settle(messages, carrier, at=at)


def take_lost(*, at: datetime, provider: str) -> list[Message]:
    """Claim the messages that dead senders had handed over, so that one process settles them."""
    with transaction.atomic(durable=True):
        claims.survive_crashes()
        lost = Message.objects.filter(
            state=Message.State.CLAIMED, leased_until__lt=at, handed_at__isnull=False
        )
        mine = (
            lost.filter(carried_by__name=provider)
            if provider
            else lost.exclude(
                carried_by__kind__in=STANDING,
                carried_by__settles=Settles.LOOK_UP,
                handed_at__gt=at - ASKED_FOR,  # after that its own process may be no more
            )
        )
        pks = list(
            mine.order_by("leased_until")
            .select_for_update(skip_locked=True, of=("self",))
            .values_list("pk", flat=True)[:AT_ONCE]
        )
        if not pks:
            return []
        Message.objects.filter(pk__in=pks).update(leased_until=at + claims.LEASE)
    return list(Message.objects.filter(pk__in=pks).select_related("notice__template", "carried_by"))


def settle(messages: Sequence[Message], provider: Provider | None, *, at: datetime) -> None:
    """Do for messages of one provider, or of one nobody remembers, what settles them."""
    kept = [message for message in messages if provider and remembers(provider, message, at)]
    forgotten = [message for message in messages if message not in kept]
    outcomes.record([nobody_knows(message, at=at) for message in forgotten], at=at)
    if provider and kept:
        if provider.settles == Settles.KEY:
            outcomes.record([Outcome.repeated(message, at) for message in kept], at=at)
        else:
            ask(kept, provider, at=at)


def remembers(provider: Provider, message: Message, at: datetime) -> bool:
    """Say whether the provider still can settle what became of a message."""
    if provider.settles == Settles.NONE or message.handed_at is None:
        return False
    if provider.described_at is not None and message.handed_at <= provider.described_at:
        return False  # another service, for all we know: it would take it for a new message
    lasts = provider.settles_for or (ASKED_FOR if provider.settles == Settles.LOOK_UP else None)
    return lasts is None or message.handed_at + lasts > at


def give_up_forgotten(
    messages: Sequence[Message], provider: Provider, *, at: datetime
) -> list[Message]:
    """Return the claimed messages that may be handed over: not those that may be out already.

    A provider knows a key for a while only, and may have been set to know none.
    """
    forgotten = {
        message.pk
        for message in messages
        if message.handed_at and not remembers(provider, message, at)
    }
    gone = [message for message in messages if message.pk in forgotten]
    outcomes.record([nobody_knows(message, at=at) for message in gone], at=at)
    return [message for message in messages if message.pk not in forgotten]


def nobody_knows(message: Message, *, at: datetime) -> Outcome:
    reason = _("The sender stopped before it could note the answer.")
    return Outcome.of(message, Answer(Verdict.UNKNOWN, reason=reason), at=at)


def ask(messages: Sequence[Message], provider: Provider, *, at: datetime) -> None:
    """Ask the provider what it has taken; whom it does not speak of is asked for once more later."""
    if provider.kind not in REGISTRY:
        return
    by_key = {message.key: message for message in messages}
    with providers.apart(provider), providers.opened(provider) as carrier:
        for key, answer in cast(Asked, carrier).look_up(list(by_key)):
            found = answer or Answer(Verdict.AGAIN, reason=_("The provider never got it."))
            if found.verdict != Verdict.UNKNOWN:
                outcomes.record([told(by_key[key], found, at=at)], at=at)


def told(message: Message, answer: Answer, *, at: datetime) -> Outcome:
    if answer.verdict == Verdict.AGAIN:  # it has not left, and the mark goes
        message.handed_at = None
        return Outcome.put_off(message, at, reason=answer.reason)
    return Outcome.of(message, answer, at=at)


def give_up_stranded(*, at: datetime, limit: int = AT_ONCE) -> int:
    """Leave to a person what its provider may have and does not take again; return how many."""
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        claims.survive_crashes()
        cursor.execute(
            STRAND,
            {
                "stranded": at - STRANDED,
                "forgotten": at - ASKED_FOR,
                "carrying": [each.pk for each in providers.carrying()],
                "until": at + claims.LEASE,
                "limit": limit,
            },
        )
        taken = [pk for (pk,) in cursor.fetchall()]
    reason = _("It was handed over, no answer came, and its provider carries nothing more.")
    unknown = Answer(Verdict.UNKNOWN, reason=reason)
    messages = claims.loaded(taken) if taken else []
    return outcomes.record([Outcome.of(message, unknown, at=at) for message in messages], at=at)


def end_late(*, at: datetime, limit: int = AT_ONCE) -> int:
    """Skip what nobody took before its deadline, as where no provider carries its channel any more.

    Senders skip what they find too late themselves; these nobody found. Returns how many they were.
    """
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        claims.survive_crashes()
        cursor.execute(LATE, {"before": at - UNTAKEN, "until": at + claims.LEASE, "limit": limit})
        taken = [pk for (pk,) in cursor.fetchall()]
    late = Refusal.TOO_LATE.value
    messages = claims.loaded(taken) if taken else []
    return outcomes.record([Outcome.skipped(each, late, at=at) for each in messages], at=at)
