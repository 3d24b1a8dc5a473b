"""What every back-office page is made of: lists, forms, panels beside them and deeds to do there.

A panel or a deed is given to a page from above: the client's page lies in profiles, his policies
are shown on it by products and his messages by messaging, which profiles knows nothing of.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Generic, TypeVar

from django import forms
from django.contrib import messages
from django.contrib.admin import ShowFacets
from django.core.exceptions import PermissionDenied
from django.db.models import DecimalField, Model
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
)
from django.urls import URLPattern, path, reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from import_export.admin import ExportMixin
from import_export.formats.base_formats import XLSX
from import_export.resources import modelresource_factory
from unfold.admin import ModelAdmin
from unfold.contrib.import_export.forms import ExportForm

from apps.core.admin.display import Text, page_url
from apps.core.admin.files import CsvFile, GuardedResource
from apps.core.admin.finding import Finding
from apps.core.admin.masked import Masked
from apps.core.imports.kinds import KINDS
from apps.core.masking import showing_to

M = TypeVar("M", bound=Model)

Read = Callable[[HttpRequest, Any], dict[str, Any] | None]
Act = Callable[[HttpRequest, Any], HttpResponse | None]


@dataclass(frozen=True)
class Panel:
    """Something shown on a row's page by an app above the row's own."""

    title: Text
    template: str
    permission: str
    wide: bool
    order: int
    read: Read


@dataclass(frozen=True)
class Deed:
    """Something to do with the row on whose page its button stands; done by POST alone."""

    name: str
    label: Text
    icon: str
    permission: str
    new_tab: bool
    offered: Callable[[Any], bool]
    act: Act


_panels: dict[type[Model], list[Panel]] = defaultdict(list)
_deeds: dict[type[Model], dict[str, Deed]] = defaultdict(dict)


def panel(
    model: type[Model],
    title: Text,
    *,
    permission: str,
    template: str = "core/admin/table.html",
    wide: bool = False,
    order: int = 50,
) -> Callable[[Read], Read]:
    """Show what the function reads on every page of the model; None shows nothing."""

    def register(read: Read) -> Read:
        _panels[model].append(Panel(title, template, permission, wide, order, read))
        _panels[model].sort(key=lambda each: each.order)
        return read

    return register


def deed(
    model: type[Model],
    label: Text,
    *,
    permission: str,
    icon: str = "play_arrow",
    new_tab: bool = False,
    offered: Callable[[Any], bool] = bool,
) -> Callable[[Act], Act]:
    """Put a button on every page of the model; where the function returns None, the page follows.

    Where more than one right is needed, `permission` names them with blanks between.
    """

    def register(act: Act) -> Act:
        name = act.__name__
        _deeds[model][name] = Deed(name, label, icon, permission, new_tab, offered, act)
        return act

    return register


class PlainDecimalField(forms.DecimalField):
    """A number as people write it: 0.75, where the column would say 0.75000000, and 0, not 0E-8."""

    def prepare_value(self, value: Any) -> Any:
        return f"{value.normalize():f}" if isinstance(value, Decimal) else value


class PlainNumbers:
    """Gives a form's decimals their plain way of writing."""

    formfield_overrides = {DecimalField: {"form_class": PlainDecimalField}}


class Page(Masked, Finding, PlainNumbers, ExportMixin, ModelAdmin, Generic[M]):
    """A list and a form of the back office; the list may be taken out as a file."""

    change_form_template = "core/admin/change_form.html"
    import_export_change_list_template = "core/admin/change_list.html"
    export_form_class = ExportForm
    export_formats = [CsvFile, XLSX]
    export_without: tuple[str, ...] = ()  # columns that never leave the house
    list_fullwidth = True
    list_filter_submit = True
    list_per_page = 50
    show_full_result_count = False  # a second count of millions of rows for one grey number
    show_facets = ShowFacets.NEVER  # nor one for every choice of every filter
    warn_unsaved_form = True

    def has_export_permission(self, request: HttpRequest) -> bool:
        allowed: bool = self.has_view_permission(request)
        return allowed and request.user.has_perm("profiles.export_lists")

    def get_export_resource_classes(self, request: HttpRequest) -> list[type]:
        if self.resource_classes:
            return list(self.resource_classes)
        return [
            modelresource_factory(
                self.model,
                resource_class=GuardedResource,
                meta_options={"exclude": self.export_without},
            )
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        door = {"import_url": self.import_url(request)}
        page: HttpResponse = super().changelist_view(request, door | (extra_context or {}))
        return page

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Offer to show all rows only where something leaves some out."""
        page = super().get_changelist_instance(request)
        if not page.query and not page.get_filters_params():
            page.full_result_count = page.result_count
        return page

    def import_url(self, request: HttpRequest) -> str:
        """Return where a file of these rows is brought in; empty where this person may not."""
        kinds = (kind for kind in KINDS.values() if kind.resource._meta.model is self.model)
        kind = next(kinds, None)
        if kind is None or not request.user.has_perms(kind.permissions):
            return ""
        return f"{reverse('admin:files_batch_add')}?{urlencode({'kind': kind.name})}"

    def get_urls(self) -> list[URLPattern]:
        meta = self.model._meta
        do = path(
            "<path:object_id>/do/<slug:name>/",
            self.admin_site.admin_view(self.do_view),
            name=f"{meta.app_label}_{meta.model_name}_do",
        )
        return [do, *super().get_urls()]

    def do_view(self, request: HttpRequest, object_id: str, name: str) -> HttpResponse:
        """Do a deed with the row and return to its page, unless the deed leads elsewhere."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        chosen = _deeds[self.model].get(name)
        row = self.get_object(request, object_id)
        if chosen is None or row is None:
            raise Http404
        if not (
            self.has_view_permission(request, row)
            and request.user.has_perms(chosen.permission.split())
        ):
            raise PermissionDenied
        if not chosen.offered(row):
            messages.warning(request, _("There is nothing to do any more."))
        elif answer := chosen.act(request, row):
            return answer
        return HttpResponseRedirect(page_url(row))

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        row = context.get("original")
        if row is not None and not context.get("is_popup"):
            with showing_to(request.user):
                context["panels"] = self.panels_of(request, row)
                context["deeds"] = self.deeds_of(request, row)
        page: HttpResponse = super().render_change_form(request, context, *args, **kwargs)
        return page

    def deeds_of(self, request: HttpRequest, row: M) -> list[dict[str, Any]]:
        meta = self.model._meta
        do = f"admin:{meta.app_label}_{meta.model_name}_do"
        return [
            {"deed": each, "url": reverse(do, args=[row.pk, each.name])}
            for each in _deeds[self.model].values()
            if request.user.has_perms(each.permission.split()) and each.offered(row)
        ]

    def panels_of(self, request: HttpRequest, row: M) -> list[dict[str, Any]]:
        shown = []
        for each in _panels[self.model]:
            if request.user.has_perm(each.permission):
                content = each.read(request, row)
                if content is not None:
                    shown.append({"panel": each, "content": content})
        return shown


class ReadOnlyPage(Page[M]):
    """A page of rows that only the product itself writes."""

    warn_unsaved_form = False

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, row: M | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, row: M | None = None) -> bool:
        return False
