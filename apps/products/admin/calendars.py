"""Calendars of exchanges: looked at by months, overridden for the record, and what moved by it."""

from datetime import date
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.urls import reverse
from django.utils.dates import WEEKDAYS_ABBR
from django.utils.formats import time_format
from django.utils.translation import gettext, ngettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    ChoicesDropdownFilter,
    RangeDateFilter,
)

from apps.core import clock
from apps.core.admin.display import badge, column, day, moment, page_link
from apps.core.admin.pages import Page, ReadOnlyPage, panel
from apps.events.admin import words
from apps.events.models import Event
from apps.products.actions.calendars import override_day, said_already
from apps.products.imports.markets import TradingDayResource
from apps.products.models.calendars import CalendarOverride, ObservationMove
from apps.products.models.feeds import Feed
from apps.products.models.markets import Exchange, TradingDay
from apps.products.models.strategies import Observation
from apps.products.queries.calendars import SHOWN, Day, calendar_of, later

FARTHEST = 200  # years from now; months beyond them are nobody's question


@admin.register(Exchange)
class ExchangePage(Page[Exchange]):
    list_display = ["code", "name", "time_zone", "closes_at"]
    search_fields = ["code", "name"]
    ordering = ["code"]


@panel(
    Exchange, _("Calendar"), permission="products.view_tradingday", wide=True,
    template="products/admin/calendar.html",
)  # fmt: skip
def calendar_shown(request: HttpRequest, exchange: Exchange) -> dict[str, Any]:
    first = _month(request.GET.get("month", ""))
    months = [
        {
            "first": month.first,
            "weeks": [[one and _cell(one) for one in week] for week in month.weeks],
        }
        for month in calendar_of(exchange, first)
    ]
    return {
        "exchange": exchange,
        "months": months,
        "weekdays": WEEKDAYS_ABBR.values(),
        "earlier": later(first, -SHOWN),
        "later": later(first, SHOWN),
        "add_url": reverse("admin:products_calendaroverride_add"),
        "may_change": request.user.has_perm("products.add_calendaroverride"),
    }


def _month(text: str) -> date:
    """Return the first of the month asked for, this month's for one that no calendar reaches."""
    this = clock.now().date().replace(day=1)
    try:
        asked = date.fromisoformat(f"{text}-01")
    except ValueError:
        return this
    return asked if abs(asked.year - this.year) <= FARTHEST else this


def _cell(one: Day) -> dict[str, Any]:
    notes = []
    if one.closes_at:
        notes.append(gettext("closes at %s") % time_format(one.closes_at))
    if one.override:
        who = one.override.made_by or "–"
        notes.append(f"{one.override.get_kind_display()}: {one.override.reason} ({who})")
    if one.observations:
        notes.append(
            ngettext("%d observation", "%d observations", one.observations) % one.observations
        )
    return {
        "day": one.day,
        "state": one.state,
        "override": one.override,
        "observations": one.observations,
        "note": " · ".join(notes),
    }


@admin.register(TradingDay)
class TradingDayPage(ReadOnlyPage[TradingDay]):
    """Sessions come from calendars and files; a person's word on a day is a calendar override."""

    resource_classes = [TradingDayResource]
    list_display = ["day", "exchange", "closes_at", badge("origin", _("known from"))]
    list_select_related = ["exchange"]
    list_filter = [
        ("exchange", AutocompleteSelectFilter),
        ("origin", ChoicesDropdownFilter),
        ("day", RangeDateFilter),
    ]
    search_fields = ["exchange__code"]
    date_hierarchy = "day"
    ordering = ["-day", "exchange"]


class OverrideForm(forms.ModelForm[CalendarOverride]):
    class Meta:
        model = CalendarOverride
        fields = ["exchange", "day", "kind", "closes_at", "reason"]

    def clean(self) -> dict[str, Any]:
        said: dict[str, Any] = super().clean() or self.cleaned_data
        if {"exchange", "day", "kind"} <= said.keys():
            known = said_already(said["exchange"], said["day"], said["kind"], said.get("closes_at"))
            if known:
                raise ValidationError(known)
        return said


@admin.register(CalendarOverride)
class CalendarOverridePage(Page[CalendarOverride]):
    """What a person says of a day is kept for ever; saying it anew corrects it."""

    form = OverrideForm
    list_display = [
        "day", "exchange", badge("kind", _("trading"), closed="bad", early="wait", open="good"),
        "closes_at", "reason", "made_by", "made_at",
    ]  # fmt: skip
    list_select_related = ["exchange", "made_by"]
    list_filter = [
        ("exchange", AutocompleteSelectFilter),
        ("kind", ChoicesDropdownFilter),
        ("day", RangeDateFilter),
    ]
    search_fields = ["exchange__code", "reason"]
    autocomplete_fields = ["exchange"]
    date_hierarchy = "day"
    ordering = ["-made_at"]

    def has_change_permission(
        self, request: HttpRequest, row: CalendarOverride | None = None
    ) -> bool:
        return False

    def has_delete_permission(
        self, request: HttpRequest, row: CalendarOverride | None = None
    ) -> bool:
        return False

    def save_model(
        self, request: HttpRequest, obj: CalendarOverride, form: Any, change: Any
    ) -> None:
        made, moved = override_day(
            obj.exchange_id,
            obj.day,
            obj.kind,
            closes_at=obj.closes_at,
            reason=obj.reason,
            by=request.user if request.user.is_authenticated else None,
            at=clock.now(),
        )
        obj.pk, obj.made_at, obj.made_by = made.pk, made.made_at, made.made_by
        if moved:
            messages.info(
                request,
                ngettext(
                    "%d observation was derived anew; its holders' timelines tell.",
                    "%d observations were derived anew; their holders' timelines tell.",
                    moved,
                )
                % moved,
            )


@admin.register(ObservationMove)
class ObservationMovePage(ReadOnlyPage[ObservationMove]):
    list_display = ["observation", "from_on", "to_on", "because", "moved_at"]
    list_select_related = ["observation__strategy"]
    list_filter = [
        ("observation__strategy", AutocompleteSelectFilter),
        ("moved_at", RangeDateFilter),
    ]
    search_fields = ["observation__strategy__code", "observation__strategy__name", "because"]
    date_hierarchy = "moved_at"
    ordering = ["-pk"]


@panel(Observation, _("Moved"), permission="products.view_observationmove", wide=True)
def moves_of(_request: HttpRequest, observation: Observation) -> dict[str, Any] | None:
    moves = list(observation.moves.all())
    if not moves:
        return None
    return {
        "headers": [
            pgettext_lazy("moment", "from"),
            pgettext_lazy("moment", "to"),
            _("because"),
            _("moved"),
        ],
        "rows": [
            [
                day(move.from_on),
                day(move.to_on),
                move.because,
                page_link(move, moment(move.moved_at)),
            ]
            for move in moves
        ],
    }


@admin.register(Feed)
class FeedPage(Page[Feed]):
    list_display = ["name", "exchange", "source", "due_after", "shown_state"]
    list_select_related = ["exchange"]
    list_filter = [("exchange", AutocompleteSelectFilter)]
    search_fields = ["name", "source", "exchange__code"]
    autocomplete_fields = ["exchange"]
    ordering = ["name"]

    @column(_("expected"), ordering="expected")
    def shown_state(self, feed: Feed) -> str:
        return gettext("yes") if feed.expected else gettext("no")


@words("observation.moved")
def move_told(event: Event) -> str:
    """Tell a new date, with the old one and the reason."""
    said = {name: day(date.fromisoformat(event.properties[name])) for name in ("from", "to")} | {
        "because": event.properties["because"]
    }
    return gettext("Date moved from %(from)s to %(to)s: %(because)s") % said
