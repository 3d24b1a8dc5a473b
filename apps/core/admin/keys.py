"""Keys of the API: made here, shown once, revoked here."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from apps.core import clock
from apps.core.actions import SCOPES, make_key, revoke_key
from apps.core.admin.display import column, pill
from apps.core.admin.pages import Page, deed
from apps.core.models import ApiKey


class KeyForm(forms.ModelForm[ApiKey]):
    scopes = forms.MultipleChoiceField(
        label=_("may"),
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        choices=lambda: sorted(SCOPES.items()),
    )

    class Meta:
        model = ApiKey
        fields = ["name", "scopes"]


@admin.register(ApiKey)
class ApiKeyPage(Page[ApiKey]):
    """A key is made and revoked, never changed: its system would not know."""

    form = KeyForm
    export_without = ("digest",)
    list_display = ["name", "prefix", "shown_scopes", "made_by", "made_at", "last_used_on", "good"]
    list_select_related = ["made_by"]
    search_fields = ["name", "prefix"]
    ordering = ["name"]
    fields = ["name", "scopes"]

    @column(_("may"))
    def shown_scopes(self, key: ApiKey) -> str:
        return ", ".join(str(SCOPES.get(scope, scope)) for scope in key.scopes)

    @column(_("state"), ordering="revoked_at")
    def good(self, key: ApiKey) -> str:
        return pill(gettext("revoked"), "bad") if key.revoked_at else pill(gettext("good"), "good")

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> Any:
        return self.list_display if obj else self.fields

    def get_readonly_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> Any:
        return self.list_display if obj else ()

    def has_change_permission(self, request: HttpRequest, row: ApiKey | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, row: ApiKey | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: Any) -> None:
        by = request.user if request.user.is_authenticated else None
        made, token = make_key(obj.name, obj.scopes, by=by, at=clock.now())
        obj.pk, obj.token = made.pk, token  # type: ignore[attr-defined]

    def response_add(
        self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Show the key on the page that answers, and nowhere else: no cookie or log keeps it."""
        context = {
            **self.admin_site.each_context(request),
            "title": obj.name,
            "token": obj.token,  # type: ignore[attr-defined]
            "opts": self.opts,
        }
        return TemplateResponse(request, "core/admin/key_made.html", context)


def is_good(key: ApiKey) -> bool:
    return key.revoked_at is None


@deed(ApiKey, _("Revoke"), permission="core.change_apikey", icon="key_off", offered=is_good)
def revoke(request: HttpRequest, key: ApiKey) -> None:
    if revoke_key(key.pk, at=clock.now()):
        messages.success(request, gettext("%s is refused from now on.") % key)
