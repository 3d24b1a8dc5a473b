"""Erasing a person in the back office: asked for on his page, confirmed here by somebody else."""

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from apps.core import clock
from apps.core.admin.display import badge, day, linked, page_url, pill
from apps.core.admin.pages import Page, deed, panel
from apps.core.site import Concern, concerns
from apps.privacy.actions.erasing import (
    ErasureError,
    ask_erasure,
    broken_links,
    confirm_erasure,
    reject_erasure,
)
from apps.privacy.admin.register import register_view
from apps.privacy.models import Erasure
from apps.privacy.queries.holding import preview, refusals
from apps.privacy.queries.trail import persons
from apps.profiles.models import Client

TONES = {"asked": "wait", "erased": "good", "limited": "good", "rejected": "quiet"}
ASKING, CONFIRMING = "privacy.add_erasure", "privacy.confirm_erasure"


def is_asked(erasure: Erasure) -> bool:
    return erasure.state == Erasure.State.ASKED


@admin.register(Erasure)
class ErasurePage(Page[Erasure]):
    """An erasure is asked for, confirmed or turned down; what it left is read and never changed."""

    list_display = [
        "asked_at", linked("client", _("client"), "last_name"), badge("state", _("state"), **TONES),
        "asked_by", "decided_by", "erased_at", "waits_until",
    ]  # fmt: skip
    list_select_related = ["client", "asked_by", "decided_by"]
    autocomplete_fields = ["client"]
    ordering = ["-pk"]
    actions_list = ["register"]
    shown = [
        "client", "reason", "state", "asked_at", "asked_by", "decided_at", "decided_by",
        "erased_at", "waits_until", "completed_at",
    ]  # fmt: skip

    @action(  # type: ignore[untyped-decorator]
        description=_("Register of personal data"), url_path="to-register", icon="menu_book",
        permissions=["view"],
    )  # fmt: skip
    def register(self, _request: HttpRequest) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:privacy_register"))

    def get_urls(self) -> list[URLPattern]:
        register = path(
            "register/", self.admin_site.admin_view(register_view), name="privacy_register"
        )
        return [register, *super().get_urls()]

    def get_fields(self, request: HttpRequest, obj: Erasure | None = None) -> Any:
        return self.shown if obj else ["client", "reason"]

    def get_readonly_fields(self, request: HttpRequest, obj: Erasure | None = None) -> Any:
        return self.shown if obj else ()

    def has_change_permission(self, request: HttpRequest, row: Erasure | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, row: Erasure | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Erasure, form: Any, change: Any) -> None:
        """Ask, unless something stands against it: then the sentences say what."""
        by: Any = request.user  # the page lets nobody else in
        try:
            made = ask_erasure(obj.client, reason=obj.reason, by=by, at=clock.now())
        except ErasureError as error:
            for sentence in str(error).splitlines():
                messages.error(request, sentence)
            return
        obj.pk = made.pk

    def log_addition(self, request: HttpRequest, obj: Erasure, message: Any) -> Any:
        return super().log_addition(request, obj, message) if obj.pk else None

    def response_add(self, request: HttpRequest, obj: Erasure, *args: Any) -> HttpResponse:
        return HttpResponseRedirect(page_url(obj) if obj.pk else page_url(obj.client))


@deed(Erasure, _("Erase him"), permission=CONFIRMING, icon="person_remove", offered=is_asked)
def confirm(request: HttpRequest, erasure: Erasure) -> None:
    by: Any = request.user
    try:
        done = confirm_erasure(erasure.pk, by=by, at=clock.now())
    except ErasureError as error:
        for sentence in str(error).splitlines():
            messages.error(request, sentence)
        return
    if done:
        messages.success(request, gettext("Erased. What the law wants kept is kept, sealed."))
    else:
        messages.error(request, gettext("Somebody else has to confirm what you asked for."))


@deed(Erasure, _("Turn it down"), permission=CONFIRMING, icon="block", offered=is_asked)
def turn_down(request: HttpRequest, erasure: Erasure) -> None:
    by: Any = request.user
    reject_erasure(erasure.pk, by=by, at=clock.now())


@panel(Erasure, _("What stands against it"), permission=CONFIRMING, wide=True, order=10)
def against(_request: HttpRequest, erasure: Erasure) -> dict[str, Any] | None:
    if not is_asked(erasure):
        return None
    sentences = list(refusals(erasure.client, persons(erasure.client_id)))
    return {"headers": [""], "rows": [[each] for each in sentences], "empty": _("Nothing.")}


@panel(Erasure, _("What erasing him does"), permission="privacy.view_erasure", wide=True, order=20)
def what_it_does(_request: HttpRequest, erasure: Erasure) -> dict[str, Any] | None:
    if not is_asked(erasure):
        return None
    seen = preview(erasure.client, today=clock.now().date())
    until = day(seen.waits_until)
    later = _("kept until %s, for the law wants his contracts kept; then:") % until
    return {
        "headers": [_("table"), _("rows"), _("fields"), _("what becomes of them")],
        "rows": [
            [
                part.table, part.count, part.fields,
                f"{later} {part.what}" if part.waits else part.what,
            ]
            for part in seen.parts
        ],
        "empty": _("Nothing is known of him."),
    }  # fmt: skip


@panel(Erasure, _("Evidence"), permission="privacy.view_erasure", wide=True, order=30)
def evidence_of(_request: HttpRequest, erasure: Erasure) -> dict[str, Any] | None:
    if not erasure.digest:
        return None
    evidence = erasure.evidence
    bound = erasure.pk not in broken_links()
    rows: list[list[Any]] = [
        [_("consent"), f"{each['purpose']} · {each['channel']} · {each['text_version']}",
         _("granted") if each["granted"] else _("withdrawn"), each["recorded_at"][:10]]
        for each in evidence["consents"]
    ]  # fmt: skip
    rows += [[_("messages"), key, count, ""] for key, count in evidence["messages"].items()]
    seal = pill(_("whole"), "good") if bound else pill(_("changed since"), "bad")
    return {
        "headers": ["", _("what"), "", ""],
        "rows": [*rows, [_("chain of erasures"), erasure.digest[:16], seal, ""]],
    }


@deed(Client, _("Erase this person"), permission=ASKING, icon="person_remove")
def erase(_request: HttpRequest, client: Client) -> HttpResponse:
    return HttpResponseRedirect(f"{reverse('admin:privacy_erasure_add')}?client={client.pk}")


@concerns(CONFIRMING)
def asked(_at: Any) -> list[Concern]:
    count = Erasure.objects.filter(state=Erasure.State.ASKED).count()
    url = f"{reverse('admin:privacy_erasure_changelist')}?state__exact=asked"
    return [Concern(_("Persons to be erased"), count, url, icon="person_remove")]
