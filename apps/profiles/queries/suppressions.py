"""Which addresses must not be written to."""

from collections import defaultdict
from collections.abc import Iterable

from django.db import connection

from apps.profiles.models import ContactPoint, ErasedIdentity, Suppression
from apps.profiles.models.suppressions import address_hash

STANDING = """
SELECT address_hash, client_id, reason FROM profiles_suppression
WHERE lifted_at IS NULL AND address_hash = ANY(ARRAY(
    SELECT decode(asked, 'hex') FROM string_to_table(%s, ',') AS asked
))
"""


def suppressions(points: Iterable[ContactPoint]) -> dict[int, str]:
    """Return by contact point the reason why it must not be written to; one query."""
    if not (asked := list(points)):
        return {}
    hashes = [address_hash(point.channel, point.address) for point in asked]
    standing: dict[bytes, dict[int | None, str]] = {}
    with connection.cursor() as cursor:
        cursor.execute(STANDING, [",".join(each.hex() for each in hashes)])
        for hashed, client, reason in cursor.fetchall():
            standing.setdefault(bytes(hashed), {})[client] = reason
    return {
        point.pk: reason
        for point, hashed in zip(asked, hashes, strict=True)
        if (words := standing.get(hashed))
        and (reason := words.get(None) or words.get(point.client_id))
    }


def erased_identifiers(kind: str, values: Iterable[str]) -> set[str]:
    """Return which hard identifiers of a kind belong to people who were erased."""
    digests: dict[bytes, set[str]] = defaultdict(set)
    for value in values:
        digests[address_hash(kind, value)].add(value)
    erased = ErasedIdentity.objects.filter(digest__in=digests)
    found = erased.values_list("digest", flat=True)
    return set().union(*(digests[bytes(digest)] for digest in found))


def erased_addresses(addresses: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return which of some addresses, each with its channel, belonged to people who were erased."""
    hashes = {address_hash(*each): each for each in addresses}
    erased = Suppression.objects.filter(
        address_hash__in=hashes, reason=Suppression.Reason.ERASED, lifted_at=None
    )
    return {hashes[bytes(each)] for each in erased.values_list("address_hash", flat=True)}
