"""Who works on what: one process on a batch, one landing on the rows of a kind."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from apps.core.imports.kinds import Kind


@contextmanager
def alone(batch_id: int) -> Iterator[bool]:
    """Say whether nobody else works on a batch, and let nobody until the end of the block.

    The lock belongs to the session: whoever is killed has let go of it.
    """
    key = f"files:batch:{batch_id}"
    with connection.cursor() as cursor:
        # A statement of who was killed ends within a second, and not when it is done.
        cursor.execute("SET client_connection_check_interval = '1s'")
        cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [key])
        (mine,) = cursor.fetchone()
    try:
        yield mine
    finally:
        if mine:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [key])


def take_turn(kind: Kind) -> None:
    """Let one file of a kind land at a time, until the end of the transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [kind.lock])
