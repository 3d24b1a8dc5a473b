"""Large sendings in the back office: what would go out, in figures and words, and who approved it."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.defaultfilters import linebreaksbr
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from apps.core import clock
from apps.core.admin.display import (
    badge,
    column,
    count,
    linked,
    list_url,
    moment,
    money,
    page_link,
    page_url,
    pill,
)
from apps.core.admin.pages import ReadOnlyPage, deed, panel
from apps.core.site import COUNTED, Concern, Line, concerns
from apps.messaging.actions.approvals import (
    ApprovalError,
    approve,
    ask_approval,
    first_ones,
    reject,
)
from apps.messaging.actions.limits import limit
from apps.messaging.models.approvals import Approval
from apps.messaging.models.content import TemplateVersion
from apps.messaging.models.sendings import Sending
from apps.messaging.queries.audiences import Planned
from apps.profiles.models import Channel

APPROVE = "messaging.approve_sending"
ASK = "messaging.change_sending"
STATES = {
    "asked": "wait", "approved": "good", "rejected": "bad", "void": "bad", "spent": "quiet",
}  # fmt: skip
Act = Callable[..., bool]


def waits(sending: Sending) -> bool:
    return sending.state == Sending.State.WAITING


def is_asked(approval: Approval) -> bool:
    return approval.state == Approval.State.ASKED


def asked_of(sending: Sending) -> Approval | None:
    return sending.approvals.filter(state=Approval.State.ASKED).first()


def is_unasked(sending: Sending) -> bool:
    return waits(sending) and asked_of(sending) is None


@deed(Sending, _("Ask for approval"), permission=ASK, icon="how_to_reg", offered=is_unasked)
def ask(request: HttpRequest, sending: Sending) -> HttpResponse | None:
    if not isinstance(request.user, AbstractBaseUser):
        return None
    try:
        asked = ask_approval(sending.pk, by=request.user, at=clock.now())
    except ApprovalError as refusal:
        messages.error(request, str(refusal))
        return None
    asked = asked or asked_of(sending)
    messages.info(request, gettext("Now a second person must approve it."))
    return HttpResponseRedirect(page_url(asked)) if asked else None


@deed(Approval, _("Approve"), permission=APPROVE, icon="outgoing_mail", offered=is_asked)
def give(request: HttpRequest, approval: Approval) -> None:
    if decided(request, approval, approve):
        said = ngettext("%d client is told.", "%d clients are told.", approval.clients)
        messages.success(request, said % approval.clients)


@deed(Approval, _("Reject"), permission=APPROVE, icon="cancel_schedule_send", offered=is_asked)
def refuse(request: HttpRequest, approval: Approval) -> None:
    if decided(request, approval, reject):
        messages.info(request, gettext("Rejected: nothing of it goes out."))


def decided(request: HttpRequest, approval: Approval, act: Act) -> bool:
    if not isinstance(request.user, AbstractBaseUser):
        return False
    try:
        return act(approval.pk, by=request.user, at=clock.now())
    except ApprovalError as refusal:
        messages.error(request, str(refusal))
        return False


@admin.register(Approval)
class ApprovalPage(ReadOnlyPage[Approval]):
    """What one person asked for and another looks at: the figures as they were asked for."""

    list_display = [
        "asked_at", linked("sending", _("sending"), "title"), badge("state", _("state"), **STATES),
        "clients", "reason", "asked_by", "decided_by", "decided_at",
    ]  # fmt: skip
    list_select_related = ["sending", "asked_by", "decided_by"]
    list_filter = [("state", ChoicesDropdownFilter)]
    search_fields = ["sending__title", "=sending__source", "reason"]
    ordering = ["-pk"]
    fields = [*list_display, "void_at", "seals"]
    readonly_fields = [*fields]

    @column(_("bound to"))
    def seals(self, row: Approval) -> str:
        said = gettext("text %(text)s, clients %(clients)s, edition %(edition)s")
        return said % {
            "text": bytes(row.content).hex()[:12],
            "clients": bytes(row.audience).hex()[:12],
            "edition": row.edition,
        }


def planned_of(approval: Approval) -> list[Planned]:
    names = ("channel", "language", "wording", "count", "first")
    return [Planned(**{name: row[name] for name in names}) for row in approval.figures]


@panel(Approval, _("What would go out"), permission="messaging.view_sending", wide=True, order=10)
def figures(_request: HttpRequest, approval: Approval) -> dict[str, Any]:
    languages = dict(TemplateVersion._meta.get_field("language").flatchoices)
    wordings = TemplateVersion.objects.select_related("template").in_bulk(
        [row["wording"] for row in approval.figures]
    )
    rows = approval.figures
    total = sum(row["count"] for row in rows)
    costs: dict[str, int] = {}
    for row in rows:
        costs[row["currency"]] = costs.get(row["currency"], 0) + row["cost"]
    spent = ", ".join(money(cost, currency) for currency, cost in costs.items() if currency)
    note = gettext(
        "%(clients)s clients, %(messages)s messages planned by then; cost about %(cost)s."
    )
    return {
        "headers": [
            _("channel"), _("language"), _("messages"), _("parts each"), _("cost"), _("wording"),
        ],
        "rows": [
            [
                Channel(row["channel"]).label,
                languages.get(row["language"], row["language"]),
                count(row["count"]),
                row["parts"],
                money(row["cost"], row["currency"]) if row["currency"] else "–",
                page_link(wordings.get(row["wording"])),
            ]
            for row in rows
        ],
        "empty": _("No message of it is planned yet."),
        "note": note
        % {"clients": count(approval.clients), "messages": count(total), "cost": spent or "–"},
    }  # fmt: skip


@panel(
    Approval, _("The first of each wording, as it would be sent"),
    permission="messaging.view_sending", wide=True, order=20,
)  # fmt: skip
def texts(_request: HttpRequest, approval: Approval) -> dict[str, Any] | None:
    if not is_asked(approval) or not approval.figures:
        return None
    languages = dict(TemplateVersion._meta.get_field("language").flatchoices)
    return {
        "headers": [_("channel"), _("language"), _("subject"), _("text")],
        "rows": [
            [
                Channel(one.version.channel).label,
                languages.get(one.version.language, one.version.language),
                one.subject or "–",
                linebreaksbr(one.fault or one.text),
            ]
            for one in first_ones(planned_of(approval), at=clock.now())
        ],
        "empty": "",
        "note": _("Each client's figures are his own."),
    }


@panel(Sending, _("Approval by a second person"), permission="messaging.view_sending", order=20)
def approvals_of(_request: HttpRequest, sending: Sending) -> dict[str, Any]:
    most = limit()
    rows = sending.approvals.select_related("asked_by", "decided_by").order_by("-pk")
    return {
        "headers": [_("asked"), _("state"), _("clients"), _("decided"), _("reason")],
        "rows": [
            [
                page_link(row, f"{row.asked_by} · {moment(row.asked_at)}"),
                pill(row.get_state_display(), STATES[row.state]),
                count(row.clients),
                f"{row.decided_by} · {moment(row.decided_at)}" if row.decided_by else "–",
                row.reason or "–",
            ]
            for row in rows
        ],
        "empty": _("Nobody has asked for it."),
        "note": gettext("Needed over %s clients.") % count(most.clients) if most else "",
    }


@concerns("messaging.view_sending")
def sendings_unapproved(_at: datetime) -> Iterable[Concern]:
    rows = Sending.objects.filter(state=Sending.State.WAITING).order_by("-pk")
    yield Concern(
        title=_("Sendings that wait for approval"),
        count=rows[: COUNTED + 1].count(),
        url=list_url(Sending, state__exact=Sending.State.WAITING),
        lines=[line(row) for row in rows[:5]],
        icon="how_to_reg",
    )


def line(sending: Sending) -> Line:
    """Lead whoever may approve to what he approves, and anybody else to the sending."""
    if asked := asked_of(sending):
        note = gettext("%(name)s asked for it; a second person decides.")
        return Line(sending.title, note % {"name": asked.asked_by}, page_url(asked))
    return Line(sending.title, sending.why, page_url(sending))
