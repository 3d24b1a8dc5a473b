"""The register of personal data: a page of the manifest, for whoever answers for data protection."""

from itertools import groupby
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from apps.privacy.manifest.tables import READING, SCATTERED, Table
from apps.privacy.models import Erasure
from apps.privacy.queries.trail import model_of

RIGHT = "privacy.view_erasure"


def register_view(request: HttpRequest) -> HttpResponse:
    """Show every personal field with its purpose, its legal basis, its time and its end."""
    if not request.user.has_perm(RIGHT):
        raise PermissionDenied
    return TemplateResponse(
        request,
        "privacy/register.html",
        {
            **admin.site.each_context(request),
            "title": _("Register of personal data"),
            "opts": Erasure._meta,
            "tables": [shown(table) for table in [*READING, *SCATTERED]],
        },
    )


def shown(table: Table) -> dict[str, Any]:
    meta = model_of(table)._meta
    names = {field.name: str(field.verbose_name) for field in meta.concrete_fields}
    by_rule = sorted(table.fields.items(), key=lambda item: (str(item[1].category), id(item[1])))
    return {
        "name": capfirst(str(meta.verbose_name_plural)),
        "rules": [
            {
                "rule": rule,
                "fields": ", ".join(names[name] for name, _rule in items),
            }
            for rule, items in groupby(by_rule, key=lambda item: item[1])
        ],
    }
