"""Previews of restatements that are worked out aside: how far they are, and what they found."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from apps.core.admin.display import badge, linked
from apps.core.admin.pages import ReadOnlyPage, deed, panel
from apps.products.actions.restatement.foreseeing import progress
from apps.products.admin.markets import confirm_held
from apps.products.admin.previews import foresight_table, how_far
from apps.products.models.markets import Quote
from apps.products.models.restatements import Foresight

LIVE = 2_000  # milliseconds between two looks
ON_ITS_WAY = {Foresight.State.ASKED, Foresight.State.WORKING}


@admin.register(Foresight)
class ForesightPage(ReadOnlyPage[Foresight]):
    list_display = [
        "asked_at", badge("state", _("state"), done="good", failed="bad", working="wait"),
        linked("restatement", _("restatement"), "reason"), "begun_at",
    ]  # fmt: skip
    list_select_related = ["restatement"]
    ordering = ["-pk"]
    fields = [*list_display]
    readonly_fields = [*fields]

    class Media:
        js = ["core/live.js"]


@panel(
    Foresight, _("What it would change"), permission="products.view_foresight", wide=True,
    template="products/admin/foreseen.html",
)  # fmt: skip
def foreseen(_request: HttpRequest, row: Foresight) -> dict[str, Any]:
    is_moving = row.state in ON_ITS_WAY
    done, total = progress(row)
    return {
        **foresight_table(row),
        "more": "",
        "said": how_far(row),
        "every": LIVE if is_moving else "",
        "percent": 100 * done // total if total else 0,
        "label": _("How far it is"),
    }


def is_of_quotes(row: Foresight) -> bool:
    return row.state == Foresight.State.DONE and bool(row.quotes)


@deed(
    Foresight, _("Confirm held quotes"), permission="products.change_quote", icon="check",
    offered=is_of_quotes,
)  # fmt: skip
def confirm(request: HttpRequest, row: Foresight) -> None:
    confirm_held(request, Quote.objects.filter(pk__in=row.quotes))
