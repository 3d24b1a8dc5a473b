"""Sending: claim and commit, look again, write the letter, hand it over, record what became of it.

Nothing is sent twice. A claim is named by message and attempt, and each letter is marked as handed
over, under that claim, just before it goes out. So a sender that died leaves two kinds of claims:
those not handed over go back to the queue, since nothing has left; those handed over are `unknown`
and stay so, SMS and e-mail alike, because SMTP takes a second copy without a question and these
messages speak of money. A marketer may look at them and decide.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice

from django.conf import settings
from django.db import connection, transaction
from django.utils.translation import gettext as _

from apps.messaging import gate
from apps.messaging.actions import links, outcomes
from apps.messaging.actions.letters import Ready, wants_link, write_all
from apps.messaging.actions.outcomes import Outcome
from apps.messaging.actions.planning import explain
from apps.messaging.channels import Account, Answer, Carrier, Verdict, connect
from apps.messaging.models.links import Link
from apps.messaging.models.outbox import Message
from apps.messaging.models.providers import Provider
from apps.messaging.queries import wishes
from apps.messaging.wording import WordingError
from apps.profiles.queries.suppressions import suppressions

LEASE = timedelta(minutes=5)  # longer than a batch; if not, its rest goes back to the queue
RECORD_EVERY = 20  # so many letters at most are unknown when a sender dies
BACK_OFF = [timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 180)]

RELEASE = """
UPDATE messaging_message SET state = 'queued', leased_until = NULL
WHERE id IN (
    SELECT id FROM messaging_message
    WHERE state = 'claimed' AND leased_until < %(at)s AND handed_at IS NULL
    FOR UPDATE SKIP LOCKED
)
"""
CLAIM = """
UPDATE messaging_message
SET state = 'claimed', leased_until = %(until)s, attempts = attempts + 1, handed_at = NULL
WHERE id IN (
    SELECT id FROM messaging_message
    WHERE state = 'queued' AND send_after <= %(at)s
    ORDER BY send_after LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
)
RETURNING id
"""


def deliver_due(*, at: datetime, limit: int) -> int:
    """Send the messages that are due; return how many were claimed.

    Several senders share the queue without waiting for each other. No transaction is open while
    the outside world is talked to.
    """
    end_expired(at)
    messages = claim(at=at, limit=limit)
    granted = look_again(messages, at=at)
    by_channel = defaultdict(list)
    for ready in write_letters(granted, at=at):
        by_channel[ready.message.channel].append(ready)
    for channel, batch in by_channel.items():
        if provider := provider_of(channel):
            send(batch, provider, at=at)
    return len(messages)


def end_expired(at: datetime) -> None:
    """Take back what a dead sender had not handed over; what it had is unknown."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(RELEASE, {"at": at})
        expired = Message.objects.filter(state=Message.State.CLAIMED, leased_until__lt=at)
        lost = (
            expired.filter(handed_at__isnull=False)
            .select_related("notice__template")
            .select_for_update(skip_locked=True, of=("self",))
        )
        reason = _("The sender stopped before it could note the answer.")
        answer = Answer(Verdict.UNKNOWN, reason=reason)
        outcomes.record([Outcome.of(message, answer, at=at) for message in lost], at=at)


def claim(*, at: datetime, limit: int) -> list[Message]:
    """Take messages for this sender alone, and commit."""
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute(CLAIM, {"at": at, "until": at + LEASE, "limit": limit})
        taken = [pk for (pk,) in cursor.fetchall()]
    return list(
        Message.objects.filter(pk__in=taken)
        .select_related("notice__client", "notice__template", "contact_point", "wording")
        .order_by("send_after", "pk")
    )


def look_again(messages: Sequence[Message], *, at: datetime) -> list[Message]:
    """Ask the gate once more, with what holds at this moment; put off or skip what it refuses."""
    notices = [message.notice for message in messages]
    standing, outdated = wishes.standing_consents(notices), wishes.out_of_date(notices)
    stopped = suppressions(message.contact_point for message in messages)
    granted, others = [], []
    for message in messages:
        notice, channel = message.notice, message.channel
        asked = wishes.wish(notice, channel, message.contact_point, standing, outdated, stopped)
        verdict = gate.decide(asked, at=at)
        if verdict.refusal is not None:
            reason = explain({channel: verdict.refusal}, notice.template.purpose)
            others.append(Outcome.skipped(message, reason, at=at))
        elif verdict.send_at is not None and verdict.send_at > at:
            others.append(Outcome.put_off(message, verdict.send_at))
        else:
            granted.append(message)
    outcomes.record(others, at=at)
    return granted


def write_letters(messages: Sequence[Message], *, at: datetime) -> list[Ready]:
    """Write every letter; one that cannot be written fails alone."""
    written, failed = [], []
    linked: list[Message] = []
    for message in messages:
        try:
            if wants_link(message):
                linked.append(message)
        except WordingError as error:
            failed.append(Outcome.failed(message, str(error), at=at))
    made = make_links(linked, at=at)
    broken = {outcome.message.pk for outcome in failed}
    urls = {pk or 0: links.short_url(links.token_of(link)) for pk, link in made.items()}
    sound = [message for message in messages if message.pk not in broken]
    for result in write_all(sound, urls, at=at):
        if isinstance(result, Ready):
            written.append(result)
        else:
            failed.append(Outcome.failed(result.message, result.reason, at=at))
    outcomes.record(failed, at=at)
    return written


def make_links(messages: Sequence[Message], *, at: datetime) -> dict[int | None, Link]:
    return links.links_of(
        [
            links.new_link(
                message.notice.client_id, subject=message.notice.subject, at=at, message=message
            )
            for message in messages
        ]
    )


def provider_of(channel: str) -> Provider | None:
    """Choose the provider of a channel that is open in this installation."""
    return Provider.objects.filter(
        channel=channel, is_open=True, environment__in=["", settings.ENVIRONMENT]
    ).first()


def account_of(provider: Provider) -> Account:
    return Account(
        name=provider.name,
        sender=provider.sender,
        options=provider.options,
        secret=settings.PROVIDER_SECRETS.get(provider.name, ""),
        window=provider.window,
    )


def send(batch: Sequence[Ready], provider: Provider, *, at: datetime) -> None:
    """Hand letters over and record the answers in groups."""
    with connect(provider.kind, account_of(provider)) as carrier:
        answers = handed_over(batch, carrier, at=at)
        while group := list(islice(answers, RECORD_EVERY)):
            outcomes.record(group, at=at)


def handed_over(batch: Iterable[Ready], carrier: Carrier, *, at: datetime) -> Iterator[Outcome]:
    by_key = {ready.letter.key: ready.message for ready in batch}
    marked = (ready.letter for ready in batch if mark(ready, at=at))
    for key, answer in carrier.send(marked):
        yield judged(by_key[key], answer, at=at)


def mark(ready: Ready, *, at: datetime) -> bool:
    """Note under our claim that the letter goes out now.

    False when the claim is no longer ours, or what it says was corrected a moment ago: then nothing
    has left, the claim runs out and the next look finds why.
    """
    ours = Message.objects.filter(
        pk=ready.message.pk, attempts=ready.message.attempts, state=Message.State.CLAIMED
    ).exclude(notice__result__superseded_by__isnull=False)
    return ours.update(handed_at=at, subject=ready.subject, body=ready.body) == 1


def judged(message: Message, answer: Answer, *, at: datetime) -> Outcome:
    """Read an answer; one that says “later” means a few times later, and then never."""
    if answer.verdict != Verdict.AGAIN:
        return Outcome.of(message, answer, at=at)
    if message.attempts > len(BACK_OFF):
        reason = _("Given up after %(count)s attempts. %(reason)s") % {
            "count": message.attempts,
            "reason": answer.reason,
        }
        return Outcome.failed(message, reason, at=at)
    return Outcome.put_off(message, at + BACK_OFF[message.attempts - 1], reason=answer.reason)
