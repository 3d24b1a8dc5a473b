"""What people answered: the desk notes what became of it, STOP is settled by the product itself."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest, HttpResponse
from django.utils.text import Truncator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import AutocompleteSelectFilter, MultipleChoicesDropdownFilter
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from apps.core import clock
from apps.core.admin.display import (
    badge,
    column,
    linked,
    list_url,
    moment,
    page_link,
    page_url,
    pill,
)
from apps.core.admin.filters import MomentFilter
from apps.core.admin.pages import Page, ReadOnlyPage, deed, panel
from apps.core.site import COUNTED, Concern, Line, concerns
from apps.events.admin import subjects, words
from apps.events.models import Event
from apps.messaging.actions.inbound import settle_reply
from apps.messaging.actions.passing_on import PassingError
from apps.messaging.models.outbox import Message
from apps.messaging.models.receipts import Receipt
from apps.messaging.models.replies import Reply

SHOWN = 5
LINE = 80  # characters of a text in the list
MEANT = {"stop": "bad", "complaint": "bad", "call": "wait", "start": "wait", "text": "quiet"}


class ReplyForm(forms.ModelForm[Reply]):
    """What became of a reply; the rest of it is somebody else's word."""

    class Meta:
        model = Reply
        fields = ["outcome", "note"]
        widgets = {"outcome": UnfoldAdminSelectWidget, "note": UnfoldAdminTextInputWidget}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "outcome" in self.fields:
            self.fields["outcome"].required = True

    def clean(self) -> dict[str, Any]:
        """Settle the instance in memory, since the table wants outcome and moment together."""
        self.instance.state, self.instance.settled_at = Reply.State.SETTLED, clock.now()
        return super().clean() or {}


@admin.register(Reply)
class ReplyPage(Page[Reply]):
    form = ReplyForm
    list_display = [
        "received_at", badge("state", _("state"), open="wait", settled="good"),
        badge("meaning", _("meaning"), **MEANT), linked("client", _("client"), "last_name"),
        "sender", "begin", "outcome",
    ]  # fmt: skip
    list_select_related = ["client"]
    list_filter = [
        ("state", MultipleChoicesDropdownFilter),
        ("meaning", MultipleChoicesDropdownFilter),
        ("outcome", MultipleChoicesDropdownFilter),
        ("channel", MultipleChoicesDropdownFilter),
        ("client", AutocompleteSelectFilter),
        ("received_at", MomentFilter),
    ]
    search_fields = ["^client__last_name", "^client__first_name", "provider_id__exact"]
    ordering = ["-pk"]
    readonly_fields = [
        "received_at", "client", "channel", "sender", "text", "meaning", "state", "provider",
        "occurred_at", "times", "again_at", "settled_at", "settled_by",
    ]  # fmt: skip
    fields = [
        "text", "meaning", ("client", "sender"), ("channel", "provider"),
        ("received_at", "occurred_at"), ("times", "again_at"), "outcome", "note", ("state", "settled_at"), "settled_by",
    ]  # fmt: skip

    @column(_("text"))
    def begin(self, reply: Reply) -> str:
        return Truncator(reply.text).chars(LINE)

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, row: Reply | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, row: Reply | None = None) -> bool:
        waits = row is None or row.state == Reply.State.OPEN
        return waits and super().has_change_permission(request, row)

    def save_model(self, request: HttpRequest, row: Reply, form: Any, change: Any) -> None:
        said = form.cleaned_data
        if request.user.is_authenticated:
            settle(request, row, request.user, outcome=said["outcome"], note=said["note"])


def settle(
    request: HttpRequest, row: Reply, user: AbstractBaseUser, *, outcome: str, note: str = ""
) -> None:
    try:
        if not settle_reply(row.pk, outcome, note=note, by=user, at=clock.now()):
            messages.warning(request, gettext("Somebody was quicker."))
    except PassingError as refusal:
        messages.error(request, str(refusal))


def waits(row: Reply) -> bool:
    return row.state == Reply.State.OPEN and row.client_id is not None


@deed(
    Reply, _("Have an adviser call him"), permission="messaging.change_reply", icon="call",
    offered=waits,
)  # fmt: skip
def have_called(request: HttpRequest, row: Reply) -> HttpResponse | None:
    """Put the call into the advisers' queue by one click, with the client's words."""
    if isinstance(request.user, AbstractBaseUser):
        settle(request, row, request.user, outcome=Reply.Outcome.PASSED_ON)
    return None


@admin.register(Receipt)
class ReceiptPage(ReadOnlyPage[Receipt]):
    list_display = [
        "received_at", "provider", "provider_id",
        badge("state", _("state"), delivered="good", seen="good", failed="bad", accepted="wait"),
        "reason", "occurred_at", linked("message", _("message"), "message"), "applied_at",
    ]  # fmt: skip
    list_select_related = ["message"]
    list_filter = [
        ("state", MultipleChoicesDropdownFilter),
        ("applied_at", admin.EmptyFieldListFilter),
        ("received_at", MomentFilter),
    ]
    search_fields = ["provider_id__exact"]
    search_help_text = _("The provider's exact id of a message")
    ordering = ["-pk"]


@panel(Message, _("Receipts"), permission="messaging.view_receipt")
def receipts_of(_request: HttpRequest, message: Message) -> dict[str, Any]:
    told = message.receipts.order_by("occurred_at", "pk")[:50]
    return {
        "headers": [_("when"), _("provider"), _("state"), _("reason")],
        "rows": [
            [
                moment(row.occurred_at or row.received_at),
                row.provider,
                page_link(row, row.get_state_display()),
                row.reason or "–",
            ]
            for row in told
        ],
        "empty": _("The provider has not told anything yet."),
    }


@panel(Reply, _("The conversation"), permission="messaging.view_message", wide=True)
def told_before(_request: HttpRequest, reply: Reply) -> dict[str, Any] | None:
    """Show a reply above what it may answer: the last messages to the client before it."""
    if reply.client is None:
        return None
    told = (
        Message.objects.filter(notice__client=reply.client, sent_at__lte=reply.received_at)
        .select_related("notice__template")
        .order_by("-sent_at", "-pk")[:SHOWN]
    )
    return {
        "headers": [_("when"), _("what"), _("channel"), _("text")],
        "rows": [
            [
                moment(reply.received_at),
                pill(reply.get_meaning_display(), MEANT[reply.meaning]),
                reply.get_channel_display(),
                reply.text,
            ],
            *(
                [
                    moment(message.sent_at),
                    page_link(message, message.notice.template),
                    message.get_channel_display(),
                    Truncator(message.body).chars(2 * LINE),
                ]
                for message in told
            ),
        ],
    }


@concerns("messaging.view_reply")
def replies_open(_at: datetime) -> Iterable[Concern]:
    rows = Reply.objects.filter(state=Reply.State.OPEN).select_related("client")
    yield Concern(
        title=gettext("Replies that wait for a person"),
        count=rows[: COUNTED + 1].count(),
        url=list_url(Reply, state__exact=Reply.State.OPEN),
        lines=[
            Line(str(row.client or row.sender), row.get_meaning_display(), page_url(row))
            for row in rows.order_by("received_at")[:SHOWN]
        ],
        icon="reply",
    )


@words("reply.received")
def received_told(event: Event) -> str:
    said = Reply.Meaning(event.properties["meaning"]).label
    return gettext("Answered a message: %(meaning)s") % {"meaning": said}


@words("message.undelivered")
def undelivered_told(_event: Event) -> str:
    return gettext("A message did not arrive")


@subjects("reply")
def replies_named(ids: Iterable[int]) -> dict[int, tuple[str, str]]:
    return {row.pk: (str(row), page_url(row)) for row in Reply.objects.filter(pk__in=list(ids))}
