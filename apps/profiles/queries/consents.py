"""What clients agreed to."""

from collections.abc import Iterable

from apps.profiles.models import Client, ConsentRecord


def consents(client_ids: Iterable[int], purpose: str) -> set[tuple[int, str]]:
    """Return (client id, channel) for every consent to the purpose that stands today."""
    latest = (
        ConsentRecord.objects.filter(client_id__in=list(client_ids), purpose=purpose)
        .order_by("client_id", "channel", "-recorded_at", "-pk")
        .distinct("client_id", "channel")
        .values_list("client_id", "channel", "granted")
    )
    return {(client, channel) for client, channel, granted in latest if granted}


def consent_history(client: Client, limit: int = 30) -> list[ConsentRecord]:
    """Return the client's answers, newest first."""
    return list(client.consents.order_by("-recorded_at", "-pk")[:limit])
