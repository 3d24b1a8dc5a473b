"""Where clients are reached: addresses given, replaced and come back."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from apps.profiles.actions.locks import lock_clients
from apps.profiles.models import ContactPoint


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
    client confirmed himself stays beside it. So does one that bounced: let go, it would come back
    as good as new with the next file that names it.
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
        and point.state in {State.VALID, State.UNCONFIRMED}
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
    return len(new) + len(back)
