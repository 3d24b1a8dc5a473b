"""Restatements: what they would change, what they did, and what waits for a second person."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, QuerySet, Sum
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    ChoicesDropdownFilter,
    MultipleChoicesDropdownFilter,
)

from apps.core import clock
from apps.core.admin.display import (
    Shown,
    Text,
    badge,
    column,
    day,
    linked,
    list_url,
    money,
    page_link,
    page_url,
    pill,
    price,
)
from apps.core.admin.filters import MomentFilter
from apps.core.admin.pages import ReadOnlyPage, deed, panel
from apps.products.actions.restatement import ordering, overpayments
from apps.products.actions.restatement.foreseeing import foresee_quotes, foresee_restatement
from apps.products.admin.observations import FOUND
from apps.products.admin.previews import foresight_table, signed
from apps.products.models.corrections import Correction
from apps.products.models.holdings import Payment
from apps.products.models.markets import Quote
from apps.products.models.restatements import RestatedStrategy, Restatement
from apps.products.models.strategies import Observation
from apps.products.queries.restatements import totals

STANDS = {"proposed": "wait", "queued": "wait", "done": "good", "rejected": "quiet"}
DECIDE = "products.change_restatement"


@admin.register(Restatement)
class RestatementPage(ReadOnlyPage[Restatement]):
    list_display = [
        "made_at", badge("trigger", _("trigger")), "reason", badge("state", _("state"), **STANDS),
        "looked_at", "changed", "made_by", "decided_by", "finished_at",
    ]  # fmt: skip
    list_select_related = ["made_by", "decided_by"]
    list_filter = [
        ("state", MultipleChoicesDropdownFilter),
        ("trigger", ChoicesDropdownFilter),
        ("made_at", MomentFilter),
    ]
    search_fields = ["reason", "strategies__strategy__code", "strategies__strategy__name"]
    ordering = ["-pk"]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    ("trigger", "state"), "reason", ("made_at", "made_by"),
                    ("decided_at", "decided_by"), "finished_at",
                ]
            },
        )
    ]  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Restatement]:
        rows: QuerySet[Restatement] = super().get_queryset(request)
        return rows.annotate(
            strategies_seen=Count("strategies"), results_changed=Sum("strategies__changed")
        )

    @column(_("strategies"))
    def looked_at(self, restatement: Any) -> str:
        return str(restatement.strategies_seen)

    @column(_("observations changed"))
    def changed(self, restatement: Any) -> str:
        return str(restatement.results_changed or 0)


def is_proposed(restatement: Restatement) -> bool:
    return restatement.state == Restatement.State.PROPOSED


@deed(Restatement, _("Confirm and carry out"), permission=DECIDE, icon="check", offered=is_proposed)
def confirm(request: HttpRequest, restatement: Restatement) -> None:
    if not request.user.is_authenticated:
        return
    try:
        done = ordering.confirm_restatement(restatement.pk, by=request.user, at=clock.now())
    except ordering.RestatementError as refusal:
        messages.error(request, str(refusal))
        return
    if done:
        messages.success(request, gettext("The restatement is carried out in a moment."))


@deed(Restatement, _("Reject"), permission=DECIDE, icon="close", offered=is_proposed)
def reject(request: HttpRequest, restatement: Restatement) -> None:
    if request.user.is_authenticated:
        ordering.reject_restatement(restatement.pk, by=request.user, at=clock.now())
        messages.success(request, gettext("The restatement was rejected."))


def is_evaluated(observation: Observation) -> bool:
    return observation.state == Observation.State.EVALUATED


@deed(
    Observation, _("Terms were wrong: restate from here"),
    permission="products.change_observation", icon="published_with_changes", offered=is_evaluated,
)  # fmt: skip
def restate_from_here(request: HttpRequest, observation: Observation) -> HttpResponse | None:
    """Propose to compute an observation and all later ones again on the terms as they are now."""
    reason = gettext("terms put right: %(observation)s") % {"observation": observation}
    proposed = ordering.propose_terms(
        observation.strategy_id,
        since=observation.valuation_on,
        reason=reason,
        at=clock.now(),
        by=request.user if request.user.is_authenticated else None,
    )
    return HttpResponseRedirect(page_url(proposed)) if proposed else None


@panel(Restatement, _("What it would change"), permission=DECIDE, wide=True, order=10)
def foreseen(_request: HttpRequest, restatement: Restatement) -> dict[str, Any] | None:
    if not is_proposed(restatement):
        return None
    return foresight_table(foresee_restatement(restatement, at=clock.now()))


@panel(Quote, _("What confirming would change"), permission="products.change_quote", wide=True)
def foreseen_of_quote(_request: HttpRequest, quote: Quote) -> dict[str, Any] | None:
    if quote.is_current or quote.state != Quote.State.HELD:
        return None
    return foresight_table(foresee_quotes([quote.pk], at=clock.now()))


@panel(Restatement, _("What it changed"), permission="products.view_correction", order=20)
def changed(_request: HttpRequest, restatement: Restatement) -> dict[str, Any] | None:
    if is_proposed(restatement):
        return None
    return {
        "headers": [_("policies"), _("observations"), _("before"), _("after"), _("difference")],
        "rows": [
            [
                total.policies,
                total.observations,
                money(total.before, total.currency),
                money(total.after, total.currency),
                signed(total.difference, total.currency),
            ]
            for total in totals(restatement)
        ],
        "empty": _("No client's money came out otherwise."),
        "more": _("All policies"),
        "more_url": list_url(Correction, restatement__id__exact=restatement.pk),
    }


@panel(Restatement, _("Closes put right"), permission="products.view_quote", order=30)
def closes(_request: HttpRequest, restatement: Restatement) -> dict[str, Any] | None:
    quotes = list(restatement.quotes.select_related("underlying").order_by("day", "pk"))
    if not quotes:
        return None
    return {
        "headers": [_("share"), _("day"), _("before"), _("after")],
        "rows": [
            [
                page_link(quote.underlying),
                day(quote.day),
                price(_before(quote), quote.underlying.currency),
                page_link(quote, price(quote.close, quote.underlying.currency)),
            ]
            for quote in quotes
        ],
        "empty": "",
    }


def _before(quote: Quote) -> Any:
    """Return the close that counted before; the last one that anybody had confirmed."""
    earlier = Quote.objects.filter(
        underlying=quote.underlying_id,
        day=quote.day,
        version__lt=quote.version,
        state=Quote.State.CONFIRMED,
    )
    return earlier.order_by("-version").values_list("close", flat=True).first()


@panel(Restatement, _("Strategies"), permission="products.view_strategy", wide=True, order=40)
def strategies(_request: HttpRequest, restatement: Restatement) -> dict[str, Any]:
    rows = restatement.strategies.select_related("strategy").order_by("strategy__code")
    return {
        "headers": [_("strategy"), _("since"), _("state"), _("checked"), _("changed"), ""],
        "rows": [
            [
                page_link(row.strategy),
                day(row.since_on),
                pill(row.get_state_display(), _tone(row)),
                row.checked,
                row.changed,
                row.waiting_for or "–",
            ]
            for row in rows[:100]
        ],
        "empty": _("No strategy used it."),
    }


def _tone(row: RestatedStrategy) -> str:
    if row.state == RestatedStrategy.State.DONE:
        return "good"
    return "bad" if row.waiting_for else "wait"


def own_currency(line: Correction) -> str:
    return line.policy.strategy.currency


def turned(field: str, title: Text) -> Shown:
    """Make a column that shows what an amount was and what it became."""

    def shown(line: Correction) -> str:
        before, after = getattr(line, f"{field}_before"), getattr(line, field)
        currency = own_currency(line)
        if before == after:
            return money(after, currency) if after else "–"
        return f"{money(before, currency)} → {money(after, currency)}"

    shown.__name__ = field
    return column(title, ordering=field)(shown)


@admin.register(Correction)
class CorrectionPage(ReadOnlyPage[Correction]):
    """The difference list: searchable, filtered and exported like every list."""

    list_display = [
        linked("policy", _("policy"), "number"),
        linked("policy__client", _("client"), "last_name"), "observation", "outcomes",
        turned("amount", _("coupon")), turned("remembered", _("remembered")),
        turned("capital", _("capital")), "shown_difference",
    ]  # fmt: skip
    list_select_related = ["policy__client", "policy__strategy", "observation__strategy"]
    list_filter = [
        ("restatement", AutocompleteSelectFilter),
        ("outcome", MultipleChoicesDropdownFilter),
        ("observation__strategy", AutocompleteSelectFilter),
    ]
    search_fields = ["policy__number__startswith", "^policy__client__last_name"]
    ordering = ["policy__number", "observation__number"]

    @column(_("outcome"))
    def outcomes(self, line: Correction) -> str:
        before = pill(line.get_outcome_before_display(), FOUND.get(line.outcome_before.lower(), ""))
        after = pill(line.get_outcome_display(), FOUND.get(line.outcome.lower(), ""))
        return format_html("{} → {}", before, after)

    @column(_("difference"), ordering="difference")
    def shown_difference(self, line: Correction) -> str:
        return signed(line.difference, own_currency(line))


def is_overpaid(payment: Payment) -> bool:
    return payment.state == Payment.State.HELD and payment.amount < 0


def is_doubtful(payment: Payment) -> bool:
    return payment.state == Payment.State.HELD and payment.amount > 0


@deed(
    Payment, _("Leave it to the client"), permission="products.change_payment",
    icon="volunteer_activism", offered=is_overpaid,
)  # fmt: skip
def leave_to_client(request: HttpRequest, payment: Payment) -> None:
    leave(request, [payment.pk])


@deed(
    Payment, _("Ask it back"), permission="products.change_payment", icon="undo",
    offered=is_overpaid,
)  # fmt: skip
def ask_back_from_client(request: HttpRequest, payment: Payment) -> None:
    ask_back(request, [payment.pk])


@deed(
    Payment, _("Pay it"), permission="products.change_payment", icon="payments",
    offered=is_doubtful,
)  # fmt: skip
def pay_capital(request: HttpRequest, payment: Payment) -> None:
    if request.user.is_authenticated:
        tell(request, overpayments.pay_out([payment.pk], by=request.user))


@deed(
    Payment, _("It is not owed"), permission="products.change_payment", icon="block",
    offered=is_doubtful,
)  # fmt: skip
def drop_capital(request: HttpRequest, payment: Payment) -> None:
    if request.user.is_authenticated:
        tell(request, overpayments.drop([payment.pk], by=request.user))


def leave(request: HttpRequest, ids: Sequence[int]) -> None:
    """Leave overpayments to their clients and say how many."""
    if request.user.is_authenticated:
        tell(request, overpayments.leave(ids, by=request.user))


def ask_back(request: HttpRequest, ids: Sequence[int]) -> None:
    """Have overpayments settled and say how many."""
    if request.user.is_authenticated:
        today = clock.issuer_day(clock.now())
        tell(request, overpayments.ask_back(ids, by=request.user, on=today))


def tell(request: HttpRequest, count: int) -> None:
    said = ngettext("%d payment decided on.", "%d payments decided on.", count) % count
    messages.add_message(request, messages.SUCCESS if count else messages.WARNING, said)
