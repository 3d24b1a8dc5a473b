"""What an observation can bring, told before it is there: no forecast and no probabilities.

Each scenario puts the whole basket at one level and asks the same `observe` that will decide.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction

from apps.products import payoff
from apps.products.payoff import Outcome, State, Status
from apps.products.terms.sheet import CouponKind, ObservationTerms, RedemptionKind, TermSheet

STEP = Fraction(1, 10_000)  # just below a barrier: one hundredth of a percent
DEEPER = Fraction(9, 10)  # well below the barrier of the capital


class Case(StrEnum):
    """What happens to the basket."""

    CALL = "call"  # it reaches the call barrier
    INSIDE = "inside"  # it stands where the coupon is earned and nothing is called
    BELOW = "below"  # it stands below the coupon's barrier
    LOSS = "loss"  # it ends where the capital does not come back whole


@dataclass(frozen=True, slots=True)
class Scenario:
    """One case: the level at which every share is put, a part of its start, and what would follow."""

    case: Case
    number: int
    level: Fraction
    outcome: Outcome


def scenarios(terms: TermSheet, state: State) -> tuple[Scenario, ...]:
    """Return what the next observation can bring, then how the capital could suffer at the end.

    Only cases that the terms know are told: no call where nothing can be called. Empty where the
    product does not live any more or has no observation left.
    """
    number = state.observed + 1
    if state.status is not Status.LIVE or number > len(terms.observations):
        return ()
    following = terms.observation(number)
    told = [
        Scenario(case, number, level, outcome)
        for case, level in _levels(terms, following)
        if _is(case, outcome := _suppose(terms, state, number, level, case))
    ]
    return (*told, *_loss(terms, state))


def _levels(terms: TermSheet, following: ObservationTerms) -> Iterator[tuple[Case, Fraction]]:
    if following.call_barrier is not None:
        yield Case.CALL, following.call_barrier
    if following.barrier:
        yield Case.INSIDE, following.barrier + (STEP if terms.coupon.strict else 0)
        yield Case.BELOW, following.barrier - STEP


def _is(case: Case, outcome: Outcome) -> bool:
    """Say whether the level does what its case says: a low call barrier leaves nothing between."""
    return outcome.called == (case is Case.CALL)


def _loss(terms: TermSheet, state: State) -> Iterator[Scenario]:
    """Yield the capital at the end, well below its barrier, where it would not come back whole."""
    redemption, last = terms.redemption, len(terms.observations)
    worst_from = {
        RedemptionKind.BARRIER: redemption.barrier,
        RedemptionKind.BUFFER: 1 - redemption.buffer,
        RedemptionKind.FLOOR: Fraction(1),
    }.get(redemption.kind)
    if worst_from is None:
        return
    level = worst_from * DEEPER
    outcome = _suppose(terms, replace(state, observed=last - 1), last, level, Case.LOSS)
    if outcome.redemption is not None and outcome.redemption < 1 and not outcome.called:
        yield Scenario(Case.LOSS, last, level, outcome)


def _suppose(terms: TermSheet, state: State, number: int, level: Fraction, case: Case) -> Outcome:
    everywhere = {share.id: level for share in terms.basket.underlyings}
    counts = terms.coupon.kind is CouponKind.ACCRUAL and terms.observation(number).inside is None
    inside = Fraction(case in (Case.CALL, Case.INSIDE)) if counts else None
    return payoff.observe(terms, state, number, everywhere, inside=inside)
