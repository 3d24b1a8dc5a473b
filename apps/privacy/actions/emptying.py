"""Emptying the rows of a person, table by table, as the register says."""

from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import BinaryField, CharField, Field, JSONField, TextField
from psycopg import sql
from psycopg.types.json import Jsonb

from apps.advisers.models import CallTask
from apps.messaging.models.links import Link
from apps.messaging.models.outbox import Message, Notice
from apps.privacy.manifest.rules import Erasure
from apps.privacy.manifest.tables import Table
from apps.privacy.models import PersonExport
from apps.privacy.queries.holding import goes
from apps.privacy.queries.trail import model_of
from apps.profiles.models import ContactPoint

ERASED = "erased"
# What must stay unique or well formed is written anew from the row's own number. No line has a number
# of the unassigned country code 999, and no host a name below .invalid.
SPECIAL = {
    ("profiles.ContactPoint", "address"): (
        "CASE channel WHEN 'sms' THEN '+999' || lpad(id::text, 11, '0')"
        " ELSE 'erased-' || id || '@erased.invalid' END"
    ),
    ("messaging.Link", "token_hash"): "sha256(convert_to('erased:' || id, 'UTF8'))",
    ("landing.EmailSubscription", "token_hash"): "sha256(convert_to('erased:' || id, 'UTF8'))",
    ("landing.Visitor", "cookie_hash"): "sha256(convert_to('erased:' || id, 'UTF8'))",
    ("landing.Visitor", "state"): "'anonymous'",
    ("profiles.Suppression", "hint"): "'•••'",
    ("privacy.PersonExport", "reason"): "'•••'",
    ("privacy.Erasure", "reason"): "'•••'",
}


def stop_messages(ids: list[int], *, at: datetime) -> None:
    """Let nothing more go out: what waits is not sent, links and addresses are dead."""
    waiting = Message.objects.filter(
        notice__client__in=ids, state__in=["queued", "held", "claimed"]
    )
    # What was handed over may have arrived: nobody may read that it was not sent.
    waiting.exclude(handed_at=None).update(
        state=Message.State.UNKNOWN, reason=ERASED, ended_at=at, leased_until=None
    )
    waiting.filter(handed_at=None).update(
        state=Message.State.SKIPPED, reason=ERASED, ended_at=at, leased_until=None
    )
    Notice.objects.filter(client__in=ids, state__in=["drafted", "queued", "planned"]).update(
        state=Notice.State.SKIPPED, reason=ERASED
    )
    CallTask.objects.unfinished().filter(client__in=ids).update(
        state=CallTask.State.WITHDRAWN, reason=ERASED, ended_at=at, leased_until=None
    )
    Link.objects.filter(client__in=ids, revoked_at=None).update(revoked_at=at)
    ContactPoint.objects.filter(client__in=ids).update(state=ContactPoint.State.REMOVED)
    PersonExport.objects.filter(client__in=ids).update(state=PersonExport.State.DROPPED)


def empty(table: Table, pks: list[Any], *, limited: bool) -> None:
    """Delete the rows, or take the values out of them that a person could be known by."""
    taken = {name: rule for name, rule in table.fields.items() if goes(rule, limited=limited)}
    meta = model_of(table)._meta
    if not pks or not taken or not meta.managed:
        return
    about = {"table": sql.Identifier(meta.db_table), "key": sql.Identifier(str(meta.pk.column))}
    if any(rule.erasure is Erasure.DELETE for rule in taken.values()):
        query = sql.SQL("DELETE FROM {table} WHERE {key} = ANY (%s)").format(**about)
        _run(query, [pks])
        return
    pairs, values = [], []
    for name, rule in taken.items():
        field: Any = meta.get_field(name)
        expression, said = _left_over(table, field, rule.erasure)
        pairs.append(sql.SQL("{} = {}").format(sql.Identifier(field.column), sql.SQL(expression)))
        values += said
    query = sql.SQL("UPDATE {table} SET {pairs} WHERE {key} = ANY (%s)").format(
        pairs=sql.SQL(", ").join(pairs), **about
    )
    _run(query, [*values, pks])


def _left_over(table: Table, field: Any, erasure: Erasure) -> tuple[Any, list[Any]]:
    """Return what is written in place of a field's value, and the parameters of it."""
    if special := SPECIAL.get((table.label, field.name)):
        return special, []
    if erasure is Erasure.PSEUDONYM:
        name = f'"{field.column}"'
        return f"CASE WHEN {name} = '' THEN '' ELSE 'erased-' || id END", []
    return "%s", [_blank(field)]


def _blank(field: Field[Any, Any]) -> Any:
    if field.null:
        return None
    if isinstance(field, JSONField):
        return Jsonb(field.get_default() or {})
    if isinstance(field, BinaryField):
        return b""
    if isinstance(field, CharField | TextField) and not field.has_default():
        return ""
    return field.get_default()


def _run(query: sql.Composed, values: list[Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('tidings.sealing', 'on', true)")
        cursor.execute(query, values)
        cursor.execute("SELECT set_config('tidings.sealing', '', true)")
