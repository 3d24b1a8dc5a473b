"""Which addresses must not be written to."""

from collections.abc import Iterable

from apps.profiles.models import ContactPoint, Suppression
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
