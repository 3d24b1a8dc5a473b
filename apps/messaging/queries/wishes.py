"""What the gate must know about notices: consents, addresses and quiet hours, read in batches."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.db.models import F

from apps.messaging.gate import Quiet, Wish
from apps.messaging.models.corrections import CorrectedResult
from apps.messaging.models.outbox import Notice
from apps.products.models.strategies import ObservationResult
from apps.profiles.models import Client, ContactPoint
from apps.profiles.queries.consents import consents
from apps.profiles.queries.suppressions import suppressions

Consents = set[tuple[str, int, str]]  # purpose, client, channel


def standing_consents(notices: Iterable[Notice]) -> Consents:
    """Read every consent that stands today for these notices; one query a purpose."""
    clients = defaultdict(set)
    for notice in notices:
        clients[notice.template.purpose].add(notice.client_id)
    return {
        (purpose, client, channel)
        for purpose, asked in clients.items()
        if purpose
        for client, channel in consents(asked, purpose)
    }


def out_of_date(notices: Collection[Notice]) -> set[int]:
    """Return the notices that tell of results which were superseded since; two queries."""
    told = {notice.pk: notice.result_id for notice in notices}
    superseded = set(
        ObservationResult.objects.filter(
            pk__in={result for result in told.values() if result}, superseded_by__isnull=False
        ).values_list("pk", flat=True)
    )
    corrections = CorrectedResult.objects.filter(
        notice__in=[pk for pk, result in told.items() if result is None],
        result__superseded_by__isnull=False,
    )
    return {pk for pk, result in told.items() if result in superseded} | set(
        corrections.values_list("notice", flat=True)
    )


Addresses = dict[tuple[int, str], ContactPoint]  # by client and channel


def addresses(notices: Collection[Notice]) -> tuple[Addresses, dict[int, str]]:
    """Choose each client's address in each channel, and say which must not be written to, and why.

    The best is valid and verified last, else the newest; one that may be written to goes first.
    """
    points = list(
        ContactPoint.objects.filter(
            client_id__in={notice.client_id for notice in notices}, state=ContactPoint.State.VALID
        ).order_by(F("verified_at").desc(nulls_last=True), "-pk")
    )  # fmt: skip
    meant = [notice.contact_point for notice in notices if notice.contact_point]
    stopped = suppressions([*points, *meant])
    points.sort(key=lambda point: point.pk in stopped)
    chosen: Addresses = {}
    for point in points:
        chosen.setdefault((point.client_id, point.channel), point)
    return chosen, stopped


def wish(
    notice: Notice,
    channel: str,
    point: ContactPoint | None,
    standing: Consents,
    outdated: Collection[int],
    stopped: Collection[int],
) -> Wish:
    """Put together what the gate decides on; notice, client and template are loaded.

    `outdated` are notices, `stopped` are contact points that must not be written to.
    """
    purpose = notice.template.purpose
    return Wish(
        consented=(purpose, notice.client_id, channel) in standing,
        reachable=point is not None and reachable(notice, point),
        quiet=quiet_hours(notice.client),
        up_to_date=notice.pk not in outdated,
        suppressed=point is not None and point.pk in stopped,
        asked_for=not purpose,
        deadline=notice.deadline_at,
    )


def reachable(notice: Notice, point: ContactPoint) -> bool:
    """Allow a valid address; one not confirmed yet only where the notice is meant for it alone.

    A message may be planned to an address that has gone back to another client since, when two who
    were merged by mistake are two again.
    """
    meant = notice.contact_point_id == point.pk
    return point.client_id == notice.client_id and (
        point.state == ContactPoint.State.VALID
        or (meant and point.state == ContactPoint.State.UNCONFIRMED)
    )


def quiet_hours(client: Client) -> Quiet:
    zone = time_zone(client.time_zone) or time_zone(settings.DEFAULT_CLIENT_TIME_ZONE)
    return Quiet(client.quiet_from, client.quiet_until, zone or ZoneInfo("UTC"))


@cache
def time_zone(name: str) -> ZoneInfo | None:
    """Read a time zone; one that nobody knows stops no message."""
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError):
        return None
