"""Which kinds of files a person may bring, and how they are called."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import DropdownFilter

from apps.core.imports.kinds import KINDS, Kind
from apps.core.masking import masked_columns, may_see
from apps.files.models import Batch

PERSON = "core_id"  # the column by which a row names its client


def may_bring(user: Any, kind: Kind) -> bool:
    return bool(user.has_perms(kind.permissions))


def may_read(user: Any, batch: Batch) -> bool:
    """Tell whether a person may read cells of a file: who brought it has them anyway."""
    model, columns = batch.of.resource._meta.model, batch.of.resource.fields
    is_personal = bool(masked_columns(model)) or PERSON in columns
    return not is_personal or may_see(user) or batch.received_by_id == user.pk


def brought_by(user: Any) -> list[Kind]:
    """Return the kinds of which the person may bring files, by title."""
    kinds = [kind for kind in KINDS.values() if may_bring(user, kind)]
    return sorted(kinds, key=lambda kind: str(kind.title))


def title(name: str) -> str | Promise:
    """Return what a kind is called; its bare name where no app knows it any more."""
    kind = KINDS.get(name)
    return kind.title if kind else name


def choices(kinds: Any) -> list[tuple[str, str]]:
    return sorted(((kind.name, str(kind.title)) for kind in kinds), key=lambda one: one[1])


class KindFilter(DropdownFilter):
    title = _("kind")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return choices(KINDS.values())

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(kind=self.value()) if self.value() else queryset
