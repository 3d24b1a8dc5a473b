"""Whom we told, whom we did not and why; nobody writes here but the product."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import mark_safe
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    MultipleChoicesDropdownFilter,
    MultipleRelatedDropdownFilter,
)

from apps.core.admin.display import (
    column,
    linked,
    list_url,
    moment,
    money,
    page_link,
    pill,
    stacked,
)
from apps.core.admin.filters import MomentFilter
from apps.core.admin.finding import searched
from apps.core.admin.pages import ReadOnlyPage, panel
from apps.core.masking import may_see
from apps.events.admin import NamedSubjects
from apps.messaging.actions.archive import is_as_sent
from apps.messaging.actions.previews import as_sent
from apps.messaging.models.archive import Sealed
from apps.messaging.models.outbox import Digest, Message, Notice
from apps.messaging.models.reactions import Reaction
from apps.messaging.queries.desk import messages_to
from apps.messaging.queries.reasons import said
from apps.messaging.speech import SpeechError, masked, spoken, typed
from apps.profiles.admin.finding import points_at
from apps.profiles.models import Channel, Client

TOLD = {
    "drafted": "wait",
    "done": "good",
    "queued": "wait",
    "planned": "wait",
    "skipped": "quiet",
    "failed": "bad",
}
SENT = {
    "sent": "good", "delivered": "good", "queued": "wait", "claimed": "wait", "held": "wait",
    "skipped": "quiet", "failed": "bad", "unknown": "bad",
}  # fmt: skip

FOUND_AT_MOST = 1_000  # messages at one address
REACTED = {"acknowledged": "good", "followed": "good", "dismissed": "quiet"}


@admin.register(Notice)
class NoticePage(NamedSubjects, ReadOnlyPage[Notice]):
    list_display = [
        "created_at", linked("client", _("client"), "last_name"), "template", "variant",
        "stands", "about", "source",
    ]  # fmt: skip
    list_select_related = ["client", "template"]
    list_filter = [
        ("state", MultipleChoicesDropdownFilter),
        ("template", MultipleRelatedDropdownFilter),
        ("client", AutocompleteSelectFilter),
        ("created_at", MomentFilter),
    ]
    search_fields = ["^client__last_name", "^client__first_name", "dedupe_key__exact"]
    ordering = ["-pk"]
    # Until it is sent, the letter that confirms an address has its key among the values.
    readonly_fields = ["about", "values_said", "stands"]
    fieldsets = [
        (None, {"fields": [
            ("client", "template"), "stands", ("about", "source"), ("sending", "hold_out"),
            ("created_at", "deadline_at"), "values_said",
        ]}),
        (_("Particulars"), {"classes": ["collapse"], "fields": [
            ("variant", "segment"), ("result", "contact_point"), ("priority", "dedupe_key"),
        ]}),
    ]  # fmt: skip
    export_without = ("values",)

    @column(_("verdict"), ordering="state")
    def stands(self, notice: Notice) -> str:
        reason = said(notice.reason, template=notice.template)
        return stacked(pill(notice.get_state_display(), TOLD[notice.state]), reason)

    @column(_("values"))
    def values_said(self, notice: Notice) -> str:
        lines = ((name, spelled(value)) for name, value in masked(notice.values).items())
        return format_html_join(mark_safe("<br>"), "{}: {}", lines) or "–"


def spelled(value: Any) -> str:
    """Write a value of a notice as people of the desk read it."""
    match value:
        case dict() if not typed(value):
            return ", ".join(f"{name}: {spelled(item)}" for name, item in value.items())
        case list():
            return "; ".join(spelled(item) for item in value)
        case None | "":
            return "–"
    try:
        return str(spoken(value, get_language() or "en"))
    except SpeechError:
        return str(value)


@panel(Notice, _("Messages"), permission="messaging.view_message", wide=True)
def messages_of(_request: HttpRequest, notice: Notice) -> dict[str, Any]:
    messages = notice.messages.select_related("contact_point").order_by("pk")
    return {
        "headers": [_("channel"), _("to"), _("state"), _("reason"), _("sent"), _("text")],
        "rows": [
            [
                page_link(message, message.get_channel_display()),
                message.contact_point.address,
                pill(message.get_state_display(), SENT[message.state]),
                said(message.reason, message.channel, template=notice.template) or "–",
                moment(message.sent_at),
                message.body or "–",
            ]
            for message in messages
        ],
        "empty": said(notice.reason, template=notice.template) or _("No message is planned yet."),
    }


@admin.register(Message)
class MessagePage(ReadOnlyPage[Message]):
    list_display = [
        "queued_at", linked("notice__client", _("client"), "last_name"), "template_name",
        "channel", "contact_point", "stands", "sent_at",
    ]  # fmt: skip
    list_select_related = ["notice__client", "notice__template", "contact_point"]
    list_filter = [
        ("state", MultipleChoicesDropdownFilter),
        ("channel", MultipleChoicesDropdownFilter),
        ("notice__template", MultipleRelatedDropdownFilter),
        ("notice__client", AutocompleteSelectFilter),
        ("queued_at", MomentFilter),
    ]
    search_fields = [
        "^notice__client__last_name", "^notice__client__first_name", "provider_id__exact",
    ]  # fmt: skip
    ordering = ["-pk"]
    readonly_fields = ["stands", "paid"]
    fieldsets = [
        (None, {"fields": [
            "notice", ("channel", "contact_point"), "stands", ("queued_at", "send_after"),
            ("handed_at", "sent_at"), ("delivered_at", "seen_at"), "ended_at",
        ]}),
        (_("Particulars"), {"classes": ["collapse"], "fields": [
            ("wording", "language"), ("carried_by", "provider_id"), ("parts", "paid"),
            ("number", "is_beside"), ("attempts", "deferrals"), "leased_until",
        ]}),
    ]  # fmt: skip

    class Media:
        css = {"all": ["messaging/content.css"]}

    @column(_("cost"))
    def paid(self, message: Message) -> str:
        provider = message.carried_by
        return money(message.cost, provider.currency) if provider and provider.currency else "–"

    @column(_("state"), ordering="state")
    def stands(self, message: Message) -> str:
        reason = said(message.reason, message.channel, template=message.notice.template)
        return stacked(pill(message.get_state_display(), SENT[message.state]), reason)

    @column(_("template"), ordering="notice__template__name")
    def template_name(self, message: Message) -> str:
        return str(message.notice.template)


@searched(Message, by="contact_point__address")
def messages_at(term: str) -> Iterable[int]:
    sent = Message.objects.filter(contact_point__in=points_at(term)).order_by("-pk")
    return sent.values_list("pk", flat=True)[:FOUND_AT_MOST]


@panel(
    Message, _("What the client saw"), permission="messaging.view_message", wide=True, order=10,
    template="messaging/admin/seen.html",
)  # fmt: skip
def seen_by_client(request: HttpRequest, message: Message) -> dict[str, Any]:
    """Show a letter as it looked; of what cannot be written anew the words that were kept."""
    is_letter = message.channel == Channel.EMAIL and may_see(request.user)
    return {
        "message": message,
        "shown": as_sent(message) if is_letter else None,
        "is_letter": is_letter,
        "has_left": message.handed_at is not None,
    }


@panel(Message, _("Archive"), permission="messaging.view_message")
def seal_of(_request: HttpRequest, message: Message) -> dict[str, Any]:
    sealed = Sealed.objects.filter(message=message).select_related("message").first()
    if sealed is None:
        rows = []
    elif is_as_sent(sealed):
        rows = [[pill(gettext("as it was sent"), "good"), moment(sealed.handed_at), sealed.pk]]
    else:
        erased = not (message.subject or message.body)
        said = gettext("erased since") if erased else gettext("not what was sent")
        rows = [[pill(said, "quiet" if erased else "bad"), moment(sealed.handed_at), sealed.pk]]
    return {
        "headers": [_("text"), _("handed over at"), _("seal")],
        "rows": rows,
        "empty": _("Sealed ten minutes after it was handed over."),
    }


@panel(Message, _("In the site or app"), permission="messaging.view_reaction")
def reaction_to(_request: HttpRequest, message: Message) -> dict[str, Any] | None:
    if message.channel != Channel.IN_APP:
        return None
    row = Reaction.objects.filter(message=message).first()
    if row is None:
        return {"rows": [], "empty": _("Nothing was done with it there.")}
    digest = bytes(row.words).hex(" ", 8)
    return {
        "headers": [_("deed"), _("button pressed"), _("when"), _("where")],
        "rows": [
            [
                pill(row.get_deed_display(), REACTED[row.deed]),
                row.button,
                moment(row.reacted_at),
                row.provider,
            ]
        ],
        "note": gettext("SHA-256 of title and text: %s") % digest,
    }


@admin.register(Digest)
class DigestPage(ReadOnlyPage[Digest]):
    list_display = ["month", "cursor", "finished_at"]
    list_filter = [("finished_at", MomentFilter)]
    ordering = ["-month"]


def where_to(message: Message) -> str:
    """Name the channel, and which of several devices it is."""
    device = getattr(message.contact_point, "device", None)
    channel = message.get_channel_display()
    return f"{channel}, {device}" if device else channel


@panel(Client, _("Messages"), permission="messaging.view_message", wide=True)
def messages_to_client(_request: HttpRequest, client: Client) -> dict[str, Any]:
    rows: list[list[object]] = []
    for notice, messages in messages_to(client):
        why = said(notice.reason, template=notice.template) or "–"
        if not messages:
            state = pill(notice.get_state_display(), TOLD[notice.state])
            rows.append(
                [moment(notice.created_at), page_link(notice, notice.template), "–", state, why]
            )
        for message in messages:
            state = pill(message.get_state_display(), SENT[message.state])
            name = page_link(message, notice.template)
            when = message.sent_at or message.queued_at
            reason = said(message.reason, message.channel, template=notice.template)
            rows.append([moment(when), name, where_to(message), state, reason or why])
    return {
        "headers": [_("when"), _("what"), _("channel"), _("state"), _("reason")],
        "rows": rows,
        "empty": _("He was never told anything."),
        "more": _("All"),
        "more_url": list_url(Notice, client__id__exact=client.pk),
    }
