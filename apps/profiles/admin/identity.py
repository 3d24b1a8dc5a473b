"""Who is one with whom: likely duplicates, contradictions, merges; decided with both side by side."""

from typing import Any

from django import forms
from django.apps import apps
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter, MultipleChoicesDropdownFilter
from unfold.widgets import UnfoldAdminTextInputWidget

from apps.core import clock
from apps.core.admin.display import badge, column, linked, page_url
from apps.core.admin.filters import MomentFilter
from apps.core.admin.pages import ReadOnlyPage, deed, panel
from apps.core.masking import may_see
from apps.profiles.actions.conflicts import ConflictError, give_identifier, keep_identifier
from apps.profiles.actions.duplicates import tell_apart
from apps.profiles.actions.merging import (
    MergeError,
    confirm_merge,
    propose_merge,
    reject_merge,
    unmerge,
)
from apps.profiles.admin.pairs import pair_context
from apps.profiles.models import Client, Conflict, Duplicate, Merge
from apps.profiles.queries.merging import came_since, preview

DECIDE = "profiles.change_merge"
SEES = ("profiles.view_merge", "profiles.view_client")  # whoever looks at two people side by side
SHARED = {"sms": _("phone"), "email": _("e-mail"), "name": _("name and birthday")}


def look_url(kept: int, dropped: int) -> str:
    return reverse("admin:profiles_merge_look", args=[kept, dropped])


def may_decide(request: HttpRequest) -> bool:
    """Whoever reads masks cannot tell two people apart, nor one."""
    return may_see(request.user) and request.user.has_perm(DECIDE)


class ReasonForm(forms.Form):
    """How somebody knows that two clients are one; `seen` marks what he was shown."""

    reason = forms.CharField(
        label=_("How you know that they are one person"),
        max_length=300,
        widget=UnfoldAdminTextInputWidget,
        help_text=_("Like “same passport, asked by phone”. It stays with the merge."),
    )
    seen = forms.CharField(widget=forms.HiddenInput)


class PairPage:
    """Shows two clients side by side, and what a merge of them would do."""

    admin_site: Any
    get_object: Any

    def pair(self, row: Any) -> tuple[int, int]:
        """Return the clients that a row of the list is about, first the one who would stay."""
        raise NotImplementedError

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> Any:
        row = self.get_object(request, unquote(object_id))
        if row is None:
            raise Http404
        return self.show(request, *self.pair(row), ReasonForm())

    def show(
        self, request: HttpRequest, kept: int, dropped: int, form: ReasonForm
    ) -> TemplateResponse:
        if not all(map(request.user.has_perm, SEES)):
            raise PermissionDenied
        clients = Client.objects.select_related("merged_into").in_bulk([kept, dropped])
        if len(clients) != 2:
            raise Http404
        look = preview(clients[kept], clients[dropped])
        context = {
            **self.admin_site.each_context(request),
            **pair_context(look),
            "title": _("One person or two?"),
            "opts": Merge._meta,
            "form": form,
            "may": may_decide(request),
            "look_url": look_url(kept, dropped),
            "swap_url": look_url(dropped, kept),
        }
        return TemplateResponse(request, "profiles/admin/pair.html", context)


@admin.register(Duplicate)
class DuplicatePage(PairPage, ReadOnlyPage[Duplicate]):
    list_display = [
        "__str__", "what", badge("state", _("state"), open="wait", merged="good"), "found_at",
        "decided_by",
    ]  # fmt: skip
    list_select_related = ["first", "second", "decided_by"]
    list_filter = [("state", ChoicesDropdownFilter), ("found_at", MomentFilter)]
    search_fields = ["^first__last_name", "^second__last_name"]
    ordering = ["-state", "-found_at", "-pk"]

    @column(pgettext_lazy("what both have", "share"))
    def what(self, duplicate: Duplicate) -> str:
        return ", ".join(str(SHARED.get(each, each)) for each in duplicate.shares)

    def pair(self, row: Duplicate) -> tuple[int, int]:
        return row.first_id, row.second_id


@admin.register(Conflict)
class ConflictPage(PairPage, ReadOnlyPage[Conflict]):
    list_display = [
        "value", "kind", linked("holder", _("held by"), "last_name"),
        linked("claimant", _("claimed for"), "last_name"), "source", "line",
        badge("state", _("state"), open="wait", proposed="wait", moved="good", merged="good"),
        "found_at",
    ]  # fmt: skip
    list_select_related = ["holder", "claimant"]
    list_filter = [
        ("state", MultipleChoicesDropdownFilter),
        ("kind", ChoicesDropdownFilter),
        ("found_at", MomentFilter),
    ]
    search_fields = ["value", "source", "holder__last_name", "claimant__last_name"]
    ordering = ["-found_at", "-pk"]

    def pair(self, row: Conflict) -> tuple[int, int]:
        return row.holder_id, row.claimant_id


@admin.register(Merge)
class MergePage(PairPage, ReadOnlyPage[Merge]):
    list_display = [
        "__str__",
        badge("state", _("state"), proposed="wait", merged="good", undone="bad"),
        "reason", "proposed_by", "decided_by", "decided_at",
    ]  # fmt: skip
    list_select_related = ["kept", "dropped", "proposed_by", "decided_by"]
    list_filter = [("state", MultipleChoicesDropdownFilter), ("proposed_at", MomentFilter)]
    search_fields = ["kept__last_name", "dropped__last_name", "reason"]
    ordering = ["-pk"]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    ("kept", "dropped"), "reason", "state", ("proposed_by", "proposed_at"),
                    ("decided_by", "decided_at"), ("undone_by", "undone_at"),
                ]
            },
        )
    ]  # fmt: skip
    readonly_fields = ["proposed_by", "decided_by", "undone_by"]
    export_without = ("moved", "parked", "filled", "counts")

    def get_urls(self) -> list[URLPattern]:
        look = self.admin_site.admin_view(self.look_view)
        named = path("<int:kept>/<int:dropped>/", look, name="profiles_merge_look")
        return [named, *super().get_urls()]

    def pair(self, row: Merge) -> tuple[int, int]:
        return row.kept_id, row.dropped_id

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> Any:
        merge = self.get_object(request, unquote(object_id))
        if merge is None or merge.state == Merge.State.PROPOSED:
            return super().change_view(request, object_id, *args, **kwargs)
        return ReadOnlyPage.change_view(self, request, object_id, *args, **kwargs)

    def look_view(self, request: HttpRequest, kept: int, dropped: int) -> HttpResponse:
        """Show two clients side by side and what a merge would do; carry out what is decided."""
        form = ReasonForm()
        if request.method == "POST":
            if not may_decide(request):
                raise PermissionDenied
            form = ReasonForm(request.POST)
            if answer := Decision(request, kept, dropped, form).carry_out():
                return answer
        return self.show(request, kept, dropped, form)


class Decision:
    """What a person decided on the page of a pair."""

    def __init__(self, request: HttpRequest, kept: int, dropped: int, form: ReasonForm) -> None:
        self.request, self.kept, self.dropped, self.form = request, kept, dropped, form
        self.by: Any = request.user
        self.at = clock.now()

    def carry_out(self) -> HttpResponse | None:
        """Do it and lead on; None where the page has to be shown again, with the reason."""
        verb, _colon, number = self.request.POST.get("do", "").partition(":")
        deeds = {
            "merge": self.merge, "confirm": self.confirm, "reject": self.reject,
            "different": self.different, "keep": self.keep, "give": self.give,
        }  # fmt: skip
        if verb not in deeds:
            raise Http404
        try:
            return deeds[verb](int(number) if number.isdigit() else 0)
        except (MergeError, ConflictError) as refusal:
            messages.error(self.request, str(refusal))
            return HttpResponseRedirect(look_url(self.kept, self.dropped))

    def merge(self, _number: int) -> HttpResponse | None:
        if not self.form.is_valid():
            return None
        said = self.form.cleaned_data
        made = propose_merge(
            self.kept,
            self.dropped,
            reason=said["reason"],
            by=self.by,
            seen=said["seen"],
            at=self.at,
        )
        if made.state == Merge.State.PROPOSED:
            messages.warning(self.request, gettext("A second person has to confirm it now."))
        else:
            messages.success(self.request, gettext("They are one client now."))
        return HttpResponseRedirect(page_url(made))

    def confirm(self, number: int) -> HttpResponse:
        seen = self.request.POST.get("seen", "")
        if confirm_merge(number, by=self.by, seen=seen, at=self.at):
            messages.success(self.request, gettext("They are one client now."))
        return HttpResponseRedirect(reverse("admin:profiles_merge_change", args=[number]))

    def reject(self, number: int) -> HttpResponse:
        if reject_merge(number, by=self.by, at=self.at):
            messages.success(self.request, gettext("They stay two clients."))
        return self.queue(Merge)

    def different(self, number: int) -> HttpResponse:
        if tell_apart(number, by=self.by, at=self.at):
            messages.success(self.request, gettext("Two people: nobody will be asked again."))
        return self.queue(Duplicate)

    def keep(self, number: int) -> HttpResponse:
        if keep_identifier(number, by=self.by, at=self.at):
            messages.success(self.request, gettext("It stays where it is."))
        return self.queue(Conflict)

    def give(self, number: int) -> HttpResponse:
        if give_identifier(number, by=self.by, at=self.at) == Conflict.State.PROPOSED:
            messages.warning(self.request, gettext("A second person has to confirm it now."))
        else:
            messages.success(self.request, gettext("It is the other client's now."))
        return self.queue(Conflict)

    def queue(self, model: Any) -> HttpResponse:
        meta = model._meta
        return HttpResponseRedirect(reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist"))


def is_merged(merge: Merge) -> bool:
    return merge.state == Merge.State.MERGED


@deed(Merge, _("Take the merge back"), permission=DECIDE, icon="call_split", offered=is_merged)
def take_back(request: HttpRequest, merge: Merge) -> None:
    by: Any = request.user
    if not may_see(by):
        raise PermissionDenied
    try:
        if unmerge(merge.pk, by=by, at=clock.now()):
            messages.success(request, gettext("They are two clients again."))
    except MergeError as refusal:
        messages.error(request, str(refusal))


@panel(Merge, _("What moved"), permission="profiles.view_merge", order=10)
def moved_of(_request: HttpRequest, merge: Merge) -> dict[str, Any] | None:
    if merge.state not in {Merge.State.MERGED, Merge.State.UNDONE}:
        return None
    from_apps: dict[str, int] = {}
    for reference, *_pair, pks in merge.moved:
        name = table_name(reference)
        from_apps[name] = from_apps.get(name, 0) + len(pks)
    return {
        "headers": [_("table"), _("rows")],
        "rows": sorted(from_apps.items(), key=lambda line: -line[1]),
        "empty": _("Nothing referred to the client."),
    }


@panel(Merge, _("What came since"), permission="profiles.view_merge", order=20)
def came_to(_request: HttpRequest, merge: Merge) -> dict[str, Any] | None:
    if not is_merged(merge):
        return None
    came = came_since(merge)
    stays = gettext("Should the merge be taken back, these stay with %(client)s.")
    return {
        "headers": [_("table"), _("rows")],
        "rows": [[since.name, since.came] for since in came],
        "empty": _("Nothing yet: taking the merge back leaves nothing behind."),
        "note": stays % {"client": merge.kept} if came else "",
    }


def table_name(reference: str) -> str:
    table, _dot, _field = reference.rpartition(".")
    return str(apps.get_model(table)._meta.verbose_name_plural)
