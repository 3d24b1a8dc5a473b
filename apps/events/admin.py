"""The timeline in words; each app tells what its kinds of event mean and what subjects are called."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

from django.contrib import admin
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    FieldTextFilter,
    MultipleChoicesDropdownFilter,
)

from apps.core.admin.display import badge, column, list_url, moment, page_link, page_url
from apps.core.admin.filters import MomentFilter
from apps.core.admin.pages import ReadOnlyPage, panel
from apps.core.site import COUNTED, Concern, Line, concerns
from apps.events.models import Arrival, Event, Stray
from apps.events.queries import timeline
from apps.profiles.models import Client

Words = Callable[[Event], str]
Names = Callable[[Iterable[int]], Mapping[int, tuple[str, str]]]

PATIENCE = timedelta(minutes=1)  # a drain comes every second

_words: dict[str, Words] = {}
_names: dict[str, Names] = {}


def words(*kinds: str) -> Callable[[Words], Words]:
    """Have events of these kinds told by the function."""

    def register(tell: Words) -> Words:
        _words.update(dict.fromkeys(kinds, tell))
        return tell

    return register


def known_kinds() -> list[str]:
    """Return the kinds that the product itself records and tells in words."""
    return sorted(_words)


def subjects(kind: str) -> Callable[[Names], Names]:
    """Have subjects like "policy:42" named by the function: ids to (name, address)."""

    def register(name: Names) -> Names:
        _names[kind] = name
        return name

    return register


def has_words(kind: str) -> bool:
    """Say whether events of the kind are our own and told in words of ours."""
    return kind in _words


def in_words(event: Event) -> str:
    """Tell an event in a sentence; a kind nobody explains is told by its name and values."""
    if tell := _words.get(event.kind):
        return tell(event)
    values = ", ".join(f"{name}: {value}" for name, value in event.properties.items())
    name = event.kind.replace(".", " ").replace("_", " ").capitalize()
    return f"{name} ({values})" if values else name


class About(Protocol):
    """A row of any table whose subject is a text like "policy:42"."""

    subject: str


def named(events: Iterable[About]) -> dict[str, SafeString | str]:
    """Return a linked name for every subject of the events, one query a kind of subject."""
    wanted: dict[str, set[int]] = defaultdict(set)
    for event in events:
        kind, _colon, number = event.subject.partition(":")
        if number.isdigit():
            wanted[kind].add(int(number))
    links: dict[str, SafeString | str] = {}
    for kind, ids in wanted.items():
        known = _names[kind](ids) if kind in _names else {}
        for pk, (name, url) in known.items():
            links[f"{kind}:{pk}"] = format_html('<a class="desk-link" href="{}">{}</a>', url, name)
    return links


class NamedSubjects:
    """Gives a page the column `about`: the subject by its name, one query a kind and list."""

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        changes = super().get_changelist_instance(request)  # type: ignore[misc]
        names = named(changes.result_list)
        for row in changes.result_list:
            row.subject_named = names.get(row.subject, row.subject)
        return changes

    @column(gettext_lazy("about"), ordering="subject")
    def about(self, row: Any) -> SafeString | str:
        if not hasattr(row, "subject_named"):
            row.subject_named = named([row]).get(row.subject, row.subject)
        shown: SafeString | str = row.subject_named
        return shown


@words("client.merged")
def merged_told(event: Event) -> str:
    rows = event.properties["rows"]
    return _("Merged with another record of the same person (%(rows)d rows)") % {"rows": rows}


@words("client.unmerged")
def unmerged_told(_event: Event) -> str:
    return _("Merge taken back: two people after all")


@subjects("client")
def clients_named(ids: Iterable[int]) -> dict[int, tuple[str, str]]:
    return {row.pk: (str(row), page_url(row)) for row in Client.objects.filter(pk__in=list(ids))}


@admin.register(Event)
class EventPage(NamedSubjects, ReadOnlyPage[Event]):
    list_display = ["occurred_at", "client_name", "told", "kind", "about"]
    list_select_related = ["client"]
    list_filter = [
        ("occurred_at", MomentFilter),
        ("kind", FieldTextFilter),
        ("client", AutocompleteSelectFilter),
    ]
    search_fields = ["kind__exact", "subject__exact"]
    search_help_text = gettext_lazy("The exact kind or subject, like coupon.accrued or policy:42")
    ordering = ["-pk"]

    @column(gettext_lazy("client"))
    def client_name(self, event: Event) -> str:
        return page_link(event.client)

    @column(gettext_lazy("what happened"))
    def told(self, event: Event) -> str:
        return in_words(event)


@admin.register(Stray)
class StrayPage(ReadOnlyPage[Stray]):
    """Events that stand on no timeline; each joins its client when he comes, or is forgotten."""

    list_display = [
        "received_at", badge("reason", gettext_lazy("reason"), no_client="wait", id_used="bad"),
        "reference", "kind", "subject", "occurred_at", "sender",
    ]  # fmt: skip
    list_filter = [
        ("reason", MultipleChoicesDropdownFilter),
        ("kind", FieldTextFilter),
        ("received_at", MomentFilter),
    ]
    search_fields = ["reference__exact", "source_key__exact"]
    search_help_text = gettext_lazy("The client's exact number in the sender's system")
    ordering = ["-pk"]


@concerns("events.view_event")
def arrivals_stuck(at: datetime) -> Iterable[Concern]:
    late = Arrival.objects.filter(received_at__lt=at - PATIENCE).order_by("pk")
    yield Concern(
        title=_("Requests whose events are on no timeline yet"),
        count=late[: COUNTED + 1].count(),
        url=list_url(Event),
        lines=[Line(row.sender, moment(row.received_at)) for row in late[:1]],
        tone="bad",
    )


@concerns("events.view_stray")
def events_without_client(_at: datetime) -> Iterable[Concern]:
    for reason, title in (
        (Stray.Reason.NO_CLIENT, _("Events of clients whom nobody knows yet")),
        (Stray.Reason.ID_USED, _("Events whose id was used for another moment")),
    ):
        rows = Stray.objects.filter(reason=reason).order_by("-pk")
        yield Concern(
            title=title,
            count=rows[: COUNTED + 1].count(),
            url=list_url(Stray, reason__exact=reason),
            lines=[
                Line(f"{row.kind}: {row.reference}", row.sender, page_url(row)) for row in rows[:5]
            ],
            icon="person_search",
        )


@panel(
    Client,
    gettext_lazy("Timeline"),
    permission="events.view_event",
    template="events/admin/timeline.html",
)
def timeline_of(_request: HttpRequest, client: Client) -> dict[str, Any]:
    return moments(timeline(client)) | {
        "more": _("All"),
        "more_url": list_url(Event, client__id__exact=client.pk),
    }


def moments(events: list[Event]) -> dict[str, Any]:
    """Return what the timeline's template shows of events."""
    links = named(events)
    told: list[tuple[Event, str | Promise, SafeString | str]] = [
        (event, in_words(event), links.get(event.subject, event.subject)) for event in events
    ]
    return {"moments": told}
