"""What clients are told of a restatement: the texts, how many wait, and a person's word on them."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Count
from django.http import HttpRequest
from django.template.defaultfilters import linebreaksbr
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from apps.core import clock
from apps.core.admin.display import list_url, moment, page_link, page_url, pill
from apps.core.admin.pages import deed, panel
from apps.core.site import COUNTED, Concern, Line, concerns
from apps.messaging.actions.choosing import published, wording_of
from apps.messaging.actions.corrections import (
    CorrectionError,
    approve_corrections,
    drafts,
    reject_corrections,
)
from apps.messaging.actions.letters import sample
from apps.messaging.admin.outbox import TOLD
from apps.messaging.models.corrections import CorrectionVerdict
from apps.messaging.models.outbox import Notice
from apps.messaging.queries.desk import drafted_corrections
from apps.messaging.wording import WordingError
from apps.products.models.restatements import Restatement
from apps.profiles.models import Channel

DECIDE = "messaging.add_correctionverdict"
SHOWN = 3  # clients whose texts are shown before anybody approves

Act = Callable[..., int]


def waits(restatement: Restatement) -> bool:
    return drafts(restatement.pk).exists()


@deed(
    Restatement, _("Approve all corrections"), permission=DECIDE, icon="outgoing_mail",
    offered=waits,
)  # fmt: skip
def approve_all(request: HttpRequest, restatement: Restatement) -> None:
    count = _decide(request, restatement, approve_corrections)
    if count:
        said = ngettext("%d correction goes out.", "%d corrections go out.", count) % count
        messages.success(request, said)


@deed(
    Restatement, _("Reject all corrections"), permission=DECIDE, icon="cancel_schedule_send",
    offered=waits,
)  # fmt: skip
def reject_all(request: HttpRequest, restatement: Restatement) -> None:
    count = _decide(request, restatement, reject_corrections)
    if count:
        said = ngettext("%d correction rejected.", "%d corrections rejected.", count) % count
        messages.success(request, said)


def _decide(request: HttpRequest, restatement: Restatement, act: Act) -> int:
    if not isinstance(request.user, AbstractBaseUser):
        return 0
    try:
        return act(restatement.pk, by=request.user, at=clock.now())
    except CorrectionError as refusal:
        messages.error(request, str(refusal))
        return 0


@panel(Restatement, _("What clients are told"), permission="messaging.view_notice", order=60)
def told(_request: HttpRequest, restatement: Restatement) -> dict[str, Any]:
    source = f"restatement:{restatement.pk}"
    states = dict(Notice.State.choices)
    counts = Notice.objects.filter(source=source).values_list("state").annotate(count=Count("pk"))
    verdicts = CorrectionVerdict.objects.filter(restatement=restatement).select_related("by")
    return {
        "headers": [_("corrections"), _("state"), _("decided")],
        "rows": [
            [count, pill(states[state], TOLD[state]), "–"]
            for state, count in counts.order_by("state")
        ]
        + [
            [one.notices, pill(one.get_verdict_display()), f"{one.by} · {moment(one.at)}"]
            for one in verdicts.order_by("pk")
        ],
        "empty": gettext("Nobody was told anything that had to be corrected."),
        "more": _("All"),
        "more_url": list_url(Notice, source__exact=source),
    }


@panel(
    Restatement, _("Corrections as they would be sent"), permission="messaging.view_notice",
    wide=True, order=70,
)  # fmt: skip
def texts(_request: HttpRequest, restatement: Restatement) -> dict[str, Any] | None:
    notices = drafts(restatement.pk).select_related("client", "template").order_by("pk")[:SHOWN]
    rows = [row for notice in notices for row in _texts(notice)]
    if not rows:
        return None
    return {
        "headers": [_("client"), _("channel"), _("subject"), _("text")],
        "rows": rows,
        "empty": "",
        "note": _("The first ones; each client's figures are his own."),
    }


def _texts(notice: Notice) -> Iterable[list[object]]:
    wordings = published({notice.template_id})
    for channel in (Channel.SMS, Channel.EMAIL):
        wording = wording_of(notice, channel, wordings)
        if wording is None:
            continue
        try:
            subject, text = sample(notice, wording, at=clock.now())
        except WordingError as error:
            subject, text = "", str(error)
        yield [page_link(notice.client), channel.label, subject or "–", linebreaksbr(text)]


@concerns(DECIDE)
def corrections_drafted(_at: datetime) -> Iterable[Concern]:
    rows = drafted_corrections()
    yield Concern(
        title=_("Corrections that wait for approval"),
        count=drafts_count(rows),
        url=list_url(Notice, state__exact=Notice.State.DRAFTED),
        lines=[
            Line(
                str(restatement),
                ngettext("%d client", "%d clients", count) % count,
                page_url(restatement),
            )
            for restatement, count in rows
        ],
        icon="outgoing_mail",
    )


def drafts_count(rows: Iterable[tuple[Restatement, int]]) -> int:
    return min(sum(count for _restatement, count in rows), COUNTED + 1)
