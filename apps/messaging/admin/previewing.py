"""Pages on which marketers see what clients would read: the matrix, and an SMS while it is typed."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from apps.core import clock
from apps.core.admin.display import page_url
from apps.core.masking import may_see
from apps.messaging import gsm
from apps.messaging.actions.content import prepare
from apps.messaging.actions.previews import Shown, longest, preview
from apps.messaging.models.content import Template, TemplateVersion, Variant
from apps.messaging.queries.reach import STATES
from apps.profiles.models import Channel, Client

LOOK = "messaging.view_templateversion"
ALL_STATES = "states"


class PreviewForm(forms.Form):
    occasion = forms.ChoiceField(label=_("occasion"), widget=UnfoldAdminSelectWidget)
    channel = forms.ChoiceField(
        label=_("channel"), choices=Channel.choices, widget=UnfoldAdminSelectWidget
    )
    variant = forms.ChoiceField(
        label=_("variant"), choices=Variant.choices, widget=UnfoldAdminSelectWidget
    )
    drafts = forms.ChoiceField(
        label=_("wordings"), widget=UnfoldAdminSelectWidget,
        choices=[("", _("as published")), ("yes", _("drafts before what is published"))],
        required=False,
    )  # fmt: skip
    client = forms.IntegerField(
        label=_("client №"), required=False, widget=UnfoldAdminTextInputWidget,
        help_text=_("With the figures he was last told; without a client with long samples."),
    )  # fmt: skip

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        codes = [(each.code, str(each)) for each in Template.objects.order_by("name")]
        field = self.fields["occasion"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 (for the type)
        field.choices = [(ALL_STATES, _("all states of a coupon strategy")), *codes]


def preview_page(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """Show states beside languages in one channel."""
    if not request.user.has_perm(LOOK):
        raise PermissionDenied
    first = {"occasion": ALL_STATES, "channel": Channel.SMS, "variant": Variant.PLAIN}
    form = PreviewForm(first | request.GET.dict())
    rows, person = [], None
    if form.is_valid():
        person = client_of(request, form)
        rows = rows_of(form.cleaned_data, person)
    return TemplateResponse(
        request,
        "messaging/admin/preview.html",
        {
            **context,
            "title": gettext("What clients read"),
            "form": form,
            "person": person,
            "languages": [name for _code, name in languages()],
            "rows": rows,
        },
    )


def client_of(request: HttpRequest, form: PreviewForm) -> Client | None:
    number = form.cleaned_data["client"]
    if not number:
        return None
    if not (may_see(request.user) and request.user.has_perm("profiles.view_client")):
        form.add_error("client", gettext("You may not see people: look at the samples."))
        return None
    person = Client.objects.filter(pk=number).first()
    if person is None:
        form.add_error("client", gettext("There is no such client."))
    return person


def languages() -> list[tuple[str, str]]:
    field = TemplateVersion._meta.get_field("language")
    return [(str(code), str(name)) for code, name in field.flatchoices]


def rows_of(said: dict[str, Any], person: Client | None) -> list[dict[str, Any]]:
    codes = STATES if said["occasion"] == ALL_STATES else [said["occasion"]]
    templates = {each.code: each for each in Template.objects.filter(code__in=codes)}
    found = chosen(said, templates.values())
    shown = preview(list(found.values()), person, at=clock.now())
    cells = dict(zip(found, shown, strict=True))
    return [
        {
            "title": str(templates[code]),
            "cells": [
                cell(cells.get((templates[code].pk, language)), name)
                for language, name in languages()
            ],
        }
        for code in codes
        if code in templates
    ]


def chosen(
    said: dict[str, Any], templates: Iterable[Template]
) -> dict[tuple[int, str], TemplateVersion]:
    """Choose each occasion's wording in each language: the variant wanted before the plain one."""
    states = ["published", "draft"] if said["drafts"] else ["published"]
    rows = TemplateVersion.objects.filter(
        template__in=templates,
        channel=said["channel"],
        state__in=states,
        variant__in={said["variant"], Variant.PLAIN},
    ).select_related("template")

    def merit(version: TemplateVersion) -> tuple[bool, bool, int]:
        return (
            version.variant == said["variant"],
            version.state == TemplateVersion.State.DRAFT,
            version.number,
        )

    best: dict[tuple[int, str], TemplateVersion] = {}
    for version in sorted(rows, key=merit):
        best[version.template_id, version.language] = version
    for version in best.values():
        if version.state == TemplateVersion.State.DRAFT:
            compile_quietly(version)
    return best


def compile_quietly(version: TemplateVersion) -> None:
    """Compile a draft's design for looking at; what is wrong with it the preview says itself."""
    try:
        prepare(version)
    except ValidationError as error:
        version.html, version.body = "", " ".join(error.messages)


def cell(shown: Shown | None, language: str) -> dict[str, Any]:
    if shown is None:
        return {"language": language}
    return {
        "language": language,
        "shown": shown,
        "url": page_url(shown.version),
        "parts": sentence(shown) if shown.parts else "",
    }


def sentence(shown: Shown) -> str:
    """Say how many parts an SMS takes and in which alphabet."""
    alphabet = gettext("Unicode") if gsm.encode(shown.text)[0] else "GSM-7"
    said = ngettext(
        "%(parts)d part, %(letters)d characters, %(alphabet)s",
        "%(parts)d parts, %(letters)d characters, %(alphabet)s",
        shown.parts,
    )
    return said % {"parts": shown.parts, "letters": len(shown.text), "alphabet": alphabet}


@require_POST
def measure(request: HttpRequest) -> HttpResponse:
    """Answer how an SMS being typed would look at its longest."""
    if not request.user.has_perm(LOOK):
        raise PermissionDenied
    template = Template.objects.filter(pk=number(request.POST.get("template"))).first()
    language = request.POST.get("language", "")
    if template is None or language not in dict(languages()):
        return JsonResponse({"said": gettext("Choose the template and the language first.")})
    version = TemplateVersion(
        template=template,
        channel=Channel.SMS,
        language=language,
        body=request.POST.get("body", ""),
    )
    shown = longest(version, at=clock.now(), with_people=may_see(request.user))
    if shown.fault:
        return JsonResponse({"said": shown.fault, "is_bad": True})
    most = template.sms_parts
    said, is_bad = sentence(shown), bool(most and shown.parts > most)
    if is_bad:
        said = gettext("The SMS would take %(parts)s parts; its template allows %(most)s.")
        said %= {"parts": shown.parts, "most": most}
    return JsonResponse({"said": said, "text": shown.text, "is_bad": is_bad})


def number(said: str | None) -> int:
    return int(said) if said and said.isascii() and said.isdigit() else 0
