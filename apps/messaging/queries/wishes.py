"""What the gate must know about notices: consents, addresses, hours and rivals, read in batches."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from django.db.models import F

from apps.messaging.gate import Wish
from apps.messaging.models.content import Kind
from apps.messaging.models.outbox import Notice
from apps.messaging.queries import freshness, offers, stops
from apps.messaging.queries.channels import Carried, carried
from apps.messaging.queries.zones import quiet_hours, time_zone
from apps.profiles.models import Channel, ContactPoint
from apps.profiles.queries.consents import consents
from apps.profiles.queries.suppressions import suppressions

Consents = set[tuple[str, int, str]]  # purpose, client, channel
Addresses = dict[tuple[int, str], ContactPoint]  # by client and channel


class Grounds:
    """All that the gate's decisions on some notices rest on, read with a few queries.

    The notices come with client, template and address. `points` are addresses that are asked about
    besides those that are chosen here; where they are given, none is chosen.
    """

    def __init__(
        self,
        notices: Collection[Notice],
        *,
        at: datetime,
        points: Iterable[ContactPoint] | None = None,
    ) -> None:
        self.carried = carried()
        self.stops = stops.standing_stops()
        self.consents = standing_consents(notices)
        self.outdated = out_of_date(notices)
        self.held = freshness.held({notice.result_id for notice in notices if notice.result_id})
        self.groups = offers.groups(at=at)
        self.frequencies = offers.frequencies(notices)
        if points is None:
            self.addresses, self.suppressed = addresses(notices, self.carried)
            chosen = self.addresses.values()
            self.closed = {point.pk for point in chosen if self.carried.waits(point)}
        else:
            self.addresses, self.suppressed = {}, suppressions(points)
            self.closed = set()  # who hands them over is open
        self.made: dict[tuple[object, ...], Wish] = {}
        self.phones = phones({n.client_id for n in notices if not time_zone(n.client.time_zone)})

    def wish(
        self, notice: Notice, channel: str, point: ContactPoint | None, *, worded: bool = True
    ) -> Wish:
        """Put together what the gate decides on; what is alike in all is the same wish."""
        client, template = notice.client, notice.template
        pk, frequency = client.id, self.frequencies.get(notice.id)
        said: dict[str, Any] = {
            "consented": (template.purpose, pk, channel) in self.consents,
            "reachable": point is not None and reachable(notice, point),
            "quiet": quiet_hours(
                client.time_zone, self.phones.get(pk, ""), client.quiet_from, client.quiet_until
            ),
            "stopped": self.stops.cover(channel),
            "suppressed": point is not None and point.id in self.suppressed,
            "up_to_date": notice.id not in self.outdated,
            "held": notice.result_id in self.held,
            "deadline": notice.deadline_at,
            "hold_out": offers.group_of(notice, self.groups),
            "closed": point is not None and point.id in self.closed,
            "worded": worded,
            "urgent": not template.purpose or template.kind == Kind.SECURITY,
        }
        if frequency is not None:  # his own
            return Wish(**said, frequency=frequency)
        key = tuple(said.values())
        return self.made.get(key) or self.made.setdefault(key, Wish(**said))


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
    told = {notice.id: notice.result_id for notice in notices}
    superseded = freshness.superseded({result for result in told.values() if result})
    corrections = [pk for pk, result in told.items() if result is None]
    outdated = {pk for pk, result in told.items() if result in superseded}
    return outdated | freshness.out_of_date_corrections(corrections)


def addresses(notices: Collection[Notice], carried: Carried) -> tuple[Addresses, dict[int, str]]:
    """Choose each client's address in each channel, and say which must not be written to, and why.

    The best is valid and verified last, else the newest; one that may be written to goes first, and
    then one that somebody carries now. What no provider carries is none.
    """
    points = list(
        ContactPoint.objects.filter(
            client_id__in={notice.client_id for notice in notices}, state=ContactPoint.State.VALID
        ).order_by(F("verified_at").desc(nulls_last=True), "-pk")
    )  # fmt: skip
    meant = [notice.contact_point for notice in notices if notice.contact_point]
    stopped = suppressions([*points, *meant])
    points.sort(key=lambda point: (point.pk in stopped, carried.waits(point)))
    chosen: Addresses = {}
    for point in points:
        if carried.reaches(point) or carried.waits(point):
            chosen.setdefault((point.client_id, point.channel), point)
    return chosen, stopped


def phones(client_ids: Collection[int]) -> dict[int, str]:
    """Return a phone number of each of these clients, the one that is likeliest still his."""
    if not client_ids:
        return {}
    found = (
        ContactPoint.objects.filter(client_id__in=client_ids, channel=Channel.SMS)
        .exclude(state=ContactPoint.State.REMOVED)
        .order_by("client_id", "-pk")
        .distinct("client_id")
        .values_list("client_id", "address")
    )
    return dict(found)


def reachable(notice: Notice, point: ContactPoint) -> bool:
    """Allow a valid address; one not confirmed yet only where the notice is meant for it alone.

    A message may be planned to an address that has gone back to another client since, when two who
    were merged by mistake are two again.
    """
    meant = notice.contact_point_id == point.id
    return point.client_id == notice.client_id and (
        point.state == ContactPoint.State.VALID
        or (meant and point.state == ContactPoint.State.UNCONFIRMED)
    )
