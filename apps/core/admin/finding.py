"""How lists of millions of rows are counted and searched without being read whole."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.text import smart_split, unescape_string_literal

from apps.core.masking import is_found_by, may_see

COUNTED = 10_000  # who looks for one row among so many narrows the list, and turns no more pages
SPELLED = {"^": "istartswith", "=": "iexact"}
STATED = ("exact", "iexact", "startswith", "istartswith")

Find = Callable[[str], Iterable[int]]
_finders: dict[type[Model], list[tuple[Find, str]]] = defaultdict(list)


def searched(model: type[Model], *, by: str = "") -> Callable[[Find], Find]:
    """Have the model's list also find the rows whose ids the function returns for a term.

    `by` is what they are found by, as a lookup: who may not see it does not find them.
    """

    def register(find: Find) -> Find:
        _finders[model].append((find, by))
        return find

    return register


class Many(int):
    """A count that was stopped."""

    def __str__(self) -> str:
        return f"{int(self)}+"


class CountingPaginator(Paginator[Any]):
    """Counts a list as far as somebody turns its pages."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        found: int = rows.order_by().values("pk")[: COUNTED + 1].count()
        return Many(COUNTED) if found > COUNTED else found


class Finding:
    """Gives a list a search whose every way to a row may have an index of its own.

    The words of a term are looked for in one place: among the columns of the rows themselves, or of
    one related row, such as the client. Joined into one condition, the places would have the
    database read all rows.
    """

    model: type[Model]
    paginator = CountingPaginator
    get_search_fields: Callable[[HttpRequest], Sequence[str]]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        words = [_unquoted(word) for word in smart_split(search_term)]
        lookups = [_lookup_of(each) for each in self.get_search_fields(request)]
        if not words or not lookups:
            return queryset, False
        places: dict[tuple[str, ...], list[str]] = defaultdict(list)
        for lookup in lookups:
            places[tuple(lookup.split("__")[:-2])].append(lookup)
        rows = self.model._meta.base_manager.order_by().values("pk")
        found = [
            rows.filter(*(_any_of(self.model, place, word) for word in words))
            for place in places.values()
        ]
        found += [rows.filter(pk__in=pks) for pks in self._found_by(request, search_term.strip())]
        first, *others = found
        return queryset.filter(pk__in=first.union(*others) if others else first), False

    def _found_by(self, request: HttpRequest, term: str) -> Iterable[list[int]]:
        for find, by in _finders[self.model]:
            if (may_see(request.user) or not is_found_by(self.model, by)) and (
                pks := [*find(term)]
            ):
                yield pks


def _unquoted(word: str) -> str:
    is_quoted = len(word) > 1 and word[0] in "\"'" and word[0] == word[-1]
    return str(unescape_string_literal(word)) if is_quoted else word


def _lookup_of(field: str) -> str:
    """Return a search field as a lookup; without a sign or a lookup it is looked for within."""
    if field[0] in SPELLED:
        return f"{field[1:]}__{SPELLED[field[0]]}"
    return field if field.rsplit("__", 1)[-1] in STATED else f"{field}__icontains"


def _any_of(model: type[Model], lookups: Iterable[str], word: str) -> Q:
    """Say that a word is in one of the columns; one that is no value of a column is not there."""
    found = Q(pk__in=[])
    for lookup in lookups:
        column, _sign, how = lookup.rpartition("__")
        try:
            value = _column(model, column).to_python(word) if how == "exact" else word
        except ValidationError:
            continue
        found |= Q(**{lookup: value})
    return found


def _column(model: type[Model], path: str) -> Any:
    """Return the column at the end of a path."""
    *relations, name = path.split("__")
    at: Any = model
    for relation in relations:
        at = at._meta.get_field(relation).related_model
    return at._meta.pk if name == "pk" else at._meta.get_field(name)
