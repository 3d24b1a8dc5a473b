"""Who works on what: one process on a batch, one landing on the rows of a kind."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from django.db import connection

from apps.core.imports.kinds import Kind


def alone(batch_id: int) -> AbstractContextManager[bool]:
    """Say whether nobody else works on a batch, and let nobody until the end of the block."""
    return _locked(f"files:batch:{batch_id}")


def alone_in(folder_id: int) -> AbstractContextManager[bool]:
    """Say whether nobody else takes files from a folder, and let nobody."""
    return _locked(f"files:folder:{folder_id}")


@contextmanager
def _locked(key: str) -> Iterator[bool]:
    """Hold a lock of the session, if it is free: whoever is killed has let go of it."""
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


def settle_content(digest: str) -> None:
    """Let nobody keep or throw away the same content until the end of the transaction."""
    with connection.cursor() as cursor:
        key = f"files:content:{digest}"
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [key])
