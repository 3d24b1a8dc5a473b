"""Addresses that nobody writes to: written down by a person, lifted by a person."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RadioFilter
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from apps.core import clock
from apps.core.admin.display import badge, column, linked, pill
from apps.core.admin.filters import MomentFilter
from apps.core.admin.pages import Page, deed
from apps.core.masking import may_see
from apps.profiles.actions.spelling import normalise_email, normalise_phone
from apps.profiles.actions.suppressions import bring_back, lift_suppression, suppress
from apps.profiles.models import Channel, ContactPoint, Suppression

SPELLING = {Channel.SMS: normalise_phone, Channel.EMAIL: normalise_email}


class SuppressionForm(forms.ModelForm[Suppression]):
    """The address is kept as a hash alone, so it is asked for and not shown again."""

    address = forms.CharField(
        label=_("Address"), max_length=254, widget=UnfoldAdminTextInputWidget,
        help_text=_("Phone as +79161234567, e-mail as name@host."),
    )  # fmt: skip

    class Meta:
        model = Suppression
        fields = ["channel", "address", "reason", "source"]
        widgets = {"channel": UnfoldAdminSelectWidget, "reason": UnfoldAdminSelectWidget}

    def clean(self) -> dict[str, Any]:
        said: dict[str, Any] = super().clean() or {}
        spell = SPELLING.get(said.get("channel", ""))
        if spell and said.get("address"):
            try:
                said["address"] = spell(said["address"])
            except ValidationError as error:
                self.add_error("address", error)
        return said


class StandingFilter(RadioFilter):
    title = _("state")
    parameter_name = "standing"

    def lookups(self, request: HttpRequest, page: object) -> list[tuple[str, object]]:
        return [("yes", _("not written to")), ("no", _("lifted"))]

    def queryset(self, request: HttpRequest, rows: Any) -> Any:
        if self.value() not in {"yes", "no"}:
            return rows
        return rows.filter(lifted_at__isnull=self.value() == "yes")


def stands(suppression: Suppression) -> bool:
    return suppression.lifted_at is None


@admin.register(Suppression)
class SuppressionPage(Page[Suppression]):
    """Written down and lifted, never changed: what stands is somebody's word."""

    form = SuppressionForm
    list_display = [
        "hint", "channel", badge("reason", _("reason"), stop="bad", complaint="bad"), "source",
        linked("client", _("only for"), "last_name"), "made_at", "made_by", "shown_state",
    ]  # fmt: skip
    list_select_related = ["client", "made_by"]
    list_filter = [
        StandingFilter,
        ("reason", ChoicesDropdownFilter),
        ("channel", ChoicesDropdownFilter),
        ("made_at", MomentFilter),
    ]
    search_fields = ["^client__last_name", "^client__first_name"]
    ordering = ["-pk"]
    fields = ["channel", "address", "reason", "source"]
    export_without = ("address_hash",)

    @column(_("state"), ordering="lifted_at")
    def shown_state(self, row: Suppression) -> str:
        return pill(gettext("not written to"), "bad") if stands(row) else pill(gettext("lifted"))

    def get_fields(self, request: HttpRequest, obj: Suppression | None = None) -> Any:
        shown = [*self.list_display, "lifted_at", "lifted_by"]
        return shown if obj else self.fields

    def get_readonly_fields(self, request: HttpRequest, obj: Suppression | None = None) -> Any:
        return self.get_fields(request, obj) if obj else ()

    def has_change_permission(self, request: HttpRequest, row: Suppression | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, row: Suppression | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Suppression, form: Any, change: Any) -> None:
        said, by = form.cleaned_data, request.user if request.user.is_authenticated else None
        suppress(
            said["channel"], said["address"], reason=said["reason"], source=said["source"], by=by,
            at=clock.now(),
        )  # fmt: skip

    def log_addition(self, *args: Any, **kwargs: Any) -> Any:
        """Write no log of Django's own: the row itself says who wrote it, and has no id here."""

    def response_add(
        self, request: HttpRequest, obj: Suppression, post_url_continue: str | None = None
    ) -> HttpResponse:
        messages.success(request, gettext("Nobody is written to at this address any more."))
        return HttpResponseRedirect("../")


@deed(
    Suppression, _("Lift"), permission="profiles.change_suppression", icon="lock_open",
    offered=stands,
)  # fmt: skip
def lift(request: HttpRequest, suppression: Suppression) -> None:
    by: Any = request.user
    if lift_suppression(suppression.pk, by=by, at=clock.now()):
        messages.success(request, gettext("The address may be written to again."))


@deed(
    ContactPoint, _("Never write here again"), permission="profiles.add_suppression", icon="block"
)
def stop(request: HttpRequest, point: ContactPoint) -> None:
    by: Any = request.user
    if not may_see(by):
        raise PermissionDenied  # he reads a mask in the place of the address
    stopped = suppress(
        point.channel, point.address, reason=Suppression.Reason.STOP, by=by, at=clock.now(),
        source=gettext("contact point of %(client)s") % {"client": f"№ {point.client_id}"},
    )  # fmt: skip
    if stopped:
        messages.success(request, gettext("Nobody is written to at this address any more."))
    else:
        messages.warning(request, gettext("The address is suppressed already."))


def note_removal(request: HttpRequest, form: Any, *, is_deleted: bool = False) -> None:
    """Keep a person's word on an address: what he took away, no file has written to again.

    An address that bounces does so for whoever has it; one that is taken away may be a spouse's.
    """
    point: ContactPoint = form.instance
    by: Any = request.user
    if not (is_deleted or "state" in form.changed_data):
        return
    gone = is_deleted or point.state == ContactPoint.State.REMOVED
    if gone or point.state == ContactPoint.State.BOUNCED:
        suppress(
            point.channel, point.address, by=by, source=gettext("back office"), at=clock.now(),
            reason=Suppression.Reason.REMOVED if gone else Suppression.Reason.BOUNCED,
            client=point.client if gone else None,
        )  # fmt: skip
    else:
        bring_back(point, by=by, at=clock.now())
