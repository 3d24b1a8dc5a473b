"""Webhooks: who is told, of what, and how he is doing."""

from datetime import timedelta
from typing import Any

import httpx2
from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.text import capfirst
from django.utils.translation import gettext, ngettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSplitDateTimeWidget, UnfoldAdminTextareaWidget

from apps.core import clock
from apps.core.admin.display import badge, column, pill
from apps.core.admin.pages import Page, deed
from apps.events.admin import known_kinds
from apps.events.envelope import KIND, LONGEST_KIND
from apps.webhooks import channels
from apps.webhooks.actions import endpoints, outbox
from apps.webhooks.actions.endpoints import OVERLAP
from apps.webhooks.models import Endpoint

TONES = {"active": "good", "paused": "quiet", "gone": "bad", "failing": "bad"}
LONGEST_SPAN = timedelta(days=31)
MAY = "webhooks.change_endpoint"


class KindsField(forms.CharField):
    """Kinds of events, one a line."""

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[str]:
        kinds = str(super().clean(value)).split()
        for kind in kinds:
            if not KIND.fullmatch(kind) or len(kind) > LONGEST_KIND:
                raise forms.ValidationError(
                    gettext("“%(kind)s” is no kind of event; write it like coupon.accrued.")
                    % {"kind": kind[:LONGEST_KIND]}
                )
        return kinds


class EndpointForm(forms.ModelForm[Endpoint]):
    kinds = KindsField(
        label=capfirst(_("kinds of events")),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4, "spellcheck": "false"}),
    )

    class Meta:
        model = Endpoint
        fields = ["name", "url", "kinds"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "kinds" in self.fields:
            self.fields["kinds"].help_text = gettext(
                "One a line. We tell of %(kinds)s; your own systems' kinds work as well."
            ) % {"kinds": ", ".join(known_kinds())}

    def clean_url(self) -> str:
        """Refuse what no message would be sent to."""
        written: str = self.cleaned_data["url"]
        try:
            url = httpx2.URL(written)
            if url.userinfo:
                raise forms.ValidationError(gettext("No name or password belongs in the address."))
            channels.resolve(url)
        except (httpx2.InvalidURL, channels.UnreachableError) as error:
            raise forms.ValidationError(str(error)) from error
        return written


@admin.register(Endpoint)
class EndpointPage(Page[Endpoint]):
    """Switched off, never deleted: its log stays."""

    form = EndpointForm
    list_display = [
        "name", "url", "listens_to", badge("state", _("state"), **TONES),
        "failing_since", "heard_at",
    ]  # fmt: skip
    search_fields = ["name", "url"]
    ordering = ["name"]
    fields = ["name", "url", "kinds"]
    readonly_fields = ["shown_state", "failing_since", "quiet_until", "heard_at", "made_at"]

    @column(_("state"))
    def shown_state(self, endpoint: Endpoint) -> str:
        return pill(endpoint.get_state_display(), TONES[endpoint.state])

    @column(_("kinds of events"))
    def listens_to(self, endpoint: Endpoint) -> str:
        return ", ".join(endpoint.kinds)

    def get_fields(self, request: HttpRequest, obj: Endpoint | None = None) -> Any:
        return [*self.fields, *self.readonly_fields] if obj else self.fields

    def has_delete_permission(self, request: HttpRequest, row: Endpoint | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Endpoint, form: Any, change: Any) -> None:
        if change:
            endpoints.change_endpoint(obj.pk, obj.name, obj.url, obj.kinds)
            return
        made, obj.secret = endpoints.register_endpoint(  # type: ignore[attr-defined]
            obj.name, obj.url, obj.kinds, at=clock.now()
        )
        obj.pk = made.pk

    def response_add(
        self, request: HttpRequest, obj: Endpoint, post_url_continue: str | None = None
    ) -> HttpResponse:
        return shown_once(request, obj, obj.secret)  # type: ignore[attr-defined]


def shown_once(request: HttpRequest, endpoint: Endpoint, secret: str) -> HttpResponse:
    """Show a secret on the page that answers, and nowhere else: no cookie or log keeps it."""
    context = {
        **admin.site.each_context(request),
        "title": endpoint.name,
        "original": endpoint,
        "secret": secret,
        "hours": int(OVERLAP / timedelta(hours=1)) if endpoint.secrets.count() > 1 else 0,
        "opts": Endpoint._meta,
    }
    return TemplateResponse(request, "webhooks/admin/secret.html", context)


def is_active(endpoint: Endpoint) -> bool:
    return endpoint.is_active


def is_off(endpoint: Endpoint) -> bool:
    return not endpoint.is_active


@deed(Endpoint, _("Send a test"), permission=MAY, icon="send", offered=is_active)
def send_test(request: HttpRequest, endpoint: Endpoint) -> None:
    outbox.queue_test(endpoint, at=clock.now())
    messages.success(
        request,
        gettext("A test goes out in a few seconds; load this page again to see the answer."),
    )


class SpanForm(forms.Form):
    """From when to when."""

    first = forms.SplitDateTimeField(
        label=pgettext_lazy("moment", "from"), widget=UnfoldAdminSplitDateTimeWidget
    )
    last = forms.SplitDateTimeField(label=_("until"), widget=UnfoldAdminSplitDateTimeWidget)

    def clean(self) -> dict[str, Any]:
        said = super().clean() or {}
        if (first := said.get("first")) and (last := said.get("last")):
            if last <= first:
                raise forms.ValidationError(gettext("It must end after it begins."))
            if last - first > LONGEST_SPAN:
                raise forms.ValidationError(
                    gettext("At most %(days)d days at a time.") % {"days": LONGEST_SPAN.days}
                )
        return said


@deed(Endpoint, _("Send a span again …"), permission=MAY, icon="replay", offered=is_active)
def send_span(request: HttpRequest, endpoint: Endpoint) -> HttpResponse | None:
    form = SpanForm(request.POST if "first_0" in request.POST else None)
    if not form.is_valid():
        context = {
            **admin.site.each_context(request),
            "title": gettext("Send a span again"),
            "original": endpoint,
            "form": form,
            "most": outbox.MOST,
            "opts": Endpoint._meta,
        }
        return TemplateResponse(request, "webhooks/admin/span.html", context)
    span = form.cleaned_data
    count = outbox.replay_span(endpoint.pk, span["first"], span["last"], at=clock.now())
    said = ngettext("%d message goes out again.", "%d messages go out again.", count) % count
    messages.success(request, said)
    return None


@deed(Endpoint, _("New secret"), permission=MAY, icon="key")
def rotate(request: HttpRequest, endpoint: Endpoint) -> HttpResponse:
    return shown_once(request, endpoint, endpoints.rotate_secret(endpoint.pk, at=clock.now()))


@deed(Endpoint, _("Pause"), permission=MAY, icon="pause", offered=is_active)
def pause(request: HttpRequest, endpoint: Endpoint) -> None:
    if endpoints.switch_off(endpoint.pk, Endpoint.State.PAUSED):
        messages.success(
            request, gettext("%s is told nothing more until you switch it on.") % endpoint
        )


@deed(Endpoint, _("Switch on"), permission=MAY, icon="play_arrow", offered=is_off)
def resume(request: HttpRequest, endpoint: Endpoint) -> None:
    if endpoints.switch_on(endpoint.pk):
        messages.success(
            request,
            gettext("%s is told again. What happened meanwhile goes out by “Send a span again …”.")
            % endpoint,
        )
