"""Sending: claim and commit, POST outside any transaction, record what was answered.

A sender that dies leaves claims whose lease runs out; they are sent again under the same message
id, by which the receiver knows what he has. Order is not promised: what failed comes later.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.db import connection, transaction

from apps.webhooks import channels
from apps.webhooks.actions.endpoints import switch_off
from apps.webhooks.channels import Answer
from apps.webhooks.models import Attempt, Delivery, Endpoint, Secret
from apps.webhooks.signing import headers, wait_after

log = structlog.get_logger()
LEASE = timedelta(minutes=5)  # longer than a share may take, each message with its time-outs
SHARE = 5  # messages of one endpoint a claim: a slow one holds up no other for long
AT_ONCE = 8  # endpoints that are called at the same time
DEAD_AFTER = timedelta(days=3)  # without one success
LONGEST_WAIT = timedelta(days=1)  # that a Retry-After is obeyed
# An endpoint that is down is left alone for half the time that it has been down, within these.
QUIET = (timedelta(seconds=5), timedelta(minutes=10))

RELEASE = """
UPDATE webhooks_delivery SET state = 'queued', leased_until = NULL
WHERE id IN (
    SELECT id FROM webhooks_delivery
    WHERE state = 'claimed' AND leased_until < %(at)s FOR UPDATE SKIP LOCKED
)
"""
CLAIM = """
UPDATE webhooks_delivery
SET state = 'claimed', leased_until = %(until)s, attempts = attempts + 1
WHERE id = ANY (ARRAY(
    SELECT due.id FROM webhooks_endpoint AS endpoint
    CROSS JOIN LATERAL (
        SELECT id, send_after FROM webhooks_delivery AS waiting
        WHERE waiting.endpoint_id = endpoint.id AND waiting.state = 'queued'
            AND waiting.send_after <= %(at)s
        ORDER BY waiting.send_after LIMIT %(share)s
        FOR UPDATE SKIP LOCKED
    ) AS due
    WHERE endpoint.state = 'active'
        AND (endpoint.quiet_until IS NULL OR endpoint.quiet_until <= %(at)s)
    ORDER BY due.send_after LIMIT %(limit)s
))
RETURNING id
"""


@dataclass(frozen=True)
class Share:
    """Messages of one endpoint that one caller sends, and the secrets that sign them."""

    endpoint: Endpoint
    secrets: Sequence[str]
    deliveries: Sequence[Delivery]


Told = tuple[Delivery, Answer | None]


def deliver_due(*, at: datetime, limit: int, dice: Callable[[], float]) -> int:
    """Send the messages that are due; return how many were claimed.

    `dice` gives numbers of [0, 1), by which waits are spread.
    """
    shares = share_out(claim(at=at, limit=limit), at=at)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        calls = [
            (share, pool.submit(lambda one: list(called(one, at=at)), share)) for share in shares
        ]
        for share, call in calls:
            with _apart(endpoint=share.endpoint.pk):
                for delivery, answer in call.result():
                    with _apart(delivery=delivery.pk):
                        record(delivery, answer, at=at, dice=dice())
    return sum(len(share.deliveries) for share in shares)


@contextmanager
def _apart(**named: int) -> Iterator[None]:
    """Keep what goes wrong with one from the others; the lease gives its messages back."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 (whatever it is, the others' answers are to be noted)
        log.warning("webhooks were not sent or not noted", why=type(error).__name__, **named)


def claim(*, at: datetime, limit: int) -> list[Delivery]:
    """Take messages for this sender alone, and commit; take back first what the dead have left."""
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute(RELEASE, {"at": at})
        cursor.execute(CLAIM, {"at": at, "until": at + LEASE, "limit": limit, "share": SHARE})
        taken = [pk for (pk,) in cursor.fetchall()]
    return list(Delivery.objects.filter(pk__in=taken).order_by("send_after", "pk"))


def share_out(deliveries: Sequence[Delivery], *, at: datetime) -> list[Share]:
    by_endpoint = defaultdict(list)
    for delivery in deliveries:
        by_endpoint[delivery.endpoint_id].append(delivery)
    endpoints = Endpoint.objects.filter(pk__in=by_endpoint).prefetch_related("secrets")
    return [
        Share(endpoint, [one.text for one in good_secrets(endpoint, at)], by_endpoint[endpoint.pk])
        for endpoint in endpoints
    ]


def good_secrets(endpoint: Endpoint, at: datetime) -> list[Secret]:
    """Return the secrets that sign now, the newest first."""
    good = [one for one in endpoint.secrets.all() if one.ends_at is None or one.ends_at > at]
    return sorted(good, key=lambda one: one.pk, reverse=True)


def called(share: Share, *, at: datetime) -> Iterator[Told]:
    """Send an endpoint's messages one by one; once it does not answer, the rest goes unsent."""
    is_down = False
    with channels.connect(share.endpoint.url) as caller:
        for delivery in share.deliveries:
            if is_down:
                yield delivery, None
                continue
            body = delivery.body.encode()
            answer = caller.post(body, headers(share.secrets, delivery.message_id, at, body))
            is_down = answer.is_down
            yield delivery, answer


@transaction.atomic
def record(delivery: Delivery, answer: Answer | None, *, at: datetime, dice: float) -> bool:
    """Note what became of a message; False when the claim is no longer ours."""
    ours = Delivery.objects.filter(
        pk=delivery.pk, state=Delivery.State.CLAIMED, attempts=delivery.attempts
    )
    if answer is None:  # it was not its turn: the attempt does not count
        return bool(ours.update(state="queued", attempts=delivery.attempts - 1, leased_until=None))
    if not ours.update(**outcome(delivery, answer, at=at, dice=dice)):
        return False
    Attempt.objects.create(
        delivery=delivery, at=at, took_ms=answer.took_ms, status=answer.status, answer=answer.text
    )
    judge(delivery.endpoint_id, answer, at=at)
    return True


def outcome(delivery: Delivery, answer: Answer, *, at: datetime, dice: float) -> dict[str, object]:
    State = Delivery.State  # noqa: N806 (an enumeration)
    if answer.is_success:
        return {"state": State.DELIVERED, "delivered_at": at, "leased_until": None}
    wait = wait_after(delivery.attempts, dice)
    if wait is None:
        return {"state": State.FAILED, "leased_until": None}
    send_after = at + max(wait, asked_for(answer))
    return {"state": State.QUEUED, "send_after": send_after, "leased_until": None}


def judge(endpoint_id: int, answer: Answer, *, at: datetime) -> None:
    """Note how an endpoint does; switch off one that is gone, or that has failed for days."""
    endpoint = Endpoint.objects.filter(pk=endpoint_id)
    if answer.is_success:
        endpoint.update(heard_at=at, failing_since=None, quiet_until=None)
        return
    endpoint.filter(failing_since__isnull=True).update(failing_since=at)
    if answer.status == channels.GONE:
        switch_off(endpoint_id, Endpoint.State.GONE)
    elif endpoint.filter(failing_since__lt=at - DEAD_AFTER).exists():
        switch_off(endpoint_id, Endpoint.State.FAILING)
    elif answer.is_down:
        least, most = QUIET
        since = endpoint.values_list("failing_since", flat=True).get() or at
        quiet = max(least, min(most, (at - since) / 2), asked_for(answer))
        endpoint.update(quiet_until=at + quiet)


def asked_for(answer: Answer) -> timedelta:
    longest = int(LONGEST_WAIT.total_seconds())  # in seconds: a span of a billion years overflows
    return timedelta(seconds=min(answer.retry_after, longest))
