"""Reading by pages: keys and no offsets, so that nothing is missed or told twice while rows come."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Annotated, Any, TypeVar

from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet
from django.utils.translation import gettext as _
from pydantic import Field

from apps.core.api.bodies import Body
from apps.core.api.problems import Fault, RefusedError

LARGEST_PAGE = 1000

Row = TypeVar("Row", bound=Model)


class Paged(Body):
    """Which page of a list."""

    after: Annotated[
        str | None, Field(max_length=400, description="`next` of the page before.")
    ] = None
    limit: Annotated[int, Field(ge=1, le=LARGEST_PAGE, strict=False)] = 100


def page_of(
    rows: QuerySet[Row], asked: Paged, *, by: Sequence[str] = ("pk",)
) -> tuple[list[Row], str | None]:
    """Return the asked page of rows, and the mark by which the next one is asked for.

    `by` names columns that tell every two rows apart and have an index in this order; a minus before
    a name: from the largest on.
    """
    if asked.after is not None:
        rows = rows.filter(_beyond(rows.model, by, asked.after))
    found = list(rows.order_by(*by)[: asked.limit + 1])
    page = found[: asked.limit]
    return page, _mark(page[-1], by) if len(found) > len(page) else None


def _mark(row: Model, by: Sequence[str]) -> str:
    names = (name.removeprefix("-") for name in by)
    values = [row.serializable_value("id" if name == "pk" else name) for name in names]
    return urlsafe_b64encode(json.dumps(values, default=str).encode()).decode().rstrip("=")


def _beyond(model: type[Model], by: Sequence[str], mark: str) -> Q:
    try:
        written = json.loads(urlsafe_b64decode(mark + "=" * (-len(mark) % 4)))
        values = [
            _field(model, name).clean(value, None) for name, value in zip(by, written, strict=True)
        ]
    except (ValueError, TypeError, ValidationError) as error:
        said = _("This is no `next` of a page of this list.")
        raise RefusedError(
            422, said, [Fault(code="not_a_mark", detail=said, parameter="after")]
        ) from error
    beyond = Q()
    names = [name.removeprefix("-") for name in by]
    for place, name in enumerate(names):
        equal = dict(zip(names[:place], values[:place], strict=True))
        further = "lt" if by[place].startswith("-") else "gt"
        beyond |= Q(**equal, **{f"{name}__{further}": values[place]})
    return beyond


def _field(model: type[Model], name: str) -> Any:
    name = name.removeprefix("-")
    return model._meta.pk if name == "pk" else model._meta.get_field(name)
