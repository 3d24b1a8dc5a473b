"""What was decided becomes a result, coupons, payments and events; each in one statement."""

from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from django.db import connection
from django.db.models import F
from django.utils.translation import gettext as _

from apps.core import money
from apps.events.actions import record_selected
from apps.products import levels, payoff
from apps.products.actions.evaluation.deciding import Decided, EvaluationError
from apps.products.models.holdings import Policy, PolicyCoupon
from apps.products.models.strategies import Observation, ObservationResult, Strategy
from apps.products.payoff import Event, Status

LEVEL_PLACES = 8
RATE_PLACES = 16

# Whom an observation concerns: a contract that had begun by the valuation day and had not ended by
# the scheduled one. A last observation that rolls over the end of a policy still pays it. The
# policies are locked until all their money is written: coupon and capital are of one nominal.
COUPONS = """
INSERT INTO products_policycoupon
    (policy_id, observation_id, result_id, outcome, amount, remembered, redemption, residual)
SELECT policy.id, %(observation)s, %(result)s, %(outcome)s,
    products_money(policy.nominal, %(note)s, %(paid_over)s, %(paid_under)s, %(rounding)s),
    products_money(policy.nominal, %(note)s, %(kept_over)s, %(kept_under)s, %(rounding)s),
    products_money(policy.nominal, %(note)s, %(back_over)s, %(back_under)s, %(rounding)s),
    products_money(policy.nominal, %(note)s, %(rest_over)s, %(rest_under)s, %(rounding)s)
FROM products_policy AS policy
WHERE policy.strategy_id = %(strategy)s
    AND policy.state = 'active'
    AND policy.starts_on <= %(valuation_on)s
    AND policy.ends_on >= least(%(scheduled_on)s, %(valuation_on)s)
ORDER BY policy.id
FOR NO KEY UPDATE OF policy
"""
PAYMENTS = """
INSERT INTO products_payment (policy_id, kind, amount, due_on, state, result_id)
SELECT coupon.policy_id, due.kind, due.amount, due.due_on, 'planned', coupon.result_id
FROM products_policycoupon AS coupon
CROSS JOIN LATERAL (VALUES
    ('coupon', coupon.amount, %(pays_on)s::date),
    ('redemption', coupon.redemption, %(redeems_on)s::date),
    ('residual', coupon.residual, %(ends_on)s::date)
) AS due (kind, amount, due_on)
WHERE coupon.result_id = %(result)s AND due.amount > 0
"""
EVENTS = """
SELECT policy.client_id, %(kind)s, 'policy:' || policy.id, %(at)s::timestamptz,
    jsonb_build_object(
        'strategy', policy.strategy_id, 'observation', coupon.observation_id,
        'result', coupon.result_id, 'policy', policy.id, 'outcome', coupon.outcome,
        'amount', coupon.amount, 'remembered', coupon.remembered, 'currency', %(currency)s::text
    ),
    'result:' || coupon.result_id || ':policy:' || policy.id
FROM products_policycoupon AS coupon
JOIN products_policy AS policy ON policy.id = coupon.policy_id
WHERE coupon.result_id = %(result)s
"""
KINDS = {
    Event.ACCRUED: "coupon.accrued",
    Event.PARTIAL: "coupon.accrued",
    Event.GUARANTEED: "coupon.accrued",
    Event.SAVED: "coupon.saved",
    Event.LOST: "coupon.lost",
}


def write_result(
    decided: Decided, *, at: datetime, supersedes: ObservationResult | None = None
) -> ObservationResult:
    result = result_of(decided, at=at, supersedes=supersedes)
    result.save(force_insert=True)
    return result


def result_of(
    decided: Decided, *, at: datetime, supersedes: ObservationResult | None = None
) -> ObservationResult:
    """Return the result as it would be written."""
    outcome, reached = decided.outcome, decided.levels
    members = {member.underlying.ticker: member for member in decided.due.members}
    called = outcome.status is Status.CALLED
    return ObservationResult(
        observation=decided.due.observation,
        supersedes=supersedes,
        outcome=outcome.event.value,
        called=called,
        matured=outcome.status is Status.MATURED,
        rate_paid=_decimal(outcome.rate_paid, RATE_PLACES),
        rate_remembered=_decimal(outcome.rate_remembered, RATE_PLACES),
        worst=members[outcome.worst],
        worst_level=_decimal(reached[outcome.worst]),
        average_level=_decimal(sum(reached.values(), Fraction(0)) / len(reached)),
        redemption=None if outcome.redemption is None else _decimal(outcome.redemption),
        deferred=_decimal(outcome.deferred) if called else None,
        levels=_shares(decided),
        carried=outcome.state.as_json(),
        formula_version=payoff.FORMULA_VERSION,
        evaluated_at=at,
    )


def _shares(decided: Decided) -> dict[str, dict[str, Any]]:
    """Return what each share showed, by ticker; numbers as strings, days as ISO."""
    item, terms = decided.due, decided.terms
    day = item.observation.valuation_on
    barrier = terms.observation(item.observation.number).barrier
    there = levels.shares_inside(terms.basket, decided.levels, barrier, strict=terms.coupon.strict)
    shares = {}
    for share, member in zip(terms.basket.underlyings, item.members, strict=True):
        fixing = levels.initial_on(share, terms.changes, day)
        price = None if barrier is None else levels.mark(terms.basket, share, barrier) * fixing
        shares[share.id] = {
            "name": member.underlying.name,
            "day": day.isoformat(),
            "close": _text(Fraction(item.quotes[member.underlying_id, day].close)),
            "initial_fixing": _text(share.initial),
            "adjusted_fixing": _text(fixing),
            "level": f"{_decimal(decided.levels[share.id])}",
            "barrier": None if barrier is None else _text(barrier),
            "barrier_price": None if price is None else _text(price),
            "met": share.id in there,
        }
    return shares


def write_money(decided: Decided, result: ObservationResult) -> None:
    """Give every policy its coupon and plan what falls due, in one statement each."""
    params = money_of(decided, result)
    with connection.cursor() as cursor:
        cursor.execute(COUPONS, params)
        refuse_broken_notes(decided.due.observation.strategy, result)
        cursor.execute(PAYMENTS, params)


def money_of(decided: Decided, result: ObservationResult) -> dict[str, Any]:
    """Return what the statements that write money must know; no rate of capital is no capital."""
    observation, outcome = decided.due.observation, decided.outcome
    strategy = observation.strategy
    pays_on = observation.pays_on or observation.valuation_on
    params: dict[str, Any] = {
        "strategy": strategy.pk,
        "observation": observation.pk,
        "result": result.pk,
        "outcome": outcome.event.value,
        "note": strategy.denomination,
        "rounding": strategy.rounding,
        "scheduled_on": observation.scheduled_on,
        "valuation_on": observation.valuation_on,
        "pays_on": pays_on,
        "ends_on": max(pays_on, strategy.matures_on),
        # A call pays back with the coupon; what is held to maturity is paid back then.
        "redeems_on": pays_on if outcome.called else max(pays_on, strategy.matures_on),
    }
    rates = {
        "paid": outcome.rate_paid,
        "kept": outcome.rate_remembered,
        "back": outcome.redemption,
        "rest": outcome.deferred or None,
    }
    for name, rate in rates.items():
        over, under = (None, None) if rate is None else (rate.numerator, rate.denominator)
        params |= {f"{name}_over": over, f"{name}_under": under}
    return params


def refuse_broken_notes(strategy: Strategy, result: ObservationResult) -> None:
    """Refuse policies that are no whole number of notes: their money could only be guessed.

    Looked at once their coupons are written, so that none slips in between.
    """
    if strategy.denomination is None:
        return
    broken = (
        Policy.objects.filter(coupons__result=result)
        .annotate(rest=F("nominal") % strategy.denomination)
        .exclude(rest=0)
        .order_by("pk")
        .first()
    )
    if broken:
        raise EvaluationError(
            _("Policy %(number)s: its nominal is no whole number of notes.")
            % {"number": broken.number}
        )


def write_events(decided: Decided, result: ObservationResult, *, at: datetime) -> None:
    """Put one event a policy on its client's timeline; the end of a strategy outranks its coupon."""
    kind = KINDS.get(decided.outcome.event)
    if decided.outcome.status is not Status.LIVE:
        kind = "strategy.called" if result.called else "strategy.matured"
    if kind is None:
        return
    params: dict[str, Any] = {
        "kind": kind,
        "at": at,
        "result": result.pk,
        "currency": decided.due.observation.strategy.currency,
    }
    record_selected(EVENTS, params, at)


def end(decided: Decided, result: ObservationResult) -> None:
    """Close the strategy, its policies and what it would have observed later."""
    observation = decided.due.observation
    strategy, day = observation.strategy, observation.valuation_on
    called = result.called
    Strategy.objects.filter(pk=strategy.pk, state=Strategy.State.PUBLISHED).update(
        state=Strategy.State.CALLED if called else Strategy.State.MATURED,
        called_on=day if called else None,
    )
    Policy.objects.filter(
        pk__in=PolicyCoupon.objects.filter(result=result).values("policy"),
        state=Policy.State.ACTIVE,
    ).update(
        state=Policy.State.CALLED if called else Policy.State.MATURED,
        closed_on=day if called else max(day, strategy.matures_on),
    )
    strategy.observations.filter(number__gt=observation.number, state__in=Observation.OPEN).update(
        state=Observation.State.DROPPED, waiting_for=""
    )


def _decimal(value: Fraction, places: int = LEVEL_PLACES) -> Decimal:
    """Return a fraction rounded to a number of places, halves up."""
    return Decimal(money.rounded(value * 10**places)).scaleb(-places)


def _text(value: Fraction) -> str:
    return f"{_decimal(value).normalize():f}"
