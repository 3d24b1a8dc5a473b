"""Beside a draft: which values its text may name, and what became of its tests."""

from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.core.admin.display import moment, pill, stacked
from apps.core.admin.pages import panel
from apps.messaging.models.content import TemplateVersion
from apps.messaging.models.trials import SeedLetter

MOST = 20  # as many as one test goes to
TRIED = {"asked": "wait", "handed": "wait", "sent": "good", "failed": "bad", "unknown": "bad"}


@panel(
    TemplateVersion, _("What its text may name"), permission="messaging.change_templateversion",
    wide=True, order=40,
)  # fmt: skip
def values_of(_request: HttpRequest, version: TemplateVersion) -> dict[str, Any] | None:
    """List the values of the occasion while the text is being written."""
    names = sorted(version.known())
    if version.state != TemplateVersion.State.DRAFT or not names:
        return None
    return {
        "headers": [_("values of this occasion")],
        "rows": [[" · ".join(f"{{{{ {name} }}}}" for name in names)]],
        "note": gettext(
            "A value that a client does not have stops his message: ask for it by “if”."
        ),
    }


@panel(
    TemplateVersion,
    _("Tests on their way"),
    permission="messaging.change_templateversion",
    wide=True,
)
def tests_of(_request: HttpRequest, version: TemplateVersion) -> dict[str, Any] | None:
    """Show what became of the tests that another process carries."""
    found = SeedLetter.objects.filter(version=version).select_related("provider")
    letters = list(found.order_by("-pk")[:MOST])
    if not letters:
        return None
    note = gettext("They are carried by %s: nothing leaves while that process is not running.")
    return {
        "headers": [_("address"), _("state")],
        "rows": [
            [
                stacked(each.address, moment(each.asked_at)),
                stacked(pill(each.get_state_display(), TRIED[each.state]), each.reason),
            ]
            for each in letters
        ],
        "note": note % f"manage.py smpp {letters[0].provider}",
    }
