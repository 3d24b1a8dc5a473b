"""Reads about clients that join several tables."""

from collections.abc import Iterable

from apps.profiles.models import ConsentRecord


def consents(client_ids: Iterable[int], purpose: str) -> set[tuple[int, str]]:
    """Return (client id, channel) for every consent to the purpose that stands today."""
    latest = (
        ConsentRecord.objects.filter(client_id__in=list(client_ids), purpose=purpose)
        .order_by("client_id", "channel", "-recorded_at", "-pk")
        .distinct("client_id", "channel")
        .values_list("client_id", "channel", "granted")
    )
    return {(client, channel) for client, channel, granted in latest if granted}
