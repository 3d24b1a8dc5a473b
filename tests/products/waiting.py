"""Waiting for what another connection does."""

import time
from collections.abc import Callable

from django.db import connection, connections

LIMIT = 60  # seconds; only who waits in vain waits so long
WAITING = """
SELECT pid FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock' AND backend_type = 'client backend'
"""
AT_WORK = """
SELECT pid FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
    AND backend_type = 'client backend' AND state <> 'idle'
"""


def asked_until(found: Callable[[list[int]], bool], query: str) -> list[int]:
    """Ask over a connection of our own until the processes found are right, and return them."""
    other = connections.create_connection("default")
    end = time.monotonic() + LIMIT
    try:
        with other.cursor() as cursor:
            while time.monotonic() < end:
                cursor.execute(query)
                if found(pids := [pid for (pid,) in cursor.fetchall()]):
                    return pids
                time.sleep(0.005)
    finally:
        other.close()
    raise AssertionError(f"waited in vain: {query}")


def wait_for_lock() -> int:
    """Return the process id of a connection to this database that waits for a lock."""
    return asked_until(bool, WAITING)[0]


def wait_for_the_killed() -> None:
    """Wait until nobody else is at work: a server ends a killed client's statement all the same."""
    asked_until(lambda pids: not pids, AT_WORK)


def somebody_waits() -> bool:
    """Tell whether a connection to this database waits for a lock just now.

    Unlike the view of all activity this one is new at each look, amid a transaction too.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_locks JOIN pg_database ON pg_database.oid = database "
            "WHERE datname = current_database() AND NOT granted)"
        )
        return cursor.fetchone()[0]
