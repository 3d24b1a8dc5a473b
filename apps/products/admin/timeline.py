"""What happens to contracts, in words; and what policies and strategies are called."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.core.admin.display import day, money, page_url
from apps.events.admin import subjects, words
from apps.events.models import Event
from apps.products.models.holdings import Payment, Policy
from apps.products.models.strategies import ObservationResult, Strategy


@subjects("policy")
def policies_named(ids: Iterable[int]) -> dict[int, tuple[str, str]]:
    policies = Policy.objects.filter(pk__in=list(ids)).select_related("strategy")
    return {policy.pk: (f"{policy} · {policy.strategy}", page_url(policy)) for policy in policies}


@subjects("strategy")
def strategies_named(ids: Iterable[int]) -> dict[int, tuple[str, str]]:
    return {row.pk: (str(row), page_url(row)) for row in Strategy.objects.filter(pk__in=list(ids))}


def in_figures(event: Event) -> Mapping[str, str]:
    """Return an event's amounts, days and kinds of payment as people read them."""
    said = event.properties
    currency = said.get("currency", "")
    figures = {
        name: money(said.get(name), currency)
        for name in ("amount", "remembered", "nominal", "before")
    }
    for name in ("on", "due_on", "starts_on", "ends_on", "valuation_on"):
        figures[name] = day(date.fromisoformat(said[name])) if said.get(name) else "–"
    kind = said.get("kind", "")
    label = Payment.Kind(kind).label if kind in Payment.Kind.values else kind
    figures["kind"] = str(label).capitalize()
    figures["because"] = said.get("because") or "–"
    figures["number"] = str(said.get("number", ""))
    return figures


SENTENCES: dict[str, Promise | str] = {
    "coupon.accrued": _("Coupon accrued: %(amount)s"),
    "coupon.saved": _("Coupon saved; %(remembered)s remembered"),
    "coupon.lost": _("Coupon lost"),
    "strategy.called": _("Strategy called early; coupon %(amount)s"),
    "strategy.matured": _("Strategy matured; coupon %(amount)s"),
    "policy.issued": _("Policy issued"),
    "policy.paid_in": _("Premium paid in: %(amount)s"),
    "policy.waiting_over": _("Waiting period over"),
    "policy.maturing": _("Policy ends soon: on %(ends_on)s"),
    "policy.matured": _("Policy matured"),
    "policy.changed": _("Policy changed: %(nominal)s from %(starts_on)s to %(ends_on)s"),
    "policy.topped_up": _("Topped up from %(before)s to %(nominal)s"),
    "policy.withdrawn": _("Withdrawn: %(amount)s; nominal from %(before)s to %(nominal)s"),
    "policy.surrendered": _("Policy surrendered for %(amount)s"),
    "policy.lapsed": _("Policy lapsed"),
    "observation.near": _("Observation № %(number)s is near: %(valuation_on)s"),
    "payment.paid": _("Paid out: %(amount)s (%(kind)s)"),
    "payment.received": _("Paid in: %(amount)s (%(kind)s)"),
    "payment.failed": _("Payment of %(amount)s failed (%(kind)s): %(because)s"),
    "payment.cancelled": _("Payment of %(amount)s cancelled (%(kind)s): %(because)s"),
    "payment.due": _("Payment of %(amount)s is due on %(due_on)s (%(kind)s)"),
    "payment.overdue": _("Payment of %(amount)s is overdue since %(due_on)s (%(kind)s)"),
}


@words(*SENTENCES)
def contract_told(event: Event) -> str:
    """Tell an event of a contract with its amounts and days."""
    return str(SENTENCES[event.kind]) % in_figures(event)


@words("result.corrected")
def correction_told(event: Event) -> str:
    """Tell what a restatement put right, before and after."""
    said, currency = event.properties, event.properties.get("currency", "")
    outcomes = dict(ObservationResult.Outcome.choices)
    return gettext("Corrected: %(outcome_before)s %(before)s → %(outcome)s %(after)s") % {
        "outcome_before": outcomes.get(said.get("outcome_before"), "–"),
        "before": money(_brought(said, "_before"), currency),
        "outcome": outcomes.get(said.get("outcome"), "–"),
        "after": money(_brought(said, ""), currency),
    }


def _brought(said: dict[str, Any], when: str) -> int:
    """Return the coupon and the capital that an event names."""
    return (said.get(f"amount{when}") or 0) + (said.get(f"redemption{when}") or 0)
