"""Who tried to sign in to the back office."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from apps.core.admin.display import badge
from apps.core.admin.filters import MomentFilter
from apps.core.admin.pages import ReadOnlyPage
from apps.core.models import SignIn


@admin.register(SignIn)
class SignInPage(ReadOnlyPage[SignIn]):
    export_without = ("device",)
    list_display = [
        "at",
        "username",
        badge("state", _("state"), entered="good", failed="bad"),
        "is_known",
    ]
    list_filter = [("state", ChoicesDropdownFilter), ("at", MomentFilter)]
    search_fields = ["username"]
    ordering = ["-pk"]
    fields = [*list_display]
    readonly_fields = [*fields]
