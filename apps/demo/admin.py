"""What the demo's phones and inboxes received; in no other installation is there such a page."""

from django.conf import settings
from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import FieldTextFilter

from apps.core.admin.display import column
from apps.core.admin.filters import MomentFilter
from apps.core.admin.pages import ReadOnlyPage
from apps.demo.models import Letter


class LetterPage(ReadOnlyPage[Letter]):
    list_display = ["received_at", "channel", "recipient", "subject", "beginning"]
    list_filter = [("recipient", FieldTextFilter), ("received_at", MomentFilter)]
    search_fields = ["recipient", "subject", "text"]
    ordering = ["-received_at", "-pk"]
    fields = ["received_at", "channel", "sender", "recipient", "subject", "text"]

    @column(_("text"))
    def beginning(self, letter: Letter) -> str:
        return letter.text[:120]


if settings.DEMO:
    admin.site.register(Letter, LetterPage)
