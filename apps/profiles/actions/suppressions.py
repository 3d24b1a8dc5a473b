"""Stopping an address, and letting it be written to again: both a person's or the addressee's word."""

from datetime import datetime

from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.db.models import Q

from apps.profiles.models import Channel, Client, ContactPoint, Suppression
from apps.profiles.models.suppressions import address_hash


def suppress(
    channel: str,
    address: str,
    *,
    reason: str,
    source: str,
    at: datetime,
    by: AbstractBaseUser | None = None,
    client: Client | None = None,
) -> bool:
    """Write to a normalised address no more; False where that is so already.

    Without a client it counts for everybody who has the address or will have it: a STOP is said by
    whoever holds the phone, under whatever name a file brings it next.
    """
    try:
        with transaction.atomic():
            Suppression.objects.create(
                channel=channel,
                address_hash=address_hash(channel, address),
                hint=hint(channel, address),
                client=client,
                reason=reason,
                source=source,
                made_at=at,
                made_by_id=by.pk if by else None,
            )
    except IntegrityError:
        return False
    return True


def lift_suppression(suppression_id: int, *, by: AbstractBaseUser, at: datetime) -> bool:
    """Let an address be written to again; False where that was done already."""
    standing = Suppression.objects.filter(pk=suppression_id, lifted_at=None)
    return standing.update(lifted_at=at, lifted_by=by.pk) == 1


def bring_back(point: ContactPoint, *, by: AbstractBaseUser, at: datetime) -> int:
    """Lift what a person had said by taking an address from a client or calling it bounced.

    A STOP and a complaint stay: they are the addressee's own word.
    """
    taken = Q(client=point.client_id, reason=Suppression.Reason.REMOVED)
    bounced = Q(client=None, reason=Suppression.Reason.BOUNCED)
    hashed = address_hash(point.channel, point.address)
    standing = Suppression.objects.filter(taken | bounced, address_hash=hashed, lifted_at=None)
    return standing.update(lifted_at=at, lifted_by=by.pk)


def hint(channel: str, address: str) -> str:
    """Write enough of an address to recognise it: +79•••••4567, a•••@example.com."""
    if channel == Channel.EMAIL:
        local, _at, domain = address.partition("@")
        return f"{local[:1]}•••@{domain}"[:60]
    return f"{address[:3]}•••••{address[-4:]}" if len(address) > 8 else "•••"
