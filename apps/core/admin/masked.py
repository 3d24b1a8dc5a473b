"""How a page treats staff who may not see people.

What they read is masked by `core.masking`; here they neither find a person by a masked value nor
write what they cannot read.
"""

from typing import Any

from django.db.models import Model
from django.http import HttpRequest, HttpResponse

from apps.core.masking import is_found_by, masked_columns, may_see, showing_to


def is_hidden(request: HttpRequest, model: type[Model]) -> bool:
    """Say whether this user reads masks in rows of the table; then he writes none of them."""
    return bool(masked_columns(model)) and not may_see(request.user)


class Masked:
    """Gives a page its manners towards staff without the right to see people."""

    model: type[Model]

    def open_lookups(self, request: HttpRequest, lookups: Any) -> list[Any]:
        """Leave out lookups by which a masked value could be guessed."""
        if may_see(request.user):
            return list(lookups)
        return [each for each in lookups if not is_found_by(self.model, lookup_of(each))]

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        if not may_see(request.user) and is_found_by(self.model, lookup):
            return False
        allowed: bool = super().lookup_allowed(lookup, value, request)  # type: ignore[misc]
        return allowed

    def get_search_fields(self, request: HttpRequest) -> Any:
        fields = super().get_search_fields(request)  # type: ignore[misc]
        # Without any field Django would find everybody, and an autocomplete nobody.
        return self.open_lookups(request, fields) or (["pk__exact"] if fields else [])

    def get_list_filter(self, request: HttpRequest) -> Any:
        return self.open_lookups(request, super().get_list_filter(request))  # type: ignore[misc]

    def get_ordering(self, request: HttpRequest) -> Any:
        return self.open_lookups(request, super().get_ordering(request))  # type: ignore[misc]

    def get_sortable_by(self, request: HttpRequest) -> Any:
        columns = super().get_sortable_by(request)  # type: ignore[misc]
        if may_see(request.user):
            return columns
        return [name for name in columns if not is_found_by(self.model, self.order_of(name))]

    def order_of(self, column: Any) -> str:
        shown = column if callable(column) else getattr(self, column, None)
        return str(getattr(shown, "admin_order_field", None) or column)

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return not is_hidden(request, self.model) and bool(
            super().has_add_permission(request, *args)  # type: ignore[misc]
        )

    def has_change_permission(self, request: HttpRequest, row: Any = None) -> bool:
        return not is_hidden(request, self.model) and bool(
            super().has_change_permission(request, row)  # type: ignore[misc]
        )

    def has_delete_permission(self, request: HttpRequest, row: Any = None) -> bool:
        return not is_hidden(request, self.model) and bool(
            super().has_delete_permission(request, row)  # type: ignore[misc]
        )

    def get_inline_instances(self, request: HttpRequest, row: Any = None) -> list[Any]:
        inlines: list[Any] = super().get_inline_instances(request, row)  # type: ignore[misc]
        for inline in inlines:
            if is_hidden(request, inline.model):
                inline.has_add_permission = refused
                inline.has_change_permission = refused
                inline.has_delete_permission = refused
        return inlines

    def export_action(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        with showing_to(request.user):
            file: HttpResponse = super().export_action(request, *args, **kwargs)  # type: ignore[misc]
        return file


def refused(*_args: Any) -> bool:
    return False


def lookup_of(said: Any) -> str:
    """Return the lookup of a filter, a search field or an order, as pages write them."""
    if isinstance(said, tuple):
        said = said[0]
    return said if isinstance(said, str) else ""
