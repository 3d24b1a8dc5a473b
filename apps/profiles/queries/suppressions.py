"""Which addresses must not be written to."""

from collections.abc import Iterable

from apps.profiles.models import ContactPoint, ErasedIdentity, Identifier, Suppression
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


def erased_core_ids(core_ids: Iterable[str]) -> set[str]:
    """Return which of the core system's ids belong to people who were erased."""
    digests = {address_hash(Identifier.Kind.CORE_ID, core_id): core_id for core_id in core_ids}
    found = ErasedIdentity.objects.filter(digest__in=digests).values_list("digest", flat=True)
    return {digests[bytes(digest)] for digest in found}
