"""What was decided becomes results, coupons, payments and events: many strategies in a statement."""

import json
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import F
from django.utils.translation import gettext as _

from apps.core import money
from apps.events.actions import record_selected
from apps.products import levels, payoff
from apps.products.actions.evaluation.deciding import Decided, EvaluationError
from apps.products.models.holdings import Policy, PolicyCoupon
from apps.products.models.strategies import Observation, ObservationResult, Strategy
from apps.products.payoff import Event, Outcome, Status
from apps.products.terms.sheet import RoundPer

LEVEL_PLACES = 8
RATE_PLACES = 16

# What a transaction works on: the policies that results concern, with their money. It empties itself
# at the end of the transaction, and each connection has its own.
HOLDERS = """
CREATE TEMPORARY TABLE IF NOT EXISTS holder (
    policy_id bigint, client_id bigint, result_id bigint, is_broken boolean,
    paid bigint, kept bigint, back bigint, rest bigint
) ON COMMIT DELETE ROWS
"""
# What results mean for a policy, as `money_of` says it. Where amounts are rounded a note, what a note
# brings comes along in minor units, so that a policy costs one multiplication.
MEANT = """
jsonb_to_recordset(%(meant)s::jsonb) AS meant (
    strategy bigint, observation bigint, result bigint, outcome text, kind text,
    scheduled_on date, valuation_on date, pays_on date, ends_on date, redeems_on date,
    note bigint, rounding text, properties jsonb,
    paid_over numeric, paid_under numeric, paid_a_note bigint,
    kept_over numeric, kept_under numeric, kept_a_note bigint,
    back_over numeric, back_under numeric, back_a_note bigint,
    rest_over numeric, rest_under numeric, rest_a_note bigint
)
"""
PARTS = ("paid", "kept", "back", "rest")
AMOUNTS = ", ".join(
    f"""CASE WHEN meant.{part}_over = 0 THEN 0
        WHEN meant.note IS NOT NULL THEN policy.nominal / meant.note * meant.{part}_a_note
        WHEN meant.{part}_over IS NOT NULL THEN products_money(
            policy.nominal, NULL, meant.{part}_over, meant.{part}_under, meant.rounding) END"""
    for part in PARTS
)
# The policies are locked until all their money is written: coupon and capital are of one nominal.
# In the order of their ids, as imports do: no deadlock.
HOLD = f"""
INSERT INTO holder (policy_id, client_id, result_id, is_broken, paid, kept, back, rest)
SELECT policy.id, policy.client_id, meant.result, coalesce(policy.nominal %% meant.note <> 0, false),
    {AMOUNTS}
FROM {MEANT}
JOIN products_policy AS policy ON policy.strategy_id = meant.strategy
WHERE {{concerned}}
ORDER BY policy.id
FOR NO KEY UPDATE OF policy
"""  # noqa: S608 (our own constants)
# Whom an observation concerns: a contract that had begun by the valuation day and had not ended by
# the scheduled one. A last observation that rolls over the end of a policy still pays it.
ACTIVE = """
policy.strategy_id = ANY (%(strategies)s) AND policy.state = 'active'
AND policy.starts_on <= meant.valuation_on AND policy.ends_on >= least(meant.scheduled_on, meant.valuation_on)
"""
GIVEN = "policy.id = ANY (%(policies)s)"
COUPONS = f"""
INSERT INTO products_policycoupon
    (policy_id, observation_id, result_id, outcome, amount, remembered, redemption, residual)
SELECT holder.policy_id, meant.observation, meant.result, meant.outcome, holder.paid, holder.kept,
    holder.back, holder.rest
FROM holder JOIN {MEANT} ON meant.result = holder.result_id
"""  # noqa: S608
PAYMENTS = f"""
INSERT INTO products_payment (policy_id, kind, amount, due_on, state, result_id)
SELECT holder.policy_id, due.kind, due.amount, due.due_on, 'planned', holder.result_id
FROM holder JOIN {MEANT} ON meant.result = holder.result_id
CROSS JOIN LATERAL (VALUES
    ('coupon', holder.paid, meant.pays_on),
    ('redemption', holder.back, meant.redeems_on),
    ('residual', holder.rest, meant.ends_on)
) AS due (kind, amount, due_on)
WHERE due.amount > 0
"""  # noqa: S608
EVENTS = f"""
SELECT holder.client_id, meant.kind, 'policy:' || holder.policy_id, %(at)s::timestamptz,
    meant.properties || jsonb_build_object(
        'policy', holder.policy_id, 'amount', holder.paid, 'remembered', holder.kept
    ),
    'result:' || holder.result_id || ':policy:' || holder.policy_id
FROM holder JOIN {MEANT} ON meant.result = holder.result_id
WHERE meant.kind IS NOT NULL
"""  # noqa: S608
KINDS = {
    Event.ACCRUED: "coupon.accrued",
    Event.PARTIAL: "coupon.accrued",
    Event.GUARANTEED: "coupon.accrued",
    Event.SAVED: "coupon.saved",
    Event.LOST: "coupon.lost",
}


class Written(NamedTuple):
    """A decision and the result that holds it."""

    decided: Decided
    result: ObservationResult


def write_results(decided: Sequence[Decided], *, at: datetime) -> list[Written]:
    """Write what observations found for the first time, in one statement."""
    results = ObservationResult.objects.bulk_create(result_of(one, at=at) for one in decided)
    return [Written(*pair) for pair in zip(decided, results, strict=True)]


def write_result(
    decided: Decided, *, at: datetime, supersedes: ObservationResult | None = None
) -> Written:
    """Write what one observation found, instead of an earlier result where it supersedes one."""
    result = result_of(decided, at=at, supersedes=supersedes)
    result.save(force_insert=True)
    return Written(decided, result)


def write_money(written: Sequence[Written], *, policies: Sequence[int] | None = None) -> int:
    """Give every policy its coupon and plan what falls due; return how many policies it were.

    Concerned are the active policies of each strategy, or those given. They stay locked until the
    transaction ends. Raises EvaluationError where a policy is no whole number of notes.
    """
    params: dict[str, Any] = {
        "meant": _meaning(written),
        "strategies": [one.decided.due.observation.strategy_id for one in written],
        "policies": list(policies or ()),
    }
    with connection.cursor() as cursor:
        cursor.execute(HOLDERS)
        cursor.execute("DELETE FROM holder")  # of an earlier call in this transaction
        concerned = ACTIVE if policies is None else GIVEN
        cursor.execute(HOLD.format(concerned=concerned), params)
        held = int(cursor.rowcount)
        _refuse_broken_notes()
        cursor.execute(COUPONS, params)
        cursor.execute(PAYMENTS, params)
    return held


def write_events(written: Sequence[Written], *, at: datetime) -> int:
    """Put one event on the timeline of each policy that `write_money` just gave its money.

    The end of a strategy outranks its coupon. Returns how many were written.
    """
    params = {"meant": _meaning(written), "at": at}
    return record_selected(EVENTS, params, at, keys_are_new=True)


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
    item, terms, past = decided.due, decided.terms, decided.past
    barrier = terms.observation(item.observation.number).barrier
    there = levels.shares_inside(terms.basket, decided.levels, barrier, strict=terms.coupon.strict)
    shares = {}
    for share, member in zip(terms.basket.underlyings, item.members, strict=True):
        day = decided.days[share.id]
        fixing = levels.initial_on(share, terms.changes, day)
        rates = past.rates.get(share.id)
        # In the share's own currency, as its close is.
        fx = rates.on(day) if rates else Fraction(1)
        price = None if barrier is None else levels.mark(terms.basket, share, barrier) * fixing / fx
        shares[share.id] = {
            "name": member.underlying.name,
            "day": day.isoformat(),
            "close": _text(past.closes[share.id][day]),
            "initial_fixing": _text(share.initial),
            "adjusted_fixing": _text(fixing),
            "level": f"{_decimal(decided.levels[share.id])}",
            "barrier": None if barrier is None else _text(barrier),
            "barrier_price": None if price is None else _text(price),
            "met": share.id in there,
            **({} if rates is None else {"fx": _text(fx)}),
        }
    return shares


def money_of(decided: Decided, result: ObservationResult) -> dict[str, Any]:
    """Return what statements that write money must know; no rate of capital is no capital."""
    observation, outcome, terms = decided.due.observation, decided.outcome, decided.terms
    strategy = observation.strategy
    pays_on = observation.pays_on or observation.valuation_on
    ends_on = max(pays_on, strategy.matures_on)
    said: dict[str, Any] = {
        "strategy": strategy.pk,
        "observation": observation.pk,
        "result": result.pk,
        "outcome": outcome.event.value,
        "note": terms.denomination if terms.round_per is RoundPer.NOTE else None,
        "rounding": terms.rounding.value,
        "scheduled_on": observation.scheduled_on,
        "valuation_on": observation.valuation_on,
        "pays_on": pays_on,
        "ends_on": ends_on,
        # A call pays back with the coupon; what is held to maturity is paid back then.
        "redeems_on": pays_on if outcome.called else ends_on,
    }
    for part, rate in _rates(outcome).items():
        over, under = (None, None) if rate is None else (rate.numerator, rate.denominator)
        said |= {f"{part}_over": over, f"{part}_under": under}
    return said


def _rates(outcome: Outcome) -> dict[str, Fraction | None]:
    return {
        "paid": outcome.rate_paid,
        "kept": outcome.rate_remembered,
        "back": outcome.redemption,
        "rest": outcome.deferred or None,
    }


def _meaning(written: Sequence[Written]) -> str:
    """Return what results mean for each of their policies, as rows of JSON."""
    return json.dumps([_meant(*one) for one in written], default=str)


def _meant(decided: Decided, result: ObservationResult) -> dict[str, Any]:
    outcome, terms = decided.outcome, decided.terms
    said = money_of(decided, result)
    kind = KINDS.get(outcome.event)
    if outcome.status is not Status.LIVE:
        kind = "strategy.called" if outcome.called else "strategy.matured"
    told = {name: said[name] for name in ("strategy", "observation", "result", "outcome")}
    told["currency"] = decided.due.observation.strategy.currency
    notes = {
        f"{part}_a_note": payoff.money(terms, rate, note)
        for part, rate in _rates(outcome).items()
        if rate is not None and (note := said["note"])
    }
    return {**said, **notes, "kind": kind, "properties": told}


def _refuse_broken_notes() -> None:
    """Refuse policies that are no whole number of notes: their money could only be guessed.

    Looked at once they are locked, so that none slips in between.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT policy_id FROM holder WHERE is_broken ORDER BY 1 LIMIT 1")
        broken = cursor.fetchone()
    if broken:
        raise _broken_notes(Policy.objects.get(pk=broken[0]))


def refuse_broken_notes(strategy: Strategy, result: ObservationResult) -> None:
    """Refuse a result's policies that are no whole number of notes, once it has its coupons."""
    if strategy.denomination is None or strategy.round_per != RoundPer.NOTE:
        return
    policies = Policy.objects.filter(coupons__result=result)
    rest = policies.annotate(rest=F("nominal") % strategy.denomination).exclude(rest=0)
    if broken := rest.order_by("pk").first():
        raise _broken_notes(broken)


def _broken_notes(policy: Policy) -> EvaluationError:
    return EvaluationError(
        _("Policy %(number)s: its nominal is no whole number of notes.") % {"number": policy.number}
    )


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
