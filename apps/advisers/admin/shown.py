"""How calls read elsewhere: on the client's page and timeline, and what stands on a call's page."""

from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.advisers.admin.calls import OUTCOMES, STATES
from apps.advisers.models import CallTask
from apps.core import clock
from apps.core.admin.display import day, list_url, moment, money, page_link, page_url, pill
from apps.core.admin.pages import panel
from apps.events.admin import subjects, words
from apps.events.models import Event
from apps.products.queries.facts import Holding
from apps.products.queries.figures import holdings
from apps.products.queries.wealth import holdings_of
from apps.profiles.models import Client

SHOWN = 10


@panel(CallTask, _("His figures today"), permission="advisers.view_calltask", wide=True, order=10)
def figures_of(_request: HttpRequest, task: CallTask) -> dict[str, Any]:
    """Show what he holds by the figures of his own page, so that both say the same."""
    at = clock.now()
    accounts = [
        [one.account.name, money(one.value.value, one.account.currency), "–", "–", "–", "–"]
        for one in holdings_of(task.client.accounts.all(), at=at)
    ]
    return {
        "headers": [
            _("holding"), _("nominal or value"), _("paid"), _("to be paid"), _("remembered"),
            _("next observation"),
        ],
        "rows": [held(one) for one in holdings(task.client, at=at)] + accounts,
        "empty": _("He holds nothing yet."),
    }  # fmt: skip


def held(one: Holding) -> list[Any]:
    currency, coupons = one.strategy.currency, one.coupons
    private = [policy.private for policy in one.policies if policy.private]
    nominal = sum(each.nominal.value or 0 for each in private)
    sums = [coupons.paid, coupons.payable, coupons.remembered] if coupons else [None] * 3
    return [
        str(one.strategy),
        money(nominal, currency),
        *(money(each, currency) for each in sums),
        day(one.next.day if one.next else None),
    ]


@panel(CallTask, _("Calls"), permission="advisers.view_calltask", wide=True, order=40)
def earlier(_request: HttpRequest, task: CallTask) -> dict[str, Any] | None:
    rows = calls(CallTask.objects.filter(client=task.client).exclude(pk=task.pk))
    return {**rows, "note": ""} if rows["rows"] else None


@panel(Client, _("Calls"), permission="advisers.view_calltask", wide=True, order=60)
def calls_of(_request: HttpRequest, client: Client) -> dict[str, Any] | None:
    rows = calls(CallTask.objects.filter(client=client))
    if not rows["rows"]:
        return None
    more = list_url(CallTask, client__id__exact=client.pk)
    return {**rows, "more": _("All"), "more_url": more}


def calls(tasks: Any) -> dict[str, Any]:
    return {
        "headers": [_("when"), _("reason for the call"), _("state"), _("outcome"), _("by")],
        "rows": [
            [
                moment(task.outcome_at or task.ended_at or task.opened_at),
                page_link(task, task.title),
                pill(task.get_state_display(), STATES[task.state]),
                pill(task.get_outcome_display(), OUTCOMES[task.outcome]) if task.outcome else "–",
                task.taken_by or "–",
            ]
            for task in tasks.select_related("taken_by").order_by("-pk")[:SHOWN]
        ],
        "empty": _("Nobody called him."),
    }


TOLD = {
    "reached": _("Was told by an adviser on the phone"),
    "interested": _("Said on the phone that he is interested"),
    "not_interested": _("Said on the phone that he is not interested"),
    "call_back": _("Wants to be called later"),
    "no_answer": _("Did not answer a call"),
    "given_up": _("Did not answer the calls: given up"),
    "wrong_number": _("Somebody else answered at his number"),
    "refused": _("Wants no calls"),
    "complaint": _("Complained on the phone"),
    "expired": _("Nobody called him in time"),
    "withdrawn": _("A call was withdrawn before it was made"),
}


@words(*(f"call.{code}" for code in TOLD))
def call_told(event: Event) -> str:
    return str(TOLD[event.kind.partition(".")[2]])


@subjects("call")
def calls_named(ids: Iterable[int]) -> dict[int, tuple[str, str]]:
    name = gettext("call № %(number)d")
    return {
        row.pk: (name % {"number": row.pk}, page_url(row))
        for row in CallTask.objects.filter(pk__in=list(ids))
    }
