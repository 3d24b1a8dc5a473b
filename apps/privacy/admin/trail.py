"""The audit trail: on a client's page, and as a list with filters that may be taken out."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import (
    ChoicesDropdownFilter,
    FieldTextFilter,
    RelatedDropdownFilter,
)

from apps.core.admin.display import badge, column, list_url, moment, pill
from apps.core.admin.filters import MomentFilter
from apps.core.admin.pages import ReadOnlyPage, panel
from apps.core.models import Change
from apps.privacy.queries.trail import RECENT, told, trail_of
from apps.profiles.models import Client

TONES = {"added": "good", "changed": "wait", "removed": "bad"}
EMPTY = "–"


def written(values: Iterable[tuple[str, Any, Any]]) -> SafeString | str:
    """Write what changed, a line a column: phone: old → new."""
    return format_html_join(
        "",
        '<div class="desk-change"><span>{}</span> <del>{}</del> → <ins>{}</ins></div>',
        ((name, shown(before), shown(after)) for name, before, after in values),
    )


def shown(value: object) -> object:
    return EMPTY if value is None or value in ("", {}, []) else value


def who(change: Change) -> str:
    return change.by_name or gettext("nobody we know of")


def door(change: Change) -> Promise | str:
    return change.get_channel_display() if change.channel else _("the database itself")


class OfClientFilter(admin.SimpleListFilter):
    """All lines about one client's rows: `?client=42`, as his page links to it."""

    title = _("client")
    parameter_name = "client"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        said = request.GET.get(self.parameter_name, "")
        client = Client.objects.filter(pk=said).first() if said.isdecimal() else None
        return [(said, str(client))] if client else []

    def queryset(self, request: HttpRequest, rows: QuerySet[Change]) -> QuerySet[Change]:
        return trail_of(int(self.value() or 0)) if (self.value() or "").isdecimal() else rows


@admin.register(Change)
class ChangePage(ReadOnlyPage[Change]):
    list_display = ["at", "by_whom", "through", badge("kind", _("kind"), **TONES), "what", "told",
                    "reason"]  # fmt: skip
    list_select_related = ["by"]
    list_filter = [
        OfClientFilter,
        ("at", MomentFilter),
        ("kind", ChoicesDropdownFilter),
        ("channel", ChoicesDropdownFilter),
        ("by", RelatedDropdownFilter),
        ("table_name", FieldTextFilter),
    ]
    search_fields = ["row_id__exact", "batch__exact"]
    search_help_text = _("The number of a row or of a file")
    ordering = ["-pk"]
    fields = ["at", "by_whom", "through", "kind", "what", "rows_added", "told", "reason", "batch",
              "sealed_at"]  # fmt: skip
    export_without = ("rows",)

    @column(_("by"))
    def by_whom(self, change: Change) -> str:
        return who(change)

    @column(_("through"), ordering="channel")
    def through(self, change: Change) -> Promise | str:
        return door(change)

    @column(_("what"), ordering="table_name")
    def what(self, change: Change) -> str:
        return f"{told(change).what} {change.row_id or count_of(change)}"

    @column(_("before → after"))
    def told(self, change: Change) -> SafeString | str:
        if change.sealed_at:
            return pill(gettext("sealed by an erasure"))
        return written(told(change).values) or EMPTY

    @column(_("added rows"))
    def rows_added(self, change: Change) -> str:
        return ", ".join(
            f"{run.lower}" if run.upper == run.lower + 1 else f"{run.lower}–{run.upper - 1}"
            for run in change.rows or ()
        )


def count_of(change: Change) -> str:
    count = sum(run.upper - run.lower for run in change.rows or ())
    return f"× {count}" if count > 1 else f"{change.rows[0].lower}" if count else ""


@panel(Client, _("Who changed what"), permission="core.view_change", wide=True, order=95)
def trail_on_page(_request: HttpRequest, client: Client) -> dict[str, Any]:
    lines = [told(change) for change in trail_of(client.pk)[:RECENT]]
    return {
        "headers": [_("when"), _("by"), _("through"), _("what"), _("before → after"), _("why")],
        "rows": [
            [
                moment(line.change.at),
                who(line.change),
                door(line.change),
                format_html(
                    "{} {}",
                    line.what,
                    pill(line.change.get_kind_display(), TONES[line.change.kind]),
                ),
                pill(_("sealed by an erasure")) if line.change.sealed_at else written(line.values),
                line.change.reason,
            ]
            for line in lines
        ],
        "empty": _("Nothing was changed since the trail is kept."),
        "more": _("All"),
        "more_url": list_url(Change, client=client.pk),
    }
