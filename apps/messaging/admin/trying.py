"""What became of the tests that wait for the process of their provider."""

from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.core.admin.display import moment, pill
from apps.core.admin.pages import panel
from apps.messaging.models.content import TemplateVersion
from apps.messaging.models.trials import SeedLetter

MOST = 20  # as many as one test goes to
TRIED = {"asked": "wait", "handed": "wait", "sent": "good", "failed": "bad", "unknown": "bad"}


@panel(TemplateVersion, _("Tests on their way"), permission="messaging.change_templateversion")
def tests_of(_request: HttpRequest, version: TemplateVersion) -> dict[str, Any] | None:
    """Show what became of the tests that another process carries."""
    letters = SeedLetter.objects.filter(version=version).select_related("provider")
    rows = [
        [
            moment(each.asked_at), each.address, each.provider,
            pill(each.get_state_display(), TRIED[each.state]), each.reason or "–",
        ]
        for each in letters.order_by("-pk")[:MOST]
    ]  # fmt: skip
    if not rows:
        return None
    note = gettext("They are carried by %s: nothing leaves while that process is not running.")
    process = f"manage.py smpp {rows[0][2]}"
    return {
        "headers": [_("asked"), _("address"), _("provider"), _("state"), _("reason")],
        "rows": rows,
        "note": note % process,
    }
