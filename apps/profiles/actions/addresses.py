"""Where clients are reached: addresses given, replaced and come back."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from apps.profiles.actions.locks import lock_clients
from apps.profiles.models import Channel, ContactPoint, Identifier

SOFT_IDENTIFIERS = {Channel.SMS: Identifier.Kind.PHONE, Channel.EMAIL: Identifier.Kind.EMAIL}


@dataclass(frozen=True)
class Address:
    """Where a client is reached in a channel; the value is normalised."""

    client_id: int
    channel: str
    value: str


@transaction.atomic
def replace_addresses(addresses: Iterable[Address], *, at: datetime) -> int:
    """Give clients the addresses that a source now names; return how many were new to them.

    In the same channel a new address takes the place of those nobody confirmed; one that the
    client confirmed himself stays beside it.
    """
    wanted = {(address.client_id, address.channel): address.value for address in addresses}
    lock_clients({client_id for client_id, _channel in wanted})
    points = [
        point
        for point in ContactPoint.objects.filter(client_id__in={key[0] for key in wanted})
        if (point.client_id, point.channel) in wanted
    ]
    here = {(point.client_id, point.channel, point.address): point for point in points}
    State = ContactPoint.State  # noqa: N806 (an enumeration)
    old = [
        point
        for point in points
        if point.address != wanted[point.client_id, point.channel]
        and point.verified_at is None
        and point.state != State.REMOVED
    ]
    back = [
        point
        for key, value in wanted.items()
        if (point := here.get((*key, value))) and point.state == State.REMOVED
    ]
    new = [
        ContactPoint(client_id=key[0], channel=key[1], address=value, created_at=at)
        for key, value in wanted.items()
        if (*key, value) not in here
    ]
    ContactPoint.objects.filter(pk__in=[point.pk for point in old]).update(state=State.REMOVED)
    ContactPoint.objects.filter(pk__in=[point.pk for point in back]).update(state=State.VALID)
    ContactPoint.objects.bulk_create(new, batch_size=1000)
    _follow_in_identifiers(old, [*new, *back], at=at)
    return len(new) + len(back)


def _follow_in_identifiers(
    old: list[ContactPoint], new: list[ContactPoint], *, at: datetime
) -> None:
    """Keep phone and e-mail as identifiers; an address of two clients stays the first one's."""
    gone = {
        (point.client_id, str(SOFT_IDENTIFIERS[Channel(point.channel)]), point.address)
        for point in old
        if point.channel in SOFT_IDENTIFIERS
    }
    kept = Identifier.objects.filter(client_id__in={client_id for client_id, *_rest in gone})
    Identifier.objects.filter(
        pk__in=[each.pk for each in kept if (each.client_id, each.kind, each.value) in gone]
    ).delete()
    Identifier.objects.bulk_create(
        [
            Identifier(
                client_id=point.client_id,
                kind=SOFT_IDENTIFIERS[Channel(point.channel)],
                value=point.address,
                created_at=at,
            )
            for point in new
            if point.channel in SOFT_IDENTIFIERS
        ],
        batch_size=1000,
        ignore_conflicts=True,
    )
