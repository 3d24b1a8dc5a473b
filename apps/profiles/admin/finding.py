"""Finds people by what they are known as and where they are reached, written as people write it."""

from collections.abc import Iterable, Iterator
from contextlib import suppress

from django.core.exceptions import ValidationError

from apps.core.admin.finding import searched
from apps.profiles.actions.spelling import normalise_email, normalise_phone
from apps.profiles.models import Client, ContactPoint, Identifier, Suppression
from apps.profiles.models.suppressions import address_hash

AT_MOST = 200  # more is no search
SPELLINGS = {"sms": normalise_phone, "email": normalise_email}


def spelled(term: str) -> Iterator[tuple[str, str]]:
    """Yield the addresses that a term may be, each with its channel."""
    for channel, normalise in SPELLINGS.items():
        with suppress(ValidationError):
            yield channel, normalise(term)


@searched(ContactPoint, by="address")
def points_at(term: str) -> list[int]:
    """Find contact points in use: no index holds the others."""
    addresses = {term, *(address for _channel, address in spelled(term))}
    found = ContactPoint.objects.filter(address__in=addresses)
    in_use = found.exclude(state=ContactPoint.State.REMOVED)
    return list(in_use.values_list("pk", flat=True)[:AT_MOST])


@searched(Client, by="contact_points__address")
def clients_at(term: str) -> Iterable[int]:
    return ContactPoint.objects.filter(pk__in=points_at(term)).values_list("client_id", flat=True)


@searched(Client, by="identifiers__value")
def clients_known_as(term: str) -> Iterable[int]:
    known = Identifier.objects.filter(kind__in=Identifier.Kind.values, value=term)
    return known.values_list("client_id", flat=True)


@searched(Suppression, by="client__contact_points__address")
def suppressions_of(term: str) -> Iterable[int]:
    hashes = [address_hash(channel, address) for channel, address in spelled(term)]
    return Suppression.objects.filter(address_hash__in=hashes).values_list("pk", flat=True)
