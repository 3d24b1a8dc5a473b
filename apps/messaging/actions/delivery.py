"""Sending: claim and commit, look again, write the letter, hand it over, record what became of it.

Nothing is sent twice. A claim is named by message and attempt, and each letter is marked as handed
over, under that claim, just before it goes out. So a sender that died leaves two kinds of claims:
those not handed over go back to the queue, since nothing has left; what becomes of the others is
for their provider to say (see reaping), and where it cannot, they are `unknown` for a person.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from apps.messaging.actions import claims, outcomes, providers, reaping, returns
from apps.messaging.actions.claims import LEAVES, Watch
from apps.messaging.actions.handing import PATIENCE, Batch
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
KEEPS = LEAVES - timedelta(seconds=PATIENCE)  # so long what was prepared may wait for its turn


@dataclass(frozen=True)
class Prepared:
    """What is claimed for a provider, with its letters written: it waits to be handed over."""

    provider: Provider
    ready: Sequence[Ready]
    count: int  # of messages that were looked at
    watch: Watch


def deliver_due(*, at: datetime, limit: int, provider: str = "") -> int:
    """Send the messages that are due; return how many were taken up.

    Several senders share the queue without waiting for each other. No transaction is open while
    the outside world is talked to. A `provider` is named by a process that serves it alone.
    """
    total = 0
    for batch in prepared(at=at, limit=limit, provider=provider):
        send(batch.ready, batch.provider, at=at, watch=batch.watch)
        total += batch.count
    return total


def deliver_on(
    *, clock: Callable[[], datetime], limit: int, until: float, provider: str = ""
) -> int:
    """Send until nothing is due, or until a reading of the monotonic clock; return how many.

    Where a whole batch was due, the next is prepared while one leaves.
    """
    total = 0
    while claimed := deliver_due(at=clock(), limit=limit, provider=provider):
        total += claimed
        if claimed >= limit:
            for batch in ahead(going_on(clock, limit=limit, until=until, provider=provider)):
                hand_over(batch, at=clock())
                total += batch.count
        if time.monotonic() > until:
            break
    return total


def prepared(*, at: datetime, limit: int, provider: str) -> Iterator[Prepared]:
    """Claim what is due and write its letters, provider after provider."""
    watch = Watch(at)
    reaping.settle_expired(at=at, provider=provider)
    for one in providers.working(at=at, name=provider):
        share = share_of(one, limit)
        taken, count = claims.claim(one, at=at, limit=share, watch=watch)
        ready: Sequence[Ready] = ()
        if taken:
            settled = reaping.give_up_forgotten(claims.loaded(taken), one, at=at)
            messages = look_again(settled, at=at, gone=watch.gone)
            ready = write_letters(messages, at=at)
        yield Prepared(one, ready, count, watch)


def going_on(
    clock: Callable[[], datetime], *, limit: int, until: float, provider: str
) -> Iterator[Prepared]:
    """Prepare batch after batch while there is something and time."""
    count = 1
    while count and time.monotonic() < until:
        count = 0
        for batch in prepared(at=clock(), limit=limit, provider=provider):
            count += batch.count
            if batch.ready:
                yield batch


def ahead(batches: Iterator[Prepared]) -> Iterator[Prepared]:
    """Let the next batch be prepared while the last is used, over a connection of its own.

    Should somebody break off in between, its claims are given back when their leases are over.
    """
    with ThreadPoolExecutor(1) as aside:
        coming = aside.submit(next, batches, None)
        try:
            while (batch := coming.result()) is not None:
                coming = aside.submit(next, batches, None)
                yield batch
        finally:
            aside.submit(close_connection)


def close_connection() -> None:
    """Close the connection of the thread that runs this; each has its own."""
    connection.close()


def hand_over(batch: Prepared, *, at: datetime) -> None:
    """Send what was prepared a while ago, unless its provider was stopped or has failed since."""
    watch = Watch(at)
    working = providers.working(at=at, name=batch.provider.name)
    provider = next((one for one in working if one.pk == batch.provider.pk), None)
    messages = [each.message for each in batch.ready]
    if provider is None or provider.trips > batch.provider.trips:
        outcomes.record([Outcome.put_off(each, each.send_after) for each in messages], at=at)
        return
    messages = reaping.give_up_forgotten(messages, provider, at=at)  # it may be another service
    if at > batch.watch.at + KEEPS:
        messages = look_again(messages, at=at, gone=watch.gone)
    kept = {message.id for message in messages}
    send([each for each in batch.ready if each.message.id in kept], provider, at=at, watch=watch)


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
