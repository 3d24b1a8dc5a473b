"""Which rows of which tables refer to a row, read from the models: no app above is named here."""

from collections.abc import Iterator
from typing import Any

from django.db.models import Model, OuterRef, Q, QuerySet, Subquery, UniqueConstraint

from apps.profiles.models import Conflict, Duplicate, Merge

BOOKKEEPING: tuple[Any, ...] = (
    Merge,
    Duplicate,
    Conflict,
)  # what speaks of both clients, and stays as it is

Reference = Any  # a foreign key, with its model; the stubs know no common type of them


def references(model: type[Model]) -> list[Reference]:
    """Return every foreign key of any app that leads to the table, hidden ones too."""
    relations: list[Any] = model._meta.get_fields(include_hidden=True)
    found = [
        relation.field
        for relation in relations
        if (relation.one_to_many or relation.one_to_one)
        and relation.auto_created
        and not relation.concrete
        and relation.field.model not in BOOKKEEPING
    ]
    return sorted(found, key=label)


def label(reference: Reference) -> str:
    return f"{reference.model._meta.label_lower}.{reference.name}"


def rows(reference: Reference, pk: int) -> QuerySet[Any]:
    """Return the rows of the reference's table that refer to the row."""
    found: QuerySet[Any] = QuerySet(reference.model).filter(**{reference.attname: pk})
    return found


def twins(reference: Reference, old: int, new: int) -> dict[int, int]:
    """Return the rows of `old` that cannot go to `new`, with what stands there in their place."""
    found: dict[int, int] = {}
    for names, condition in _unique_beside(reference):
        same = {name: OuterRef(name) for name in names}
        there = rows(reference, new).filter(condition, **same).values("pk")[:1]
        here = rows(reference, old).filter(condition).annotate(twin=Subquery(there))
        found.update(here.exclude(twin=None).values_list("pk", "twin"))
    return found


def _unique_beside(reference: Reference) -> Iterator[tuple[list[str], Q]]:
    """Yield what else of a row has to differ for two rows to refer to the same one."""
    meta = reference.model._meta
    if reference.unique:
        yield [], Q()
    for constraint in meta.constraints:
        if isinstance(constraint, UniqueConstraint) and reference.name in constraint.fields:
            others = [name for name in constraint.fields if name != reference.name]
            yield others, constraint.condition or Q()
