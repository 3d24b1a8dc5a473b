"""What messages say; a published wording is frozen, a new version replaces it."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.forms.widgets import Script
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import StackedInline
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from apps.core import clock
from apps.core.admin.display import badge, column, list_url, page_url, pill
from apps.core.admin.pages import Page, deed
from apps.core.site import Concern, Line, concerns
from apps.events.actions import listen, stop_listening
from apps.events.models import Listening
from apps.messaging.actions.content import (
    begin_version,
    prepare,
    publish_version,
    publish_versions,
)
from apps.messaging.actions.contracts import DAYS
from apps.messaging.actions.routing import LISTENER
from apps.messaging.actions.trying import UntriedError, send_test
from apps.messaging.admin.previewing import measure, preview_page
from apps.messaging.models.content import Template, TemplateVersion
from apps.messaging.queries.reach import unworded
from apps.profiles.models import Channel

WORDED = {"published": "good", "draft": "wait", "retired": "quiet"}


class VersionInline(StackedInline):
    model = TemplateVersion
    extra = 0
    collapsible = True
    fields = [
        ("channel", "language", "variant"),
        ("number", "state"),
        "display",
        "subject",
        "body",
        "mjml",
    ]
    readonly_fields = ["state"]
    ordering = ["channel", "language", "variant", "-number"]
    show_change_link = True

    def has_change_permission(
        self, request: HttpRequest, row: TemplateVersion | None = None
    ) -> bool:
        return False

    has_delete_permission = has_change_permission


class InOrder(UnfoldAdminCheckboxSelectMultipleWidget):
    """Checkboxes whose order counts: what is ticked comes first, and is moved up by a click."""

    class Media:
        css = {"all": ["messaging/in_order.css"]}
        js = (Script("messaging/in_order.js", defer=True),)

    def optgroups(self, name: str, value: list[str], attrs: Any = None) -> list[Any]:
        groups: list[Any] = super().optgroups(name, value, attrs)
        places = {ticked: place for place, ticked in enumerate(value)}
        return sorted(groups, key=lambda group: places.get(group[1][0]["value"], len(places)))

    def create_option(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option: dict[str, Any] = super().create_option(*args, **kwargs)
        earlier = gettext("Try %(channel)s earlier") % {"channel": option["label"]}
        return option | {"attrs": option["attrs"] | {"data-earlier": earlier}}


class TemplateForm(forms.ModelForm):  # type: ignore[type-arg]  # generic only in the stubs
    channels = forms.MultipleChoiceField(
        label=_("channels"), choices=Channel.choices, required=False, widget=InOrder,
        error_messages={"invalid_choice": _("There is no channel called “%(value)s”.")},
        help_text=_("Those ticked are allowed; after the client's preferred one they are tried in this order. None ticked: all but calls."),
    )  # fmt: skip


@admin.register(Template)
class TemplatePage(Page[Template]):
    form = TemplateForm
    list_display = ["shown_name", "code", "purpose", "published", "told"]
    list_filter = [("purpose", ChoicesDropdownFilter)]
    search_fields = ["code", "name"]
    inlines = [VersionInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Template]:
        rows: QuerySet[Template] = super().get_queryset(request)
        return rows.annotate(
            wordings=Count("versions", filter=Q(versions__state="published"), distinct=True),
            heard=Exists(Listening.objects.filter(listener=LISTENER, kind=OuterRef("code"))),
        )

    @column(_("name"), ordering="name")
    def shown_name(self, template: Template) -> str:
        return str(template)

    @column(_("published wordings"), ordering="wordings")
    def published(self, template: Template) -> int:
        return int(getattr(template, "wordings", 0))

    @column(_("clients are told"))
    def told(self, template: Template) -> str:
        if getattr(template, "heard", False):
            return pill(_("yes"), "good")
        return pill(_("no")) if template.code in DAYS else "–"


def is_heard(template: Template) -> bool:
    return Listening.objects.filter(listener=LISTENER, kind=template.code).exists()


def may_be_silenced(template: Template) -> bool:
    return template.code in DAYS and is_heard(template)


def may_be_told(template: Template) -> bool:
    return template.code in DAYS and not is_heard(template)


@deed(
    Template, _("Tell clients of it"), permission="messaging.change_template",
    icon="notifications_active", offered=may_be_told,
)  # fmt: skip
def tell_clients(request: HttpRequest, template: Template) -> None:
    listen(LISTENER, [template.code])
    messages.success(request, gettext("Clients are told from now on."))


@deed(
    Template, _("Tell nobody of it"), permission="messaging.change_template",
    icon="notifications_off", offered=may_be_silenced,
)  # fmt: skip
def tell_nobody(request: HttpRequest, template: Template) -> None:
    stop_listening(LISTENER, [template.code])
    messages.success(request, gettext("Nobody is told any more."))


def is_draft(version: TemplateVersion | None) -> bool:
    return version is None or version.state == TemplateVersion.State.DRAFT


class VersionForm(forms.ModelForm[TemplateVersion]):
    """A wording whose design is compiled when it is saved."""

    def clean(self) -> dict[str, Any]:
        said: dict[str, Any] = super().clean() or {}
        if said.get("mjml", "").strip() and not self.errors:
            tried = TemplateVersion(**{name: said[name] for name in WRITTEN if name in said})
            prepare(tried)
            self.instance.html = tried.html
            said["body"] = tried.body
        return said


WRITTEN = ("channel", "language", "mjml", "body")


@admin.register(TemplateVersion)
class TemplateVersionPage(Page[TemplateVersion]):
    form = VersionForm
    change_form_template = "messaging/admin/version_form.html"
    list_display = [
        "template", "channel", "language", "variant", "number",
        badge("state", _("state"), **WORDED), "subject",
    ]  # fmt: skip
    sortable_by = ["template", "state", "subject"]
    list_select_related = ["template"]
    list_filter = [
        ("state", ChoicesDropdownFilter),
        ("channel", ChoicesDropdownFilter),
        ("language", ChoicesDropdownFilter),
        ("variant", ChoicesDropdownFilter),
    ]
    search_fields = ["template__code", "template__name", "subject", "body"]
    autocomplete_fields = ["template"]
    readonly_fields = ["state", "created_at"]
    fields = [
        "template", ("channel", "language"), ("variant", "number"), "subject", "body", "mjml",
        ("display", "shows_money"), "state", "created_at",
    ]  # fmt: skip
    ordering = ["template", "channel", "language", "variant", "-number"]
    actions = ["publish_together"]
    import_export_change_list_template = "messaging/admin/version_list.html"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("preview/", view(self.preview_view), name="messaging_templateversion_preview"),
            path("measure/", view(measure), name="messaging_templateversion_measure"),
            *super().get_urls(),
        ]

    def preview_view(self, request: HttpRequest) -> HttpResponse:
        return preview_page(request, {**self.admin_site.each_context(request), "opts": self.opts})

    @admin.action(description=_("Publish together"), permissions=["change"])
    def publish_together(self, request: HttpRequest, rows: QuerySet[TemplateVersion]) -> None:
        try:
            count = publish_versions(rows.values_list("pk", flat=True), at=clock.now())
        except ValidationError as error:
            for reason in error.messages:
                messages.error(request, reason)
            return
        text = ngettext("%d wording is published.", "%d wordings are published.", count)
        messages.success(request, text % count)

    def has_change_permission(
        self, request: HttpRequest, row: TemplateVersion | None = None
    ) -> bool:
        return is_draft(row) and bool(super().has_change_permission(request, row))

    def has_delete_permission(
        self, request: HttpRequest, row: TemplateVersion | None = None
    ) -> bool:
        return is_draft(row) and bool(super().has_delete_permission(request, row))


@deed(
    TemplateVersion, _("Publish"), permission="messaging.change_templateversion", icon="publish",
    offered=is_draft,
)  # fmt: skip
def publish(request: HttpRequest, version: TemplateVersion) -> None:
    try:
        published = publish_version(version.pk, at=clock.now())
    except ValidationError as error:
        for reason in error.messages:
            messages.error(request, reason)
        return
    if published:
        messages.success(
            request, gettext("The wording is published; the one before it is retired.")
        )
    else:
        messages.warning(request, gettext("It is no draft any more."))


def is_frozen(version: TemplateVersion) -> bool:
    return not is_draft(version)


@deed(
    TemplateVersion, _("Write a new version"), icon="edit",
    permission="messaging.add_templateversion messaging.change_templateversion", offered=is_frozen,
)  # fmt: skip
def write_anew(_request: HttpRequest, version: TemplateVersion) -> HttpResponse:
    """Lead to a draft with these words, which are never changed themselves."""
    draft = begin_version(version.pk, at=clock.now())
    return HttpResponseRedirect(page_url(TemplateVersion(pk=draft)))


@deed(
    TemplateVersion, _("Send a test"), permission="messaging.change_templateversion", icon="forward_to_inbox",
)  # fmt: skip
def try_out(request: HttpRequest, version: TemplateVersion) -> None:
    """Send it to the list of our own addresses, and say what became of each."""
    try:
        prepare(version)
        tried = send_test(version, at=clock.now())
    except (UntriedError, ValidationError) as error:
        reasons = error.messages if isinstance(error, ValidationError) else [str(error)]
        for reason in reasons:
            messages.error(request, reason)
        return
    for one in tried:
        if one.is_sent:
            messages.success(request, gettext("The test is on its way to %s.") % one.seed.name)
        elif one.answer is None:
            messages.info(
                request,
                gettext(
                    "The test to %s waits for its provider's process; see below what became of it."
                )
                % one.seed.name,
            )
        else:
            messages.error(request, f"{one.seed.name}: {one.answer.reason}")


@concerns("messaging.view_templateversion")
def states_unworded(_at: datetime) -> Iterable[Concern]:
    """Name what a strategy may come to with nothing to say of it where we say the rest."""
    lacking = unworded()
    titles = {each.code: str(each) for each in Template.objects.all()} if lacking else {}
    languages = dict(TemplateVersion._meta.get_field("language").flatchoices)
    yield Concern(
        title=gettext("News without words"),
        count=sum(map(len, lacking.values())),
        url=list_url(TemplateVersion, state__exact=TemplateVersion.State.DRAFT),
        lines=[
            Line(
                f"{Channel(channel).label}, {languages[language]}",
                ", ".join(titles.get(code, code) for code in codes),
            )
            for (channel, language), codes in lacking.items()
        ],
        icon="speaker_notes_off",
    )
