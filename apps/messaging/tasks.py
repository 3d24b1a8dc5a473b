"""The ticks of messaging: each empties its queue in batches and rings for the next."""

import time

from celery import shared_task
from django.db import transaction

from apps.core import clock
from apps.messaging.actions import (
    approvals,
    archive,
    belongings,
    called,
    calling,
    cascades,
    contracts,
    corrections,
    delivery,
    digests,
    hits,
    inbound,
    links,
    numbers,
    planning,
    reaping,
    receipts,
    returns,
    routing,
    sendings,
    staff_links,
)

ROUTED = 5_000  # events a transaction
PLANNED = 20_000  # notices a transaction
ASKED = 500  # calls that the gate is asked about at once
CLAIMED = 2_000  # messages a claim; what a provider does not take in time goes back
SHIFT = 120  # seconds, half of what a task may take


@shared_task
def route_inbox() -> int:
    total = 0
    while routed := routing.queue_notices(at=clock.now(), limit=ROUTED):
        total += routed
    if total:
        transaction.on_commit(plan_messages.delay)
    return total


@shared_task
def queue_contract_news() -> int:
    total = 0
    while routed := contracts.queue_contract_news(at=clock.now(), limit=ROUTED):
        total += routed
    if total:
        transaction.on_commit(plan_messages.delay)
    return total


@shared_task
def queue_belongings_news() -> int:
    total = 0
    while routed := belongings.queue_belongings_news(at=clock.now(), limit=ROUTED):
        total += routed
    if total:
        transaction.on_commit(plan_messages.delay)
    return total


@shared_task
def correct_news() -> int:
    total = 0
    while corrected := corrections.correct_news(at=clock.now(), limit=ROUTED):
        total += corrected
    if total:
        transaction.on_commit(plan_messages.delay)
    return total


@shared_task
def plan_messages() -> int:
    total = 0
    rest: planning.Round | None = planning.begin_round()
    while rest is not None:
        planned, rest = planning.plan_batch(rest, at=clock.now(), limit=PLANNED)
        total += planned
    if total:
        transaction.on_commit(deliver_due.delay)
    return total


@shared_task
def deliver_due() -> int:
    until = time.monotonic() + SHIFT
    total = delivery.deliver_on(clock=clock.now, limit=CLAIMED, until=until)
    if time.monotonic() > until:
        transaction.on_commit(deliver_due.delay)
    return total


@shared_task
def follow_up() -> int:
    total = 0
    while followed := cascades.follow_up(at=clock.now(), limit=PLANNED):
        total += followed
    if total:
        transaction.on_commit(deliver_due.delay)
    return total


@shared_task
def look_at_edits() -> int:
    return approvals.look_at_edits(at=clock.now())


@shared_task
def let_sendings_go_on() -> int:
    total = sendings.let_go_on(at=clock.now())
    if total:
        transaction.on_commit(deliver_due.delay)
    return total


@shared_task
def queue_digests() -> int:
    total = digests.queue_digests(at=clock.now())
    if total:
        transaction.on_commit(plan_messages.delay)
    return total


@shared_task
def revoke_staff_links() -> int:
    return staff_links.revoke_staff_links(at=clock.now())


@shared_task
def settle_receipts() -> int:
    return receipts.settle_receipts(at=clock.now())


@shared_task
def settle_late_receipts() -> int:
    return receipts.settle_receipts(at=clock.now(), since=receipts.LATE)


@shared_task
def take_torn() -> int:
    return inbound.take_torn(at=clock.now())


@shared_task
def finish_stops() -> int:
    return inbound.finish_stops(at=clock.now())


@shared_task
def read_mailbox() -> int:
    return returns.read_mailbox(at=clock.now())


@shared_task
def seal_messages() -> int:
    total = 0
    while sealed := archive.seal(at=clock.now()):
        total += sealed
    return total


@shared_task
def seal_overlooked() -> int:
    total = 0
    while sealed := archive.seal_overlooked(at=clock.now()):
        total += sealed
    return total


@shared_task
def drain_hits() -> int:
    return hits.drain_hits()


@shared_task
def forget_hit_files() -> int:
    return hits.forget_files()


@shared_task
def end_links() -> int:
    total = 0
    while ended := links.end_links(at=clock.now()):
        total += ended
    return total


@shared_task
def check_numbers() -> int:
    return numbers.check_numbers(at=clock.now())


@shared_task
def end_late() -> int:
    total = 0
    while ended := reaping.end_late(at=clock.now()):
        total += ended
    return total


@shared_task
def give_up_stranded() -> int:
    total = 0
    while ended := reaping.give_up_stranded(at=clock.now()):
        total += ended
    return total


@shared_task
def heed_calls() -> int:
    total = 0
    while heeded := called.heed_calls(at=clock.now(), limit=ROUTED):
        total += heeded
    return total


@shared_task
def withdraw_refused() -> int:
    total, last = calling.withdraw_refused(at=clock.now(), limit=ASKED)
    while last:
        count, last = calling.withdraw_refused(at=clock.now(), limit=ASKED, after=last)
        total += count
    return total
