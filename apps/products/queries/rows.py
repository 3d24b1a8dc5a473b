"""The rows behind a client's page, read in a fixed number of queries whatever he holds."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeVar

from django.db.models import OuterRef, Subquery, prefetch_related_objects

from apps.products.models.calendars import ObservationMove
from apps.products.models.holdings import Payment, Policy, PolicyCoupon
from apps.products.models.markets import Quote, Underlying
from apps.products.models.strategies import BasketMember, Observation, ObservationResult, Strategy
from apps.products.queries.terms import TERM_ROWS, term_sheets
from apps.products.terms.sheet import TermSheet, TermSheetError
from apps.profiles.models import Client


@dataclass(frozen=True, slots=True)
class Rows:
    """Everything a page needs; by strategy, observation, policy or underlying id."""

    strategies: Sequence[Strategy]
    refused: Sequence[Strategy]
    terms: Mapping[int, TermSheet]
    members: Mapping[int, Sequence[BasketMember]]
    observations: Mapping[int, Sequence[Observation]]
    results: Mapping[int, ObservationResult]
    policies: Mapping[int, Sequence[Policy]]
    coupons: Mapping[int, Sequence[PolicyCoupon]]
    payments: Mapping[int, Sequence[Payment]]
    quotes: Mapping[int, Quote]
    replaced: Mapping[int, Sequence[ObservationResult]]  # by strategy, what corrections superseded
    moves: Mapping[int, Sequence[ObservationMove]]

    def last_result(self, strategy: int) -> ObservationResult | None:
        """Return the result of the highest observation that has one."""
        observed = reversed(self.observations[strategy])
        return next((self.results[one.pk] for one in observed if one.pk in self.results), None)


def of_client(client: Client, *, at: datetime) -> Rows:
    """Read what the client holds, the newest policy first, as it was known at the moment."""
    held = list(
        Policy.objects.filter(client=client)
        .exclude(strategy__state=Strategy.State.DRAFT)
        .select_related("strategy")
        .order_by("-starts_on", "-pk")
    )
    every = list({policy.strategy_id: policy.strategy for policy in held}.values())
    today = at.date()
    terms = _terms(every, today)
    strategies = [one for one in every if one.pk in terms]
    members = {one.pk: list(one.basket_members.all()) for one in strategies}
    policies, coupons, payments = defaultdict(list), defaultdict(list), defaultdict(list)
    for policy in held:
        policies[policy.strategy_id].append(policy)
    for coupon in _coupons(held):
        coupons[coupon.policy_id].append(coupon)
    for payment in _payments(held):
        payments[payment.policy_id].append(payment)
    return Rows(
        strategies=strategies,
        refused=[one for one in every if one.pk not in terms],
        terms=terms,
        members=members,
        observations={
            one.pk: sorted(one.observations.all(), key=lambda seen: seen.number)
            for one in strategies
        },
        results={result.observation_id: result for result in _results(strategies)},
        policies=policies,
        coupons=coupons,
        payments=payments,
        quotes=last_closes(
            {member.underlying_id for basket in members.values() for member in basket}, today
        ),
        replaced=_by_strategy(_replaced(strategies)),
        moves=_by_strategy(
            ObservationMove.objects.filter(observation__strategy__in=strategies)
            .select_related("observation")
            .order_by("moved_at", "pk")
        ),
    )


def _terms(strategies: Sequence[Strategy], today: date) -> dict[int, TermSheet]:
    """Return the term sheets that the engine takes: one that it refuses must not hide the others."""
    prefetch_related_objects(strategies, *TERM_ROWS)
    terms: dict[int, TermSheet] = {}
    for one in strategies:
        with suppress(TermSheetError):
            terms |= term_sheets([one], as_of=today)
    return terms


def last_closes(shares: Iterable[int], day: date) -> dict[int, Quote]:
    """Return each share's last confirmed close on or before a day; two queries."""
    latest = Quote.objects.filter(
        underlying=OuterRef("pk"),
        day__lte=day,
        is_current=True,
        state=Quote.State.CONFIRMED,
    ).order_by("-day")
    found = Underlying.objects.filter(pk__in=shares).values_list(
        Subquery(latest.values("pk")[:1]), flat=True
    )
    quotes = Quote.objects.filter(pk__in=[quote for quote in found if quote])
    return {quote.underlying_id: quote for quote in quotes}


def _results(strategies: Sequence[Strategy]) -> Iterable[ObservationResult]:
    return (
        ObservationResult.objects.current()
        .filter(observation__strategy__in=strategies)
        .select_related("observation", "worst__underlying")
    )


def _replaced(strategies: Sequence[Strategy]) -> Iterable[ObservationResult]:
    """Return every result that a correction replaced, with what replaced it, newest first."""
    return (
        ObservationResult.objects.filter(
            observation__strategy__in=strategies, superseded_by__isnull=False
        )
        .exclude(outcome=ObservationResult.Outcome.VOID)
        .select_related("observation", "superseded_by__restatement")
        .order_by("-superseded_by__evaluated_at", "observation__number")
    )


Dated = TypeVar("Dated", ObservationResult, ObservationMove)


def _by_strategy(rows: Iterable[Dated]) -> dict[int, list[Dated]]:
    found: dict[int, list[Dated]] = defaultdict(list)
    for row in rows:
        found[row.observation.strategy_id].append(row)
    return found


def _payments(policies: Sequence[Policy]) -> Iterable[Payment]:
    """Return what was paid and what will be, of superseded results too: money that went is gone.

    What a correction cancelled, and an overpayment that nobody has decided on, is not the client's.
    """
    return (
        Payment.objects.filter(
            policy__in=policies, state__in=[Payment.State.PLANNED, Payment.State.PAID]
        )
        .select_related("result__observation")
        .order_by("due_on", "pk")
    )


def _coupons(policies: Sequence[Policy]) -> Iterable[PolicyCoupon]:
    return (
        PolicyCoupon.objects.filter(policy__in=policies, result__superseded_by__isnull=True)
        .select_related("observation", "result")
        .order_by("observation__number")
    )
