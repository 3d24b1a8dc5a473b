"""What staff without the right to see people read in place of personal values.

A masked attribute reads as its mask while a page is being shown, and as it is everywhere else: what
is loaded, computed and saved never changes. So one place serves lists, forms, panels, timelines and
files alike, and a page that is added tomorrow is masked without knowing of it.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import models
from django.db.models.query_utils import DeferredAttribute

RIGHT = "profiles.see_personal"
DOTS = "•••"

Mask = Callable[[Any, Any], Any]  # a row and its value → what is read in place of the value
_is_shown_masked: ContextVar[bool] = ContextVar("masked", default=False)
_masked: dict[type[models.Model], set[str]] = {}


class MaskedAttribute(DeferredAttribute):
    """A column's attribute; its value stays in the row's own dictionary, where saving finds it."""

    def __init__(self, field: Any, mask: Mask) -> None:
        super().__init__(field)
        self.mask = mask

    def __get__(self, row: Any, cls: Any = None) -> Any:
        name = self.field.attname
        if row is None or name not in row.__dict__:
            value = super().__get__(row, cls)
        else:
            value = row.__dict__[name]
        if row is None or not _is_shown_masked.get() or value is None or value == "":
            return value  # that nothing is known may be seen: nobody is found by it
        return self.mask(row, value)

    def __set__(self, row: Any, value: Any) -> None:
        row.__dict__[self.field.attname] = value


def mask(model: type[models.Model], names: Iterable[str], reads: Mask | None = None) -> None:
    """Have columns of a table read as their masks on the pages of staff who may not see people."""
    for name in names:
        field: Any = model._meta.get_field(name)
        setattr(model, field.attname, MaskedAttribute(field, reads or _mask_of(field)))
        _masked.setdefault(model, set()).add(name)


def _mask_of(field: models.Field[Any, Any]) -> Mask:
    if isinstance(field, models.CharField | models.TextField):
        return lambda _row, _value: DOTS
    if isinstance(field, models.JSONField):
        return lambda _row, value: dict.fromkeys(value, DOTS) if isinstance(value, dict) else []
    return lambda _row, _value: None


def masked_columns(model: type[models.Model]) -> set[str]:
    return _masked.get(model, set())


def may_see(user: AbstractBaseUser | AnonymousUser) -> bool:
    allowed: bool = user.has_perm(RIGHT)  # type: ignore[union-attr]
    return allowed


def is_masking() -> bool:
    """Say whether what is being shown right now is shown masked."""
    return _is_shown_masked.get()


@contextmanager
def showing_to(user: AbstractBaseUser | AnonymousUser) -> Iterator[None]:
    """Show what is read inside as this user may see it."""
    token = _is_shown_masked.set(not may_see(user))
    try:
        yield
    finally:
        _is_shown_masked.reset(token)


def is_found_by(model: type[models.Model], lookup: str) -> bool:
    """Say whether a lookup like `client__last_name__startswith` would find rows by a masked value."""
    at: Any = model
    for part in lookup.lstrip("^=@-").split("__"):
        if at is None:
            return False
        if part in masked_columns(at):
            return True
        field = next((each for each in at._meta.get_fields() if each.name == part), None)
        at = field.related_model if field is not None else None
    return False
