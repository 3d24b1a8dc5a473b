"""Which addresses must not be written to."""

from collections import defaultdict
from collections.abc import Iterable

from apps.profiles.models import ContactPoint, ErasedIdentity, Suppression
from apps.profiles.models.suppressions import address_hash


def suppressions(points: Iterable[ContactPoint]) -> dict[int, str]:
    """Return by contact point the reason why it must not be written to; one query."""
    hashes = {point: address_hash(point.channel, point.address) for point in points}
    standing: dict[bytes, dict[int | None, str]] = {}
    for one in Suppression.objects.filter(
        address_hash__in=set(hashes.values()), lifted_at=None
    ).only("address_hash", "client_id", "reason"):
        standing.setdefault(bytes(one.address_hash), {})[one.client_id] = one.reason
    return {
        point.pk: reason
        for point, hashed in hashes.items()
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
