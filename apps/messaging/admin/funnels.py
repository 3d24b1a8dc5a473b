"""Funnels in the back office: of a sending, live while it moves, and of a template."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.core import clock
from apps.core.admin.display import count, list_url, money
from apps.core.admin.pages import panel
from apps.messaging.models.content import Template
from apps.messaging.models.outbox import Notice
from apps.messaging.models.sendings import Sending
from apps.messaging.queries.carriers import progress
from apps.messaging.queries.funnels import (
    Funnel,
    costs,
    funnel_of_sending,
    funnel_of_template,
    refusals,
)
from apps.messaging.queries.reasons import said

LOOK = "messaging.view_notice"
PREVIEW = "admin:messaging_templateversion_preview"
REASONS = 5
# Read anew every few seconds while it moves; what takes long to count, less often.
LIVE, SLOW, MANY = 3_000, 30_000, 50_000


@panel(
    Sending, _("How far it is"), permission=LOOK, wide=True, order=10,
    template="messaging/admin/progress.html",
)  # fmt: skip
def how_far(_request: HttpRequest, sending: Sending) -> dict[str, Any]:
    known = progress(sending)
    states = dict(Notice.State.choices)
    told = gettext("%(done)s of %(total)s clients decided; %(released)s %% may be told by now.") % {
        "done": count(known.done),
        "total": count(known.total),
        "released": sending.released,
    }
    moves = sending.state == Sending.State.RUNNING and known.done < known.total
    return {
        "said": told,
        "label": gettext("How far it is"),
        "percent": known.percent,
        "every": (SLOW if known.total > MANY else LIVE) if moves else "",
        "steps": steps(funnel_of_sending(sending)) if known.total else [],
        "headers": [_("clients"), _("count")],
        "rows": [[states[state], count(many)] for state, many in sorted(known.by_state.items())],
        "empty": _("Nobody is meant yet."),
        "note": spent(sending),
    }


def steps(funnel: Funnel) -> list[dict[str, Any]]:
    """Say every step with its share of all, and of the step before."""
    names = {
        "meant": _("planned"),
        "sent": _("sent"),
        "delivered": _("delivered"),
        "seen": _("seen by a person"),
        "clicked": _("followed the link"),
        "converted": _("did what is wished for"),
    }
    shown, before = [], 0
    for step, name in names.items():
        many = getattr(funnel, step)
        share = 100 * many // funnel.meant if funnel.meant else 0
        told = gettext("%s %% of the step before") % (100 * many // before) if before else ""
        shown.append({"name": name, "count": count(many), "share": share, "said": told})
        before = many
    return shown


def spent(sending: Sending) -> str:
    sums = ", ".join(money(cost, currency) for currency, cost in costs(sending))
    return gettext("Its messages cost %s.") % sums if sums else ""


@panel(Sending, _("Why clients were not told"), permission=LOOK, order=20)
def not_told(_request: HttpRequest, sending: Sending) -> dict[str, Any] | None:
    counts = refusals(sending, most=REASONS)
    if not counts:
        return None
    template = Template.objects.filter(notices__sending=sending).first()
    return {
        "headers": [_("reason"), _("clients")],
        "rows": [
            [said(reason, template=template) if template else reason, count(many)]
            for reason, many in counts
        ],
        "more": _("All"),
        "more_url": list_url(Notice, sending__id__exact=sending.pk, state__exact="skipped"),
    }


@panel(
    Template, _("The last 30 days"), permission=LOOK, wide=True,
    template="messaging/admin/funnel.html",
)  # fmt: skip
def funnel_lately(_request: HttpRequest, template: Template) -> dict[str, Any]:
    funnel = funnel_of_template(template, at=clock.now())
    return {
        "steps": steps(funnel) if funnel.meant else [],
        "empty": _("Nobody was meant to be told of it."),
        "more": _("What clients read"),
        "more_url": f"{reverse(PREVIEW)}?{urlencode({'occasion': template.code})}",
    }
