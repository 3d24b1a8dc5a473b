"""Which moves of the market clients are told of, and which there were."""

from decimal import Decimal

from django.contrib import admin
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    AutocompleteSelectMultipleFilter,
    BooleanRadioFilter,
    ChoicesDropdownFilter,
    RangeDateFilter,
)

from apps.core.admin.display import badge, column, linked, page_link, percent, percents
from apps.core.admin.pages import Page, ReadOnlyPage
from apps.events.admin import words
from apps.events.models import Event
from apps.products.models.moves import HoldingMove, MoveDay, MoveRule, UnderlyingMove


@admin.register(MoveRule)
class MoveRulePage(Page[MoveRule]):
    list_display = [
        "applies_to", percents("holding_step", _("step of a holding")),
        percents("share_band", _("band of a day")), "tells_rises",
    ]  # fmt: skip
    list_select_related = ["client"]
    list_filter = [("tier", ChoicesDropdownFilter), ("client", AutocompleteSelectFilter)]
    search_fields = ["^client__last_name", "^client__first_name", "=tier"]
    autocomplete_fields = ["client"]
    ordering = ["client", "tier"]
    fieldsets = [
        (_("For whom"), {"fields": [("client", "tier")]}),
        (_("Told at"), {"fields": [("holding_step", "share_band"), "tells_rises"]}),
    ]

    @column(_("for"))
    def applies_to(self, rule: MoveRule) -> str:
        return str(rule)


@admin.register(HoldingMove)
class HoldingMovePage(ReadOnlyPage[HoldingMove]):
    list_display = [
        "day", linked("account", _("account"), "number"),
        linked("account__client", _("client"), "last_name"), "share", badge("basis", _("counted")),
        percents("rate", _("change")), "rung", "noticed_at",
    ]  # fmt: skip
    list_select_related = ["account__client", "underlying"]
    list_filter = [
        ("basis", ChoicesDropdownFilter),
        ("falls", BooleanRadioFilter),
        ("underlying", AutocompleteSelectMultipleFilter),
        ("account", AutocompleteSelectFilter),
        ("day", RangeDateFilter),
    ]
    search_fields = ["account__number__startswith", "^account__client__last_name"]
    ordering = ["-pk"]

    @column(_("fund or share"), ordering="underlying__ticker")
    def share(self, move: HoldingMove) -> str:
        return page_link(move.underlying) if move.underlying else gettext("the whole account")


@admin.register(UnderlyingMove)
class UnderlyingMovePage(ReadOnlyPage[UnderlyingMove]):
    list_display = [
        "day",
        linked("underlying", _("fund or share"), "ticker"),
        percents("rate", _("change")),
        "before_on",
        "noticed_at",
    ]
    list_select_related = ["underlying"]
    list_filter = [
        ("underlying", AutocompleteSelectMultipleFilter),
        ("day", RangeDateFilter),
    ]
    search_fields = ["underlying__ticker", "underlying__name"]
    date_hierarchy = "day"
    ordering = ["-day", "-pk"]


@admin.register(MoveDay)
class MoveDayPage(ReadOnlyPage[MoveDay]):
    list_display = ["day", "begun_at", "ended_at"]
    list_filter = [("day", RangeDateFilter)]
    search_fields = ["=day"]
    date_hierarchy = "day"
    ordering = ["-day"]


@words("holding.moved")
def holding_told(event: Event) -> str:
    """Tell the greatest move of what the client holds, and how many more there were."""
    values, moves = event.properties.get("values", {}), event.properties.get("moves", [])
    said = gettext("%(what)s moved by %(rate)s") % {
        "what": values.get("what", gettext("A holding")),
        "rate": percent(Decimal(str(moves[0]["rate"]))) if moves else "–",
    }
    return f"{said} (+{len(moves) - 1})" if len(moves) > 1 else said


@words("underlying.moved")
def underlying_told(event: Event) -> str:
    """Tell what moved far in one day of what the client holds."""
    return gettext("Moved far in one day: %(moves)s") % {
        "moves": ", ".join(
            f"{move['name']} {percent(Decimal(str(move['rate'])))}"
            for move in event.properties.get("moves", [])
        )
    }
