"""Sending: claim and commit, look again, write the letter, hand it over, record what became of it.

Nothing is sent twice. A claim is named by message and attempt, and each letter is marked as handed
over, under that claim, just before it goes out. So a sender that died leaves two kinds of claims:
those not handed over go back to the queue, since nothing has left; what becomes of the others is
for their provider to say (see reaping), and where it cannot, they are `unknown` for a person.
"""

import time
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from apps.messaging.actions import claims, outcomes, providers, reaping, returns
from apps.messaging.actions.claims import Watch
from apps.messaging.actions.handing import Batch
from apps.messaging.actions.letters import Ready
from apps.messaging.actions.outcomes import Outcome
from apps.messaging.actions.preparing import look_again, write_letters
from apps.messaging.channels import Answer, Carrier, Letters
from apps.messaging.models.outbox import Message
from apps.messaging.models.providers import Provider

RECORD_EVERY = 500  # answers, or those of a quarter of a second: what a dying sender leaves unsaid
RECORD_AFTER = 0.25
A_WHILE = 10  # seconds of its rate that a sender claims at once
SOON = timedelta(seconds=10)  # what was refused when it was to go out is looked at again


def deliver_due(*, at: datetime, limit: int, provider: str = "") -> int:
    """Send the messages that are due; return how many were taken up.

    Several senders share the queue without waiting for each other. No transaction is open while
    the outside world is talked to. A `provider` is named by a process that serves it alone.
    """
    watch = Watch(at)
    reaping.settle_expired(at=at, provider=provider)
    working = providers.working(at=at, name=provider)
    return sum(serve(one, at=at, limit=limit, watch=watch) for one in working)


def serve(provider: Provider, *, at: datetime, limit: int, watch: Watch) -> int:
    """Send what one provider carries."""
    share = share_of(provider, limit)
    taken, count = claims.claim(provider, at=at, limit=share, watch=watch)
    if not taken:
        return count
    settled = reaping.give_up_forgotten(claims.loaded(taken), provider, at=at)
    messages = look_again(settled, at=at, gone=watch.gone)
    send(write_letters(messages, at=at), provider, at=at, watch=watch)
    return count


def share_of(provider: Provider, limit: int) -> int:
    """Claim no more than the provider takes in a while, and one to try it out after a rest."""
    if provider.trips:
        return 1
    return limit if provider.rate is None else max(1, min(limit, provider.rate * A_WHILE))


def send(ready: Sequence[Ready], provider: Provider, *, at: datetime, watch: Watch) -> None:
    """Hand letters over, record the answers in groups and give back what was not handed over."""
    if not ready:
        return
    batch = Batch(ready, provider, at=at, watch=watch)
    with providers.apart(provider), providers.opened(provider) as carrier:
        for group in grouped(answers(batch, carrier)):
            judged = (
                outcomes.judged(message, answer, provider, at=at) for message, answer in group
            )
            outcomes.record([outcome for outcome in judged if outcome], at=at)
            give_up_gone(group, at=at)
            if providers.note(provider, [answer for _message, answer in group], at=at):
                batch.stop()
    give_back(batch, at=at)


def give_up_gone(group: Sequence[tuple[Message, Answer]], *, at: datetime) -> None:
    """Write no more to addresses of which the provider says that nobody is there."""
    for message, answer in group:
        if answer.gone:
            returns.give_up(message, at=at)


def answers(batch: Batch, carrier: Carrier) -> Iterator[tuple[Message, Answer]]:
    for key, answer in carrier.send(Letters(batch.letters(), batch.may_leave)):
        yield batch.taken[key], answer


def grouped(
    answered: Iterator[tuple[Message, Answer]],
) -> Iterator[list[tuple[Message, Answer]]]:
    """Gather answers: many together where they come fast, few where they come slowly.

    Those that a carrier gave before it failed are yielded before its error goes on.
    """
    group: list[tuple[Message, Answer]] = []
    begun = time.monotonic()
    try:
        for one in answered:
            group.append(one)
            if len(group) >= RECORD_EVERY or time.monotonic() - begun > RECORD_AFTER:
                yield group
                group, begun = [], time.monotonic()
    except Exception:
        if group:
            yield group
        raise
    if group:
        yield group


def give_back(batch: Batch, *, at: datetime) -> None:
    """Put back what was not handed over; what something has changed for is told why, or waits."""
    outcomes.record(
        [Outcome.put_off(message, message.send_after) for message in batch.unasked], at=at
    )
    granted = look_again(batch.refused, at=at)
    outcomes.record([Outcome.put_off(message, at + SOON) for message in granted], at=at)
