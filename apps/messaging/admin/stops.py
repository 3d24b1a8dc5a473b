"""The kill switch in the back office: stopped by anyone on duty, lifted by two."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RadioFilter
from unfold.widgets import UnfoldAdminSelectWidget

from apps.core import clock
from apps.core.admin.display import column, list_url, moment, page_url, pill
from apps.core.admin.filters import MomentFilter
from apps.core.admin.pages import Page, deed
from apps.core.site import Concern, Line, concerns
from apps.messaging.actions.stops import StopError, ask_release, keep_stopped, release, stop
from apps.messaging.models.stops import Stop
from apps.profiles.models import Channel

RELEASE = "messaging.release_stop"


class StopForm(forms.ModelForm[Stop]):
    class Meta:
        model = Stop
        fields = ["scope", "value", "reason"]
        widgets = {"scope": UnfoldAdminSelectWidget, "value": UnfoldAdminSelectWidget}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "value" in self.fields:
            issuer = settings.ISSUER_NAME
            self.fields["value"] = forms.ChoiceField(
                label=_("Which"), required=False, widget=UnfoldAdminSelectWidget,
                choices=[("", "–"), *Channel.choices, (issuer, issuer)],
                help_text=_("Empty where everything is stopped."),
            )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        said: dict[str, Any] = super().clean() or {}
        scope, value = said.get("scope"), said.get("value")
        fitting = {
            Stop.Scope.GLOBAL: {""},
            Stop.Scope.CHANNEL: set(Channel.values),
            Stop.Scope.ISSUER: {settings.ISSUER_NAME},
        }
        if scope and value not in fitting[Stop.Scope(scope)]:
            self.add_error("value", gettext("This does not fit what is stopped."))
        return said


class StandingFilter(RadioFilter):
    title = _("state")
    parameter_name = "standing"

    def lookups(self, request: HttpRequest, page: object) -> list[tuple[str, object]]:
        return [("yes", _("stopped")), ("no", _("released"))]

    def queryset(self, request: HttpRequest, rows: Any) -> Any:
        if self.value() not in {"yes", "no"}:
            return rows
        return rows.filter(released_at__isnull=self.value() == "yes")


def stands(row: Stop) -> bool:
    return row.released_at is None


def is_asked(row: Stop) -> bool:
    return stands(row) and row.asked_at is not None


@admin.register(Stop)
class StopPage(Page[Stop]):
    """Set and lifted, never changed: what stands is somebody's word."""

    form = StopForm
    list_display = [
        "what", "reason", "set_at", "set_by", "shown_state", "asked_by", "released_at",
        "released_by",
    ]  # fmt: skip
    list_select_related = ["set_by", "asked_by", "released_by"]
    list_filter = [StandingFilter, ("scope", ChoicesDropdownFilter), ("set_at", MomentFilter)]
    search_fields = ["reason", "value"]
    ordering = ["-pk"]
    fields = ["scope", "value", "reason"]

    @column(_("what is stopped"), ordering="scope")
    def what(self, row: Stop) -> str:
        return named(row)

    @column(_("state"), ordering="released_at")
    def shown_state(self, row: Stop) -> str:
        if not stands(row):
            return pill(gettext("released"))
        asked = is_asked(row)
        return pill(gettext("waits for a second person") if asked else gettext("stopped"), "bad")

    def get_fields(self, request: HttpRequest, obj: Stop | None = None) -> Any:
        return [*self.list_display, "asked_at"] if obj else self.fields

    def get_readonly_fields(self, request: HttpRequest, obj: Stop | None = None) -> Any:
        return self.get_fields(request, obj) if obj else ()

    def has_change_permission(self, request: HttpRequest, row: Stop | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, row: Stop | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Stop, form: Any, change: Any) -> None:
        said = form.cleaned_data
        if isinstance(request.user, AbstractBaseUser):
            stop(
                said["scope"], said["value"], reason=said["reason"], by=request.user,
                at=clock.now(),
            )  # fmt: skip
            obj.pk = Stop.objects.get(scope=said["scope"], value=said["value"], released_at=None).pk

    def log_addition(self, *args: Any, **kwargs: Any) -> Any:
        """Write no log of Django's own: the row itself says who stopped, when and why."""


def named(row: Stop) -> str:
    channel = dict(Channel.choices).get(row.value, row.value)
    return f"{row.get_scope_display()}: {channel}" if row.value else str(row.get_scope_display())


@deed(
    Stop, _("Ask to go on"), permission=RELEASE, icon="play_arrow",
    offered=lambda row: stands(row) and not is_asked(row),
)  # fmt: skip
def ask(request: HttpRequest, row: Stop) -> None:
    if isinstance(request.user, AbstractBaseUser):
        ask_release(row.pk, by=request.user, at=clock.now())
        messages.info(request, gettext("Now a second person must let messages go out again."))


@deed(Stop, _("Let messages go out again"), permission=RELEASE, icon="lock_open", offered=is_asked)
def let_go(request: HttpRequest, row: Stop) -> None:
    if not isinstance(request.user, AbstractBaseUser):
        return
    try:
        if release(row.pk, by=request.user, at=clock.now()):
            messages.success(request, gettext("Messages go out again."))
    except StopError as refusal:
        messages.error(request, str(refusal))


@deed(Stop, _("Keep it stopped"), permission=RELEASE, icon="block", offered=is_asked)
def keep(request: HttpRequest, row: Stop) -> None:
    if keep_stopped(row.pk):
        messages.info(request, gettext("Nothing goes out."))


@concerns("messaging.view_stop")
def stops_standing(_at: datetime) -> Iterable[Concern]:
    rows = list(Stop.objects.filter(released_at=None).select_related("set_by").order_by("pk"))
    yield Concern(
        title=_("Messages are stopped"),
        count=len(rows),
        url=list_url(Stop, standing="yes"),
        lines=[
            Line(
                named(row),
                f"{row.reason} · {row.set_by or '–'}, {moment(row.set_at)}",
                page_url(row),
            )
            for row in rows
        ],
        tone="bad",
        icon="pan_tool",
    )
