"""What messages say; a published wording is frozen, a new version replaces it."""

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import StackedInline
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from apps.core import clock
from apps.core.admin.display import badge, column, pill
from apps.core.admin.pages import Page, deed
from apps.events.actions import listen, stop_listening
from apps.events.models import Listening
from apps.messaging.actions.content import publish_version
from apps.messaging.actions.contracts import DAYS
from apps.messaging.actions.routing import LISTENER
from apps.messaging.models.content import Template, TemplateVersion

UNHEARD = {"digest.monthly", "email.confirm"}  # they come by themselves
WORDED = {"published": "good", "draft": "wait", "retired": "quiet"}


class VersionInline(StackedInline):
    model = TemplateVersion
    extra = 0
    collapsible = True
    fields = [("channel", "language", "variant"), ("number", "state"), "subject", "body"]
    readonly_fields = ["state"]
    ordering = ["channel", "language", "variant", "-number"]

    def has_change_permission(
        self, request: HttpRequest, row: TemplateVersion | None = None
    ) -> bool:
        return False

    has_delete_permission = has_change_permission


@admin.register(Template)
class TemplatePage(Page[Template]):
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
        if "." not in template.code or template.code in UNHEARD:
            return "–"
        return pill(_("yes"), "good") if getattr(template, "heard", False) else pill(_("no"))


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


@admin.register(TemplateVersion)
class TemplateVersionPage(Page[TemplateVersion]):
    list_display = [
        "template", "channel", "language", "variant", "number",
        badge("state", _("state"), **WORDED), "subject",
    ]  # fmt: skip
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
    ordering = ["template", "channel", "language", "variant", "-number"]

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
