"""The row of a client is the lock on what is known of him."""

from collections.abc import Iterable

from apps.profiles.models import Client


def lock_clients(client_ids: Iterable[int]) -> None:
    """Let only one writer at a time add to what is known of these clients."""
    locked = Client.objects.filter(pk__in=client_ids).order_by("pk").select_for_update(no_key=True)
    list(locked.values_list("pk", flat=True))
