"""Waiting for what another connection does."""

import time

from django.db import connections


def wait_for_lock() -> int:
    """Return the process id of a connection to this database that waits for a lock."""
    other = connections.create_connection("default")
    try:
        with other.cursor() as cursor:
            for _attempt in range(2000):
                cursor.execute(
                    "SELECT pid FROM pg_stat_activity "
                    "WHERE datname = current_database() AND wait_event_type = 'Lock'"
                )
                if row := cursor.fetchone():
                    return row[0]
                time.sleep(0.005)
    finally:
        other.close()
    raise AssertionError("nobody came to wait for a lock")
