"""What a kind of rows looks like by HTTP: its columns as fields, its checks and sentences the files'."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Annotated, Any
from zlib import crc32

from django.conf import settings
from django.db import connection, transaction
from django.utils.translation import gettext as _
from pydantic import BaseModel, Field, create_model

from apps.core.actions import count_sensitive
from apps.core.api.bodies import Body
from apps.core.api.values import Exact
from apps.core.imports.columns import (
    NOTHING,
    Choice,
    Column,
    Currency,
    Flag,
    Number,
    Text,
    TimeOfDay,
    Whole,
    Words,
)
from apps.core.imports.columns import Day as DayColumn
from apps.core.imports.kinds import Kind
from apps.core.imports.landing import Landing, refuse_groups
from apps.core.imports.report import Fault
from apps.core.imports.resource import Row, TableResource
from apps.core.imports.staging import CHANGED, NEW
from apps.core.models import ApiKey

MOST = 1000  # items of one request
PATIENCE = "10s"  # that a request waits while a file of the same rows lands; then it is 409
STRIPES = 64  # locks that stand for all keys of a kind; a batch holds no more than these
FREE = "attributes"  # the field for columns that may be added at will


# --- as fields ---


def incoming(kind: Kind, name: str, *, without: Sequence[str] = ()) -> type[Body]:
    """Return the body of one item; a field left out says nothing, as an empty cell does."""
    fields: dict[str, Any] = {
        column_name: (_type(column), ... if column.required else Field(default_factory=str))
        for column_name, column in kind.resource.fields.items()
        if column_name not in without
    }
    for column in kind.resource.free.values():
        fields[FREE] = (dict[str, _type(column)], Field(default_factory=dict))  # type: ignore[misc]
    return create_model(name, __base__=Body, __doc__=kind.resource.__doc__, **fields)


def _type(column: Column[Any]) -> Any:
    """Return what JSON a field takes; what its text means, the column itself decides later."""
    match column:
        case Words():
            words: Any = {"type": "string", "enum": [*column.words]}
            return Annotated[
                list[str], Field(json_schema_extra={"items": words, "uniqueItems": True})
            ]
        case Flag():
            return bool
        case Number():
            return Exact
        case Whole():
            return Annotated[
                int, Field(json_schema_extra={"minimum": column.least, "maximum": column.most})
            ]
        case _:
            return Annotated[str, Field(json_schema_extra=_says(column))]


def _says(column: Column[Any]) -> dict[str, Any]:
    match column:
        case Choice():
            return {"enum": [*column.words]}
        case DayColumn():
            return {"format": "date"}
        case TimeOfDay():
            return {"pattern": "^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$"}
        case Currency():
            return {"pattern": "^[A-Z]{3}$"}
        case Text():
            says: dict[str, Any] = {"minLength": 1, "maxLength": column.max_length}
            if column.example:
                says |= {"pattern": f"^({column.pattern.pattern})$", "examples": [column.example]}
            return says
        case _:
            return {"minLength": 1}


def outgoing(kind: Kind, name: str) -> type[BaseModel]:
    """Return what is read of one item: the same fields, null where nothing is known."""
    fields: dict[str, Any] = {
        column_name: (_shape(column) | None, ...)
        for column_name, column in kind.resource.fields.items()
    }
    for column in kind.resource.free.values():
        fields[FREE] = (dict[str, _shape(column)], ...)  # type: ignore[misc]
    made: type[BaseModel] = create_model(name, __doc__=kind.resource.__doc__, **fields)
    return made


def _shape(column: Column[Any]) -> Any:
    match column:
        case Words():
            return list[str]
        case Flag():
            return bool
        case Whole():
            return int
        case _:
            return str


def spoken(resource: TableResource, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return stored values as fields, spelled as they may be sent back."""
    said = {name: _spoken(column, values.get(name)) for name, column in resource.fields.items()}
    for prefix in resource.free:
        said[FREE] = {
            name.removeprefix(prefix): value
            for name, value in values.items()
            if name.startswith(prefix)
        }
    return said


def _spoken(column: Column[Any], value: Any) -> Any:
    if value is None or isinstance(column, Flag | Whole):
        return value
    if isinstance(column, Words):
        return [word for word in column.words if word in value]
    return column.write(value)


# --- as rows ---


def row_of(resource: TableResource, number: int, said: Mapping[str, Any]) -> Row:
    """Return an item as a row: each field through its column, with the column's own refusals."""
    cells = {name: _cell(value) for name, value in said.items() if name != FREE}
    for prefix in resource.free:
        cells |= {f"{prefix}{name}": value for name, value in said.get(FREE, {}).items()}
    row = Row(number, cells, number=number)
    for name, text in cells.items():
        column = resource.column(name)
        if column is None:
            row.refuse(name, _("Names have letters, digits and . - _, at most 60."), "not_a_name")
        elif not text.strip():
            row.refuse(name, _("Leave out a field that says nothing."), "empty")
        else:
            try:
                row.values[name] = column.read(text.strip())
            except ValueError as error:
                code = getattr(error, "code", "") or getattr(column, "code", "invalid")
                row.refuse(name, str(error), code)
    row.said = dict(row.values)
    return row


def _cell(value: Any) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case list():
            return " ".join(value) or NOTHING
        case Decimal():
            return f"{value:f}"
        case date() | time():
            return value.isoformat()
        case _:
            return str(value)


# --- landing ---


def land(kind: Kind, items: Sequence[Mapping[str, Any]], *, key: ApiKey, at: datetime) -> list[Row]:
    """Store what is good of some items, and return all of them as rows with their fates.

    Items of one group stand or fall together, as in a file. All that is stored has been checked
    against what others stored meanwhile. More changes of sensitive fields in a day than a file may
    bring without a second person are refused: here nobody could look at them.
    """
    landing = Landing(kind, at, filename=f"api:{key.name}", by=key.made_by)
    rows = [row_of(landing.resource, number, said) for number, said in enumerate(items)]
    _refuse_repeated(kind, rows)
    refuse_groups(kind, rows)
    good = [row for row in rows if not row.faults]
    with transaction.atomic():
        _take_turn(kind, good)
        landed = _land(landing, good, key)
    done = {row.number: row for row in rows} | {row.number: row for row in landed}
    return [done[row.number] for row in rows]


def _land(landing: Landing, rows: Sequence[Row], key: ApiKey) -> list[Row]:
    point = transaction.savepoint()
    landed = landing.take(rows)
    count = sum(bool(row.alarms) for row in landed if row.fate in {NEW, CHANGED})
    most = settings.FILES_CONTACT_CHANGES
    if not count or count_sensitive(key, count, most=most, at=landing.at):
        transaction.savepoint_commit(point)
    else:
        transaction.savepoint_rollback(point)
        landing.holding = True
        landed = landing.take(rows)
    for row in landed:
        if row.waits and row.is_sensitive:
            row.refuse(row.waits.column, _for_two(row.waits), code=row.waits.code)
    return landed


def _for_two(fault: Fault) -> str:
    """Say why a row needs a second person, whom there is for files alone."""
    if fault.code == "many_changes":
        return _("So many of these changed in a day need a second person; bring them as a file.")
    return f"{fault.reason} " + _("Bring it as a file, which a second person releases.")


def _refuse_repeated(kind: Kind, rows: Iterable[Row]) -> None:
    """Refuse items that name the same: nobody knows which of them is meant."""
    first: dict[tuple[Any, ...], Row] = {}
    for row in rows:
        named = tuple(row.said.get(name) for name in kind.resource.key)
        if None in named:
            continue
        other = first.setdefault(named, row)
        if other is not row:
            for each, twin in ((row, other), (other, row)):
                each.refuse(
                    kind.resource.key[0],
                    _("Item %(number)d says the same; one must say it all.")
                    % {"number": twin.number},
                    code="duplicate_key",
                )


def _take_turn(kind: Kind, rows: Iterable[Row]) -> None:
    """Wait for a file of the same rows, and for who brings the same keys; others need not wait.

    A file takes the lock of the kind for itself alone, a request shares it and takes those that
    stand for its keys, in order.
    """
    named = sorted({_stripe(row.said.get(name) for name in _grouping(kind)) for row in rows})
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('lock_timeout', %s, true),"
            " pg_advisory_xact_lock_shared(hashtextextended(%s, 0))",
            [PATIENCE, kind.lock],
        )
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s || stripe, 0))"
            " FROM unnest(%s::int[]) stripe",
            [f"{kind.lock}:", named],
        )
        cursor.execute("SELECT set_config('lock_timeout', '0', true)")


def _grouping(kind: Kind) -> tuple[str, ...]:
    return kind.group or kind.resource.key


def _stripe(values: Iterable[Any]) -> int:
    """Return the stripe of a key, the same in every process."""
    return crc32(repr([*values]).encode()) % STRIPES
