"""Why a client did (not) get something, and the limits that a marketer sets."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter, MultipleChoicesDropdownFilter

from apps.core.admin.display import (
    badge,
    column,
    linked,
    list_url,
    moment,
    page_link,
    percent,
    pill,
    stacked,
)
from apps.core.admin.filters import MomentFilter
from apps.core.admin.pages import Page, ReadOnlyPage, panel
from apps.messaging.models.frequency import FrequencyPolicy, HoldOut
from apps.messaging.models.outbox import Notice
from apps.messaging.models.verdicts import Verdict
from apps.messaging.queries.desk import decisions_on
from apps.messaging.queries.reasons import explain, why
from apps.profiles.models import Client

QUESTION = _("Why did he (not) get this?")
SAID = {"granted": "good", "waits": "wait", "refused": "quiet"}


@panel(Notice, QUESTION, permission="messaging.view_verdict", wide=True, order=10)
def verdicts_on(_request: HttpRequest, notice: Notice) -> dict[str, Any]:
    verdicts = notice.verdicts.select_related("message").order_by("pk")
    return {
        "headers": [_("why"), _("when"), _("asked")],
        "rows": [
            [
                stacked(_verdict(verdict), explain(verdict, notice)),
                moment(verdict.at),
                _("before sending") if verdict.message_id else _("when planning"),
            ]
            for verdict in verdicts
        ],
        "empty": _("The gate has not been asked yet."),
    }


@panel(Client, QUESTION, permission="messaging.view_verdict", wide=True, order=55)
def decisions_on_client(_request: HttpRequest, client: Client) -> dict[str, Any]:
    rows = []
    for notice in decisions_on(client):
        verdicts = list(notice.verdicts.all())
        newest = max(verdicts, key=lambda verdict: verdict.pk, default=None)
        state = _verdict(newest) if newest else pill(notice.get_state_display())
        rows.append(
            [
                page_link(notice, notice.template),
                stacked(state, why(notice, verdicts)),
                moment(notice.created_at),
            ]
        )
    return {
        "headers": [_("what"), _("why"), _("when")],
        "rows": rows,
        "empty": _("He was never meant to be told anything."),
        "more": _("All"),
        "more_url": list_url(Notice, client__id__exact=client.pk),
    }


def _verdict(verdict: Verdict) -> str:
    return pill(verdict.get_outcome_display(), SAID[verdict.outcome])


@admin.register(Verdict)
class VerdictPage(ReadOnlyPage[Verdict]):
    list_display = [
        "at", linked("notice__client", _("client"), "last_name"), "template_name",
        badge("outcome", _("verdict"), **SAID), "why",
    ]  # fmt: skip
    list_select_related = ["notice__client", "notice__template"]
    list_filter = [
        ("outcome", MultipleChoicesDropdownFilter),
        ("channel", MultipleChoicesDropdownFilter),
        ("at", MomentFilter),
    ]
    search_fields = ["^notice__client__last_name", "^notice__client__first_name"]
    ordering = ["-pk"]
    readonly_fields = ["why"]

    @column(_("template"))
    def template_name(self, verdict: Verdict) -> str:
        return str(verdict.notice.template)

    @column(_("why"))
    def why(self, verdict: Verdict) -> str:
        return explain(verdict, verdict.notice)


@admin.register(FrequencyPolicy)
class FrequencyPolicyPage(Page[FrequencyPolicy]):
    list_display = ["shown_tier", "offers", "days"]
    list_filter = [("tier", ChoicesDropdownFilter)]
    search_fields = ["tier"]
    ordering = ["tier", "days"]

    @column(_("tier"), ordering="tier")
    def shown_tier(self, policy: FrequencyPolicy) -> str:
        return policy.get_tier_display() if policy.tier else str(_("everybody"))


@admin.register(HoldOut)
class HoldOutPage(Page[HoldOut]):
    list_display = ["name", "share", "begins_at", "ends_at"]
    list_filter = [("begins_at", MomentFilter), ("ends_at", MomentFilter)]
    search_fields = ["name"]
    ordering = ["-begins_at"]

    @column(_("percent"), ordering="percent")
    def share(self, group: HoldOut) -> str:
        return percent(group.percent / 100)
