"""The desk: the services that carry messages and how they do, and sendings on their way."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from babel.dates import format_timedelta
from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RadioFilter
from unfold.widgets import UnfoldAdminSelectWidget

from apps.core import clock
from apps.core.admin.display import (
    badge,
    column,
    count,
    list_url,
    locale,
    moment,
    money,
    page_url,
    pill,
)
from apps.core.admin.pages import Page, ReadOnlyPage, deed, panel
from apps.core.site import COUNTED, Concern, Figure, Line, bounded, concerns, figures
from apps.messaging.actions.providers import KINDS, fault_of_options
from apps.messaging.actions.receipts import Word, receive
from apps.messaging.actions.sendings import pause_sending, resume_sending, stop_sending
from apps.messaging.admin.outbox import SENT
from apps.messaging.models.outbox import Message
from apps.messaging.models.providers import Provider
from apps.messaging.models.receipts import Receipt
from apps.messaging.models.sendings import CascadeStep, Sending
from apps.messaging.queries.carriers import (
    ailing,
    cost_since,
    costs_since,
    is_nameless,
    lately,
    queues,
)
from apps.messaging.queries.desk import midnight
from apps.profiles.models import Channel

SENDING = {"running": "good", "waiting": "wait", "paused": "wait", "stopped": "quiet"}
BY_HAND = "staff"  # the provider of what a person says
HALT = "messaging.change_sending"


class AilingFilter(RadioFilter):
    title = _("health")
    parameter_name = "ails"

    def lookups(self, request: HttpRequest, page: object) -> list[tuple[str, object]]:
        return [("yes", _("carries nothing"))]

    def queryset(self, request: HttpRequest, rows: Any) -> Any:
        if self.value() != "yes":
            return rows
        return rows.filter(pk__in=[each.pk for each in ailing(at=clock.now())])


def what_it_is(row: Provider) -> tuple[object, ...]:
    """Return what makes it this service: another one knows nothing of what it took."""
    return row.channel, row.kind, row.options


class ProviderForm(forms.ModelForm[Provider]):
    kind = forms.ChoiceField(
        label=_("Kind"), choices=[(kind, kind) for kind in sorted(KINDS)],
        widget=UnfoldAdminSelectWidget, help_text=_("The program that speaks with it."),
    )  # fmt: skip

    class Meta:
        model = Provider
        fields = "__all__"  # noqa: DJ007 (all of them are the desk's)

    def clean(self) -> dict[str, Any]:
        said: dict[str, Any] = super().clean() or {}
        if said.get("kind") == "in_app":
            said["settles"] = Provider.Settles.KEY  # it is our own: it hangs there once
        if said.get("kind") and "options" in said:
            fault = fault_of_options(said["kind"], said["options"])
            if fault:
                self.add_error("options", fault)
        return said


@admin.register(Provider)
class ProviderPage(Page[Provider]):
    form = ProviderForm
    list_display = [
        "name", "channel", "kind", "environment", "health", "preference", "rate",
    ]  # fmt: skip
    list_filter = [
        AilingFilter, ("channel", ChoicesDropdownFilter), ("settles", ChoicesDropdownFilter),
    ]  # fmt: skip
    search_fields = ["name", "kind"]
    ordering = ["channel", "preference", "pk"]
    readonly_fields = ["failures", "trips", "rests_until"]

    @column(_("health"))
    def health(self, row: Provider) -> str:
        if not row.is_open:
            return pill(gettext("closed"), "quiet")
        if is_nameless(row):
            return pill(gettext("names no environment"), "bad")
        if row.rests_until and row.rests_until > clock.now():
            return pill(gettext("rests until %s") % moment(row.rests_until), "bad")
        return pill(gettext("open"), "good")

    def save_model(self, request: HttpRequest, row: Provider, form: Any, change: bool) -> None:  # noqa: FBT001 (Django's)
        if change and what_it_is(Provider.objects.get(pk=row.pk)) != what_it_is(row):
            row.described_at = clock.now()
        super().save_model(request, row, form, change)

    def has_delete_permission(self, request: HttpRequest, row: Provider | None = None) -> bool:
        return False  # what it carried refers to it


@panel(Provider, _("The last hour"), permission="messaging.view_message", order=10)
def last_hour(_request: HttpRequest, provider: Provider) -> dict[str, Any]:
    at = clock.now()
    states = dict(Message.State.choices)
    counts = lately(provider, at=at)
    rows = [[pill(states[state], SENT[state]), count(many)] for state, many in counts.items()]
    spent = money(cost_since(provider, midnight(at)), provider.currency) if provider.cost else ""
    return {
        "headers": [_("state"), _("messages")],
        "rows": rows,
        "empty": _("Nothing was handed over in the last hour."),
        "note": gettext("Today's messages cost %s.") % spent if spent else "",
    }


class StepForm(forms.ModelForm[CascadeStep]):
    class Meta:
        model = CascadeStep
        fields = ["template", "number", "channel", "unless", "within"]
        help_texts = {"within": _("Hours, minutes, seconds: 12:00:00. Two days are 2 00:00:00.")}


@admin.register(CascadeStep)
class CascadeStepPage(Page[CascadeStep]):
    form = StepForm
    list_display = ["template", "number", "channel", "unless", "time"]
    list_select_related = ["template"]
    list_filter = [("channel", ChoicesDropdownFilter), ("unless", ChoicesDropdownFilter)]
    search_fields = ["template__code", "template__name"]
    autocomplete_fields = ["template"]

    @column(_("within"), ordering="within")
    def time(self, step: CascadeStep) -> str:
        # Three of a unit, before it is spoken in: a day and a half are 36 hours.
        return format_timedelta(step.within, threshold=3, locale=locale())


def runs(sending: Sending) -> bool:
    return sending.state == Sending.State.RUNNING


def is_paused(sending: Sending) -> bool:
    return sending.state == Sending.State.PAUSED


def may_end(sending: Sending) -> bool:
    return sending.state != Sending.State.STOPPED


@admin.register(Sending)
class SendingPage(ReadOnlyPage[Sending]):
    list_display = [
        "created_at", "title", badge("state", _("state"), **SENDING), "because", "size",
        "released", "failed", "source",
    ]  # fmt: skip
    list_filter = [("state", ChoicesDropdownFilter)]
    search_fields = ["title", "=source", "reason"]
    ordering = ["-pk"]
    exclude = ["reason"]
    readonly_fields = ["because", "size"]

    class Media:
        js = ["core/live.js"]

    @column(_("reason"))
    def because(self, sending: Sending) -> str:
        return sending.why or "–"


@deed(Sending, _("Pause"), permission=HALT, icon="pause", offered=runs)
def pause(request: HttpRequest, sending: Sending) -> None:
    if pause_sending(sending.pk, gettext("Paused by %s.") % request.user):
        messages.success(request, gettext("Paused: nothing more of it is handed over."))


@deed(Sending, _("Let it go on"), permission=HALT, icon="play_arrow", offered=is_paused)
def go_on(request: HttpRequest, sending: Sending) -> None:
    if not resume_sending(sending.pk):
        return
    sending.refresh_from_db()
    if sending.state == Sending.State.WAITING:
        messages.warning(request, gettext("It waits: a second person must approve it first."))
    else:
        messages.success(request, gettext("It goes on."))


@deed(Sending, _("Stop for good"), permission=HALT, icon="stop", offered=may_end)
def end(request: HttpRequest, sending: Sending) -> None:
    if stop_sending(sending.pk, gettext("Stopped by %s.") % request.user):
        messages.success(request, gettext("Stopped: what has not left will not."))


def is_unknown(message: Message) -> bool:
    return message.state == Message.State.UNKNOWN


@deed(
    Message, _("It arrived"), permission="messaging.change_message", icon="mark_email_read",
    offered=is_unknown,
)  # fmt: skip
def arrived(request: HttpRequest, message: Message) -> None:
    settled_by(request, message, Receipt.State.DELIVERED)


@deed(
    Message, _("It did not arrive"), permission="messaging.change_message",
    icon="unsubscribe", offered=is_unknown,
)  # fmt: skip
def did_not_arrive(request: HttpRequest, message: Message) -> None:
    settled_by(request, message, Receipt.State.FAILED)


def settled_by(request: HttpRequest, message: Message, state: str) -> None:
    """Note a person's word as a receipt: the provider's own, should it come yet, counts as ever."""
    word = Word(state, key=message.key, reason=gettext("Settled by %s.") % request.user)
    receive(BY_HAND, [word], at=clock.now())
    messages.success(request, gettext("Noted."))


@concerns("messaging.view_provider")
def providers_ailing(at: datetime) -> Iterable[Concern]:
    rows = ailing(at=at)
    yield Concern(
        title=_("Providers that carry nothing"),
        count=len(rows),
        url=list_url(Provider, ails="yes"),
        lines=[Line(row.name, why_not(row), page_url(row)) for row in rows],
        tone="bad",
        icon="cloud_off",
    )


def why_not(row: Provider) -> str:
    if not row.is_open:
        return row.reason
    if is_nameless(row):
        return gettext("names no environment")
    return gettext("rests until %s") % moment(row.rests_until)


@concerns("messaging.view_sending")
def sendings_paused(_at: datetime) -> Iterable[Concern]:
    rows = Sending.objects.filter(state=Sending.State.PAUSED).order_by("-pk")
    yield Concern(
        title=_("Sendings on pause"),
        count=rows[: COUNTED + 1].count(),
        url=list_url(Sending, state__exact=Sending.State.PAUSED),
        lines=[Line(row.title, row.reason, page_url(row)) for row in rows[:5]],
        icon="pause_circle",
    )


@figures("messaging.view_message")
def waiting(at: datetime) -> Iterable[Figure]:
    found = queues(at=at, most=COUNTED + 1)
    total = sum(queue.count for queue in found)
    oldest = min((queue.oldest for queue in found), default=at)
    minutes = int((at - oldest).total_seconds() // 60)
    waits = ngettext("the oldest waits for %d minute", "the oldest waits for %d minutes", minutes)
    by_channel = [f"{Channel(each.channel).label}: {bounded(each.count)}" for each in found]
    yield Figure(
        label=gettext("Should be out by now"),
        value=bounded(total),
        note=", ".join([*by_channel, waits % minutes]) if total else "",
        url=list_url(Message, state__exact=Message.State.QUEUED),
        icon="hourglass_top",
    )


@figures("messaging.view_message")
def cost_today(at: datetime) -> Iterable[Figure]:
    """Nothing where no provider says what it costs."""
    spent = costs_since(midnight(at))
    if spent:
        yield Figure(
            label=gettext("Cost of today's messages"),
            value=", ".join(money(cost, currency) for currency, cost in spent),
            url=list_url(Provider),
            icon="payments",
        )
