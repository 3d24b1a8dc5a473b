"""Which providers may be given something now: their rates, and the rest that failing ones get."""

import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta

from django.conf import settings
from django.db import Error, connection
from django.db.models import Q

from apps.messaging.channels import (
    REGISTRY,
    STANDING,
    Account,
    Answer,
    Carrier,
    Verdict,
    connect,
)
from apps.messaging.channels.options import OptionsError, check_options
from apps.messaging.models.providers import Provider
from apps.messaging.queries.stops import standing_stops

KINDS = frozenset(REGISTRY)  # of providers, by the program that speaks with them
FAILURES = 5  # in a row, then the provider rests
REST = timedelta(seconds=30)  # the first; each further one is twice as long
LONGEST_REST = timedelta(minutes=15)
MOST_TRIPS = 6
SLICE = 0.25  # seconds of its rate that a provider is given at once

log = logging.getLogger(__name__)

# The database's own clock: senders on several machines share the rate. Nothing waits for the disk,
# since after a crash a slice too many does no harm.
TAKE = """
UPDATE messaging_provider SET
    busy_until = greatest(busy_until, clock_timestamp()) + make_interval(secs => %(seconds)s)
WHERE id = %(provider)s AND (busy_until IS NULL OR busy_until <= clock_timestamp())
"""
WAIT = """
SELECT extract(epoch FROM busy_until - clock_timestamp()) FROM messaging_provider WHERE id = %s
"""
NOTE = """
UPDATE messaging_provider SET
    failures = CASE WHEN %(worked)s THEN 0 ELSE failures END + %(failures)s,
    trips = CASE WHEN %(worked)s THEN 0 ELSE trips END,
    rests_until = CASE WHEN %(worked)s THEN NULL ELSE rests_until END
WHERE id = %(provider)s
"""
TRIP = """
UPDATE messaging_provider SET failures = 0, trips = least(trips + 1, %(most)s),
    rests_until = %(at)s + make_interval(
        secs => least(%(rest)s * power(2, trips), %(longest)s) * (1 + random() / 5)
    )
WHERE id = %(provider)s AND (failures >= %(limit)s OR trips > 0 AND failures > 0)
RETURNING trips
"""


def working(*, at: datetime, name: str = "") -> list[Provider]:
    """Return the providers that may be given something now, the preferred first.

    Those with a process of their own are served by that process alone, which asks by name.
    """
    stops = standing_stops()
    if stops.everything:
        return []
    return [
        provider
        for provider in Provider.objects.filter(
            Q(rests_until=None) | Q(rests_until__lte=at),
            is_open=True,
            environment__in=environments(),
            **({"name": name} if name else {}),
        )
        if provider.kind in REGISTRY
        and (provider.name == name or provider.kind not in STANDING)
        and provider.channel not in stops.channels
    ]


def carrying() -> list[Provider]:
    """Return the providers that are open here, whatever rests or is stopped for now."""
    return list(
        Provider.objects.filter(is_open=True, environment__in=environments(), kind__in=REGISTRY)
    )


def environments() -> set[str]:
    """Return what the rows of providers name that this installation may use."""
    return {settings.ENVIRONMENT} - {""} if settings.LIVE else {"", settings.ENVIRONMENT}


def fault_of_options(kind: str, options: object) -> str:
    """Say why a provider of a kind cannot be used with these options; empty where it can."""
    try:
        check_options(kind, options)
    except OptionsError as error:
        return str(error)
    return ""


def opened(provider: Provider) -> AbstractContextManager[Carrier]:
    """Open a carrier to the provider."""
    return connect(provider.kind, account_of(provider))


def account_of(provider: Provider) -> Account:
    return Account(
        name=provider.name,
        sender=provider.sender,
        options=provider.options,
        secret=settings.PROVIDER_SECRETS.get(provider.name, ""),
        window=provider.window,
    )


@contextmanager
def apart(provider: Provider) -> Iterator[None]:
    """Let the failing program of one provider stop no other; what it was given is settled later.

    Errors of the database go through: nothing can be noted then, and the leases run out.
    """
    try:
        yield
    except Error:
        raise
    except Exception:
        log.exception("The program that speaks with %s failed.", provider.name)


class Pace:
    """A provider's rate, shared by all its senders through its row."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider

    def take(self, wanted: int, *, until: float) -> int:
        """Return how many letters may go out now, waiting for the first; 0 when there is no time.

        `until` is a reading of the monotonic clock.
        """
        rate = self.provider.rate
        if rate is None:
            return wanted if time.monotonic() < until else 0
        count = min(wanted, max(1, int(rate * SLICE)))
        while time.monotonic() < until:
            wait = self.ask(count / rate)
            if wait is None:
                return count
            if time.monotonic() + wait > until:
                return 0
            time.sleep(wait)
        return 0

    def ask(self, seconds: float) -> float | None:
        """Take a slice of the rate; else return how long to wait for the next one."""
        with connection.cursor() as cursor:
            cursor.execute(TAKE, {"provider": self.provider.pk, "seconds": seconds})
            if cursor.rowcount:
                return None
            cursor.execute(WAIT, [self.provider.pk])
            (wait,) = cursor.fetchone()
        return max(0.001, float(wait or 0))


def note(provider: Provider, answers: Sequence[Answer], *, at: datetime) -> bool:
    """Count a provider's failures in a row; return whether it rests now.

    Whoever failed before must only fail once more: after a rest a single letter tries it out.
    """
    failures, worked = streak(answers)
    waits = [answer.wait for answer in answers if answer.wait is not None]
    if waits:
        Provider.objects.filter(pk=provider.pk).update(rests_until=at + max(waits))
    elif failures or (worked and (provider.failures or provider.trips)):
        with connection.cursor() as cursor:
            cursor.execute(NOTE, {"provider": provider.pk, "worked": worked, "failures": failures})
        provider.failures, provider.trips = failures, 0 if worked else provider.trips
    return bool(waits) or (failures > 0 and trip(provider, at=at))


def streak(answers: Iterable[Answer]) -> tuple[int, bool]:
    """Count the failures of the service since it last worked, and say whether it worked at all."""
    failures, worked = 0, False
    for answer in answers:
        if answer.verdict in {Verdict.AGAIN, Verdict.UNKNOWN}:
            failures += 1
        else:
            failures, worked = 0, True
    return failures, worked


def trip(provider: Provider, *, at: datetime) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            TRIP,
            {
                "provider": provider.pk, "at": at, "rest": REST.total_seconds(),
                "longest": LONGEST_REST.total_seconds(),
                "limit": FAILURES, "most": MOST_TRIPS,
            },
        )  # fmt: skip
        return cursor.fetchone() is not None
