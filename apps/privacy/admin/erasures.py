"""Erasing a person in the back office: asked for on his page, confirmed here by somebody else."""

from django.contrib import admin
from django.urls import URLPattern, path

from apps.core.admin.pages import ReadOnlyPage
from apps.privacy.admin.register import register_view
from apps.privacy.models import Erasure


@admin.register(Erasure)
class ErasurePage(ReadOnlyPage[Erasure]):
    list_display = ["asked_at", "client", "state", "asked_by", "decided_by", "erased_at"]

    def get_urls(self) -> list[URLPattern]:
        register = path(
            "register/", self.admin_site.admin_view(register_view), name="privacy_register"
        )
        return [register, *super().get_urls()]
