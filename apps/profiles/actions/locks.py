"""Locks: the row of a client for what is known of him, one for all on who is who."""

from collections.abc import Iterable

from django.db import connection

from apps.profiles.models import Client

IDENTITIES = 0x1DE47171E5  # the advisory lock; any number that nobody else uses
PATIENCE = "10s"  # a person waits for a merge; a large file lands for longer


def lock_clients(client_ids: Iterable[int]) -> None:
    """Let only one writer at a time add to what is known of these clients."""
    locked = Client.objects.filter(pk__in=client_ids).order_by("pk").select_for_update(no_key=True)
    list(locked.values_list("pk", flat=True))


def hold_identities() -> None:
    """Let nobody merge clients before this transaction ends: it looks them up and writes to them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [IDENTITIES])


def change_identities() -> None:
    """Wait, not for long, until nobody lands anything; raises OperationalError where that lasts."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = '{PATIENCE}'")
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [IDENTITIES])
