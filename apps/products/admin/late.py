"""Late data on the start page, and what is done about it: policies, restatements, overpayments."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, TypeVar

from django.contrib import messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RadioFilter

from apps.core import clock
from apps.core.admin.display import day, list_url, money, page_url
from apps.core.admin.pages import deed
from apps.core.site import COUNTED, Concern, Line, concerns
from apps.products.actions.late import evaluate_late
from apps.products.models.holdings import Payment, Policy
from apps.products.models.restatements import Restatement
from apps.products.models.strategies import Strategy
from apps.products.queries.late import late_policies, stray_policies
from apps.products.queries.restatements import (
    doubtful_capital,
    overpayments,
    stuck_strategies,
    waiting_for_second_person,
)

SHOWN = 5
M = TypeVar("M", bound=Model)


def few(rows: QuerySet[M]) -> tuple[list[M], int]:
    """Return the first rows and how many there are; one query as long as that is all."""
    found = list(rows[: SHOWN + 1])
    count = len(found) if len(found) <= SHOWN else rows[: COUNTED + 1].count()
    return found[:SHOWN], count


@concerns("products.view_restatement")
def restatements_proposed(_at: datetime) -> Iterable[Concern]:
    rows, count = few(waiting_for_second_person())
    yield Concern(
        title=_("Restatements that wait for a second person"),
        count=count,
        url=list_url(Restatement, state__exact=Restatement.State.PROPOSED),
        lines=[Line(row.reason, row.get_trigger_display(), page_url(row)) for row in rows],
        icon="published_with_changes",
    )


@concerns("products.view_restatement")
def restatements_stuck(_at: datetime) -> Iterable[Concern]:
    rows, count = few(stuck_strategies())
    yield Concern(
        title=_("Restatements that lack something"),
        count=count,
        url=list_url(Restatement, state__exact=Restatement.State.QUEUED),
        lines=[Line(str(row.strategy), row.waiting_for, page_url(row.restatement)) for row in rows],
        tone="bad",
        icon="sync_problem",
    )


@concerns("products.view_payment")
def payments_waiting(_at: datetime) -> Iterable[Concern]:
    for title, waiting in (
        (_("Overpayments that wait for a decision"), overpayments()),
        (_("Capital beside money taken out: which is owed?"), doubtful_capital()),
    ):
        rows, count = few(waiting)
        yield Concern(
            title=title,
            count=count,
            url=list_url(Payment, state__exact=Payment.State.HELD),
            lines=[
                Line(
                    f"{row.policy}: {money(row.amount, row.policy.strategy.currency)}",
                    str(row.policy.client),
                    page_url(row),
                )
                for row in rows
            ],
            icon="balance",
        )


def known_on(policy: Policy) -> date | None:
    """Return the day on which the policy could first be evaluated."""
    return max(filter(None, (policy.entered_on, policy.issued_on)), default=None)


@concerns("products.view_policy")
def policies_late(at: datetime) -> Iterable[Concern]:
    rows, count = few(late_policies(at=at))
    yield Concern(
        title=_("Policies that came after their observation"),
        count=count,
        url=list_url(Policy, late=1),
        lines=[
            Line(
                f"{row} · {row.strategy}",
                _("known from %(day)s on; its coupons are owed") % {"day": day(known_on(row))},
                page_url(row.strategy),
            )
            for row in rows
        ],
        tone="bad",
        icon="history_toggle_off",
    )


@concerns("products.view_policy")
def policies_stray(_at: datetime) -> Iterable[Concern]:
    rows, count = few(stray_policies())
    yield Concern(
        title=_("Active policies on strategies that have ended"),
        count=count,
        url=list_url(Policy, late=2),
        lines=[Line(f"{row} · {row.strategy}", str(row.client), page_url(row)) for row in rows],
        tone="bad",
        icon="report",
    )


class LateFilter(RadioFilter):
    title = _("late")
    parameter_name = "late"

    def lookups(self, request: HttpRequest, page: Any) -> list[tuple[str, Any]]:
        return [
            ("1", _("came after its observation")),
            ("2", _("active though its strategy has ended")),
        ]

    def queryset(self, request: HttpRequest, rows: QuerySet[Policy]) -> QuerySet[Policy]:
        if self.value() == "1":
            return rows.filter(pk__in=late_policies(at=clock.now()).order_by().values("pk"))
        if self.value() == "2":
            return rows.filter(pk__in=stray_policies().order_by().values("pk"))
        return rows


def has_late(strategy: Strategy) -> bool:
    return late_policies(at=clock.now()).filter(strategy=strategy).exists()


@deed(
    Strategy, _("Evaluate late policies"), permission="products.change_observation",
    icon="history_toggle_off", offered=has_late,
)  # fmt: skip
def evaluate_late_of(request: HttpRequest, strategy: Strategy) -> None:
    evaluate(request, [strategy.pk])


def evaluate(request: HttpRequest, strategies: Iterable[int]) -> None:
    """Give late policies what they are owed; say how many coupons, and what stood against."""
    count, objections = evaluate_late(strategies, at=clock.now())
    if count:
        said = ngettext("%d late coupon written.", "%d late coupons written.", count) % count
        messages.success(request, said)
    for objection in objections[:5]:
        messages.error(request, objection)
    if not count and not objections:
        messages.info(request, gettext("Nothing is owed any more."))
