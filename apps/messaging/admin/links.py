"""Personal links and who followed them; the token itself is nowhere to be read."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    ChoicesDropdownFilter,
    RadioFilter,
)

from apps.core import clock
from apps.core.admin.display import badge, column, linked, list_url, moment, page_url, pill
from apps.core.admin.filters import MomentFilter
from apps.core.admin.pages import ReadOnlyPage, deed, panel
from apps.events.admin import NamedSubjects, in_words, subjects, words
from apps.events.models import Event
from apps.messaging.actions.links import revoke_link
from apps.messaging.models.links import Hit, Link, Opening
from apps.messaging.models.outbox import Message
from apps.messaging.queries.conversions import conversions, visits_after
from apps.profiles.models import Channel

SHOWN = 50
LOOKED = {"human": "good", "machine": "quiet"}
SIGNS = {
    "head": _("asked for the head of the page alone"),
    "prefetch": _("fetched it ahead"),
    "agent": _("calls itself a program"),
    "bare": _("says no language"),
    "soon": _("came within seconds of the sending"),
    "no_gesture": _("made no gesture"),
}


class UsableFilter(RadioFilter):
    title = _("usable")
    parameter_name = "usable"

    def lookups(self, request: HttpRequest, page: object) -> list[tuple[str, object]]:
        return [("yes", _("leads to the page")), ("no", _("revoked"))]

    def queryset(self, request: HttpRequest, links: QuerySet[Link]) -> QuerySet[Link]:
        if self.value() not in {"yes", "no"}:
            return links
        return links.filter(revoked_at__isnull=self.value() == "yes")


def is_usable(link: Link) -> bool:
    return link.revoked_at is None


@admin.register(Link)
class LinkPage(NamedSubjects, ReadOnlyPage[Link]):
    list_display = [
        "created_at",
        linked("client", _("client"), "last_name"),
        "about",
        "usable",
        "revoked_at",
    ]
    list_select_related = ["client"]
    list_filter = [
        UsableFilter,
        ("client", AutocompleteSelectFilter),
        ("created_at", MomentFilter),
    ]
    search_fields = ["^client__last_name", "^client__first_name"]
    ordering = ["-pk"]
    fields = ["client", "contact_point", "about", "created_at", "revoked_at"]
    readonly_fields = ["about"]
    export_without = ("key", "nonce", "token_hash")

    @column(_("usable"), ordering="revoked_at")
    def usable(self, link: Link) -> str:
        return pill(_("usable"), "good") if is_usable(link) else pill(_("revoked"))


@deed(Link, _("Revoke"), permission="messaging.change_link", icon="link_off", offered=is_usable)
def revoke(request: HttpRequest, link: Link) -> None:
    if revoke_link(link.pk, at=clock.now()):
        messages.success(request, gettext("The link leads nowhere any more."))
    else:
        messages.warning(request, gettext("The link was revoked already."))


@panel(Link, _("What it led to"), permission="events.view_event")
def led_to(_request: HttpRequest, link: Link) -> dict[str, Any]:
    led = list(conversions(link)[:SHOWN])
    return {
        "headers": [_("when"), _("what happened")],
        "rows": [[moment(event.occurred_at), in_words(event)] for event in led],
        "empty": _("Nothing that is wished for, within seven days of a person's visit."),
    }


@admin.register(Hit)
class HitPage(ReadOnlyPage[Hit]):
    list_display = [
        "occurred_at", linked("link__client", _("client"), "last_name"),
        badge("verdict", _("verdict"), human="good"), "gesture", "signs_said", "agent",
    ]  # fmt: skip
    list_select_related = ["link__client"]
    list_filter = [("verdict", ChoicesDropdownFilter), ("occurred_at", MomentFilter)]
    search_fields = ["^link__client__last_name", "^link__client__first_name"]
    ordering = ["-pk"]
    exclude = ["signs", "campaign"]
    readonly_fields = ["signs_said", "campaign_said"]

    @column(_("signs of a machine"))
    def signs_said(self, hit: Hit) -> str:
        return signs_of(hit)

    @column(_("campaign"))
    def campaign_said(self, hit: Hit) -> str:
        return ", ".join(f"{name}: {said}" for name, said in hit.campaign.items()) or "–"


@admin.register(Opening)
class OpeningPage(ReadOnlyPage[Opening]):
    """Recorded, and nothing depends on it: programs that look at letters ask for images too."""

    list_display = [
        "occurred_at", linked("message__notice__client", _("client"), "last_name"),
        linked("message", _("message"), "message"), "agent",
    ]  # fmt: skip
    list_select_related = ["message__notice__client"]
    list_filter = [("occurred_at", MomentFilter)]
    search_fields = [
        "^message__notice__client__last_name",
        "^message__notice__client__first_name",
    ]
    ordering = ["-pk"]


@panel(Link, _("Who followed it"), permission="messaging.view_hit", wide=True)
def followed(_request: HttpRequest, link: Link) -> dict[str, Any]:
    return visits(link.hits.order_by("-occurred_at", "-pk")[:SHOWN], []) | {
        "more": _("All"),
        "more_url": list_url(Hit, link__id__exact=link.pk),
    }


@panel(Message, _("Who looked at it"), permission="messaging.view_hit", wide=True)
def looked_at(_request: HttpRequest, message: Message) -> dict[str, Any] | None:
    """Show visits by the message's link since it was sent, and its opening picture."""
    if message.sent_at is None:
        return None
    return visits(visits_after(message)[:SHOWN], message.openings.order_by("-pk")[:SHOWN])


def visits(hits: Iterable[Hit], openings: Iterable[Opening]) -> dict[str, Any]:
    by_link = [
        [moment(hit.occurred_at), pill(hit.get_verdict_display(), LOOKED[hit.verdict]),
         hit.get_gesture_display() or signs_of(hit), hit.agent]
        for hit in hits
    ]  # fmt: skip
    by_picture = [
        [moment(one.occurred_at), pill(gettext("opening picture")), "–", one.agent]
        for one in openings
    ]
    return {
        "headers": [_("when"), _("who"), _("by which sign"), _("program")],
        "rows": by_link + by_picture,
        "empty": _("Nobody yet."),
    }


def signs_of(hit: Hit) -> str:
    return ", ".join(str(SIGNS.get(sign, sign)) for sign in hit.signs) or "–"


@subjects("link")
def links_named(ids: Iterable[int]) -> dict[int, tuple[str, str]]:
    return {link.pk: (str(link), page_url(link)) for link in Link.objects.filter(pk__in=list(ids))}


@words("message.sent")
def sent_told(event: Event) -> str:
    if event.properties["channel"] == Channel.CALL:
        return gettext("Put into the advisers' queue for a call")
    channel = Channel(event.properties["channel"]).label
    return gettext("Message sent by %(channel)s") % {"channel": channel}


@words("message.acknowledged")
def acknowledged_told(_event: Event) -> str:
    return gettext("Acknowledged a notice in the site or app")


@words("message.dismissed")
def dismissed_told(_event: Event) -> str:
    return gettext("Closed a notice in the site or app")


@words("message.followed")
def followed_told(_event: Event) -> str:
    return gettext("Opened his page from a notice in the site or app")


@words("link.opened")
def opened_told(_event: Event) -> str:
    return gettext("Followed his link")


@words("page.opened_by_staff")
def opened_by_staff_told(event: Event) -> str:
    return gettext("Page looked at by %(name)s of the staff") % {"name": event.properties["name"]}


@words("page.figures_shown")
def figures_shown_told(_event: Event) -> str:
    return gettext("Looked at his figures")
