"""Who changed what and why: the trail that the database itself writes of the tables that hold people.

Triggers write it, so that no bulk statement, no command and no hand in psql passes it by. Python
only says on whose behalf the statements of a `context` run.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any, Protocol

from django.db import connection, migrations, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg.pq import TransactionStatus

SETTING = "tidings.audit"  # what the triggers read; gone with the transaction
WRITES = re.compile(r"\s*(INSERT|UPDATE|DELETE|MERGE|WITH|COPY)\b", re.IGNORECASE)
# The driver begins a transaction by its first statement; until then it is idle.
OPEN = (TransactionStatus.IDLE, TransactionStatus.INTRANS)

Said = dict[str, Any]
_said: ContextVar[Said | None] = ContextVar("audit", default=None)


class Actor(Protocol):
    """Somebody, or a system, that may act here: a member of staff, a key of the API."""

    pk: Any


@contextmanager
def context(
    *,
    by: Actor | None = None,
    name: str = "",
    reason: str = "",
    batch: int | None = None,
    channel: str = "",
    at: datetime | None = None,
) -> Iterator[None]:
    """Have every change inside recorded as made by somebody, for a reason, in a batch.

    What an inner context leaves open is as the outer one says. `name` names who is no member of
    staff: a system, a task. `at` is the moment that the trail shows; the database's own without it.
    """
    outer = _said.get()
    told = _said.set((outer or {}) | _saying(by, name, reason, batch, channel, at))
    try:
        _say_now(connection)  # for whatever does not pass the wrapper, such as COPY
        if outer is None:
            with connection.execute_wrapper(_say_first):
                yield
        else:
            yield
    finally:
        _said.reset(told)
        _say_now(connection)


def amend(*, by: Actor | None = None, name: str = "", reason: str = "") -> None:
    """Add to the context that runs what has only now become known, such as whose key was sent."""
    said = _said.get()
    if said is not None:
        said.update(_saying(by, name, reason, None, "", None))


def _saying(
    by: Actor | None, name: str, reason: str, batch: int | None, channel: str, at: datetime | None
) -> Said:
    known = by is not None and by.pk is not None
    is_staff = known and hasattr(by, "get_username")
    said = {
        "by": by.pk if by is not None and is_staff else None,
        "name": name or (str(by) if known else ""),
        "reason": reason,
        "batch": batch,
        "channel": channel,
        "at": at.isoformat() if at else "",
    }
    return {key: value for key, value in said.items() if value not in {None, ""}}


def _say_first(execute: Any, sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:  # noqa: FBT001 (Django's)
    """Tell the database on whose behalf a statement runs, in the transaction of the statement.

    Before each one that writes: a savepoint that was rolled back has taken the setting with it.
    """
    if isinstance(sql, str) and not WRITES.match(sql):
        return execute(sql, params, many, context)
    used: BaseDatabaseWrapper = context["connection"]
    if used.in_atomic_block:
        _say_now(used)
        return execute(sql, params, many, context)
    with transaction.atomic(using=used.alias):
        _say_now(used)
        return execute(sql, params, many, context)


def _say_now(used: BaseDatabaseWrapper) -> None:
    """Set the transaction's own setting; outside of one, and in one that failed, there is none."""
    session = used.connection
    if not (session and used.in_atomic_block) or session.info.transaction_status not in OPEN:
        return
    said = _said.get()
    with session.cursor() as cursor:  # the driver's own: no statement of the caller's
        cursor.execute(
            f"SELECT set_config('{SETTING}', %s, true)", [json.dumps(said) if said else ""]
        )


class Audit(migrations.RunSQL):
    """Have the trail follow a table; its columns `without` are the product's own and left out.

    Three triggers, one an event, since PostgreSQL gives changed rows as a table only so.
    """

    TRIGGERS = (
        ("insert", "REFERENCING NEW TABLE AS new_rows"),
        ("update", "REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows"),
        ("delete", "REFERENCING OLD TABLE AS old_rows"),
    )

    def __init__(self, table: str, *, key: str = "id", without: tuple[str, ...] = ()) -> None:
        self.table, self.key, self.without = table, key, without
        columns = ", ".join(f"'{column}'" for column in (key, *without))
        super().__init__(
            [
                f"CREATE TRIGGER audit_{event} AFTER {event.upper()} ON {table} {rows} "
                f"FOR EACH STATEMENT EXECUTE FUNCTION core_record_change({columns})"
                for event, rows in self.TRIGGERS
            ],
            [f"DROP TRIGGER audit_{event} ON {table}" for event, _rows in self.TRIGGERS],
        )

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return type(self).__name__, [self.table], {"key": self.key, "without": self.without}

    def describe(self) -> str:
        return f"Record the changes of {self.table}"


def audited_tables() -> set[str]:
    """Return the tables that the trail follows, as the database knows them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT tgrelid::regclass::text FROM pg_trigger"
            " WHERE tgfoid = 'core_record_change'::regproc"
        )
        return {table for (table,) in cursor.fetchall()}
