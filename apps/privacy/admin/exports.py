"""All that is known of a person, taken out: asked for here, read as a page, fetched as a file."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from apps.core import clock
from apps.core.admin.display import badge, column, linked
from apps.core.admin.pages import Page, deed
from apps.privacy.actions.exports import ask_export, note_fetched
from apps.privacy.models import PersonExport
from apps.privacy.queries.person import in_sections
from apps.profiles.models import Client

RIGHT = "privacy.export_person"
TONES = {"queued": "wait", "ready": "good"}


@admin.register(PersonExport)
class PersonExportPage(Page[PersonExport]):
    """An export is asked for and fetched, never changed; its content goes after some days."""

    list_display = [
        "asked_at", linked("client", _("client"), "last_name"), badge("state", _("state"), **TONES),
        "reason", "asked_by", "fetched_at", "fetch",
    ]  # fmt: skip
    list_select_related = ["client", "asked_by"]
    list_filter = [("client", AutocompleteSelectFilter)]
    autocomplete_fields = ["client"]
    ordering = ["-pk"]
    export_without = ("content",)
    shown = ["client", "reason", "state", "asked_at", "asked_by", "made_at", "fetched_at", "fetch"]

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("content")

    def get_fields(self, request: HttpRequest, obj: PersonExport | None = None) -> Any:
        return self.shown if obj else ["client", "reason"]

    def get_readonly_fields(self, request: HttpRequest, obj: PersonExport | None = None) -> Any:
        return self.shown if obj else ()

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return request.user.has_perm(RIGHT) and super().has_add_permission(request, *args)

    def has_change_permission(self, request: HttpRequest, row: PersonExport | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, row: PersonExport | None = None) -> bool:
        return False

    @column(_("fetch"))
    def fetch(self, export: PersonExport) -> str:
        if export.state != PersonExport.State.READY:
            return "–"
        return format_html(
            '<a class="desk-link" href="{}">{}</a> · <a class="desk-link" href="{}">{}</a>',
            reverse("admin:privacy_person", args=[export.pk]), _("as a page"),
            reverse("admin:privacy_person_file", args=[export.pk]), _("as a file"),
        )  # fmt: skip

    def save_model(self, request: HttpRequest, obj: PersonExport, form: Any, change: Any) -> None:
        by: Any = request.user  # the page lets nobody else in
        made = ask_export(obj.client_id, reason=obj.reason, by=by, at=clock.now())
        obj.pk, obj.state = made.pk, made.state

    def response_add(self, request: HttpRequest, obj: PersonExport, *args: Any) -> HttpResponse:
        if obj.state == PersonExport.State.READY:
            return HttpResponseRedirect(reverse("admin:privacy_person", args=[obj.pk]))
        messages.info(request, gettext("There is much of it: it is gathered within minutes."))
        return HttpResponseRedirect(reverse("admin:privacy_personexport_changelist"))

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<int:pk>/person/", view(self.person_view), name="privacy_person"),
            path("<int:pk>/file/", view(self.file_view), name="privacy_person_file"),
            *super().get_urls(),
        ]

    def person_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show the export as the person himself would read it."""
        export = self.fetched(request, pk)
        content: Any = export.content
        return TemplateResponse(
            request,
            "privacy/person.html",
            {
                **self.admin_site.each_context(request),
                "title": _("All that is known of %s") % export.client,
                "opts": PersonExport._meta,
                "export": export,
                "sections": list(in_sections(content)),
                "trail": content["trail"],
            },
        )

    def file_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        export = self.fetched(request, pk)
        answer = JsonResponse(
            export.content, json_dumps_params={"indent": 1, "ensure_ascii": False}
        )
        answer["Content-Disposition"] = f'attachment; filename="person-{export.client_id}.json"'
        answer["Cache-Control"] = "no-store"
        return answer

    def fetched(self, request: HttpRequest, pk: int) -> PersonExport:
        """Return a ready export to who may have it, and write down that he took it."""
        if not request.user.has_perms([RIGHT, "profiles.see_personal"]):
            raise PermissionDenied
        at = clock.now()
        if not note_fetched(pk, at=at):
            raise Http404
        LogEntry.objects.create(
            user_id=str(request.user.pk),
            content_type=ContentType.objects.get_for_model(PersonExport),
            object_id=str(pk),
            object_repr=f"№ {pk}",
            action_flag=CHANGE,
            change_message="taken out",
            action_time=at,
        )
        return PersonExport.objects.select_related("client").get(pk=pk)


@deed(
    Client,
    _("Take out all that is known of him"),
    permission=f"{RIGHT} profiles.see_personal",
    icon="person_search",
)
def take_out(_request: HttpRequest, client: Client) -> HttpResponse:
    return HttpResponseRedirect(f"{reverse('admin:privacy_personexport_add')}?client={client.pk}")
