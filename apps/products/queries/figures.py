"""What a client's page says of his strategies: the one definition of every figure on it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import TypeVar

from apps.products import levels, payoff, scenarios
from apps.products.models.holdings import Payment, Policy, PolicyCoupon
from apps.products.models.markets import Quote
from apps.products.models.strategies import Observation, ObservationResult, Strategy
from apps.products.queries import changes, rates, rows
from apps.products.queries.facts import (
    Bound,
    Coupon,
    Figure,
    Held,
    Holding,
    Next,
    Observed,
    ObservedShare,
    Origin,
    Portfolio,
    Private,
    Share,
    Supposed,
    Transfer,
)
from apps.products.scenarios import Case, Scenario
from apps.products.terms.sheet import BasketKind, CouponKind, TermSheet, Underlying
from apps.profiles.models import Client

T = TypeVar("T")


def portfolio(client: Client, *, at: datetime) -> Portfolio:
    """Return every figure of the client's page, newest policy first; a fixed number of queries."""
    found = rows.of_client(client, at=at)
    return Portfolio(
        tuple(_holding(strategy, found, at) for strategy in found.strategies),
        tuple(strategy.name for strategy in found.refused),
    )


def holdings(client: Client, *, at: datetime) -> tuple[Holding, ...]:
    """Return the figures of every strategy of the client that can be shown."""
    return portfolio(client, at=at).holdings


def _holding(strategy: Strategy, found: rows.Rows, at: datetime) -> Holding:
    terms = found.terms[strategy.pk]
    observations = tuple(
        _observed(observation, found.results.get(observation.pk), terms)
        for observation in found.observations[strategy.pk]
    )
    upcoming = next((one for one in observations if one.state in Observation.OPEN), None)
    if strategy.state != Strategy.State.PUBLISHED:
        upcoming = None
    last = found.last_result(strategy.pk)
    state = payoff.State.from_json(last.carried) if last else payoff.State.start()
    shares = _shares(strategy, terms, upcoming, found, at.date())
    supposed = _supposed(terms, state, upcoming, shares)
    # Where a result waits to be corrected, nothing can be said of what follows.
    follows = upcoming is not None and upcoming.number == state.observed + 1
    told = scenarios.scenarios(terms, state) if follows else ()
    return Holding(
        strategy=strategy,
        terms=terms,
        shares=shares,
        observations=observations,
        next=_next(strategy, upcoming, found, at),
        supposed=supposed,
        scenarios=told,
        corrections=tuple(changes.corrections(found.replaced[strategy.pk])),
        changes=tuple(changes.corporate(found.members[strategy.pk], terms)),
        moves=tuple(changes.moves(found.moves[strategy.pk])),
        rate_paid=_from_result(state.rate_paid, last, strategy),
        rate_remembered=_from_result(state.rate_remembered, last, strategy),
        policies=tuple(
            _held(policy, terms, supposed, told, found, at.date())
            for policy in found.policies[strategy.pk]
        ),
    )


def _from_result(value: T, result: ObservationResult | None, strategy: Strategy) -> Figure[T]:
    if result is None:
        return Figure(value, strategy.struck_on, Origin.TERMS)
    day = result.observation.valuation_on
    return Figure(value, day, Origin.RESULT, str(result.formula_version))


def _observed(
    observation: Observation, result: ObservationResult | None, terms: TermSheet
) -> Observed:
    worst = result.worst.underlying.ticker if result and result.worst else ""
    version = str(result.formula_version) if result else ""
    day = observation.valuation_on
    return Observed(
        number=observation.number,
        state=observation.state,
        scheduled_on=observation.scheduled_on,
        valuation_on=day,
        moved_because=observation.why_moved,
        pays_on=observation.pays_on,
        waiting_for=observation.waiting_for,
        outcome=result.outcome if result else "",
        called=bool(result and result.called),
        matured=bool(result and result.matured),
        shares=_observed_shares(result, worst, terms) if result else (),
        upper=terms.observation(observation.number).upper,
        worst=worst,
        worst_level=result.worst_level if result else None,
        rate_paid=Figure(result.rate_paid if result else None, day, Origin.RESULT, version),
        rate_remembered=Figure(
            result.rate_remembered if result else None, day, Origin.RESULT, version
        ),
        redemption=result.redemption if result else None,
        deferred=result.deferred if result else None,
    )


def _observed_shares(
    result: ObservationResult, worst: str, terms: TermSheet
) -> tuple[ObservedShare, ...]:
    return tuple(
        ObservedShare(
            ticker=share.id,
            name=seen.get("name", share.id),
            day=date.fromisoformat(seen["day"]),
            close=Decimal(seen["close"]),
            level=Decimal(seen["level"]),
            is_worst=share.id == worst,
            gap=Fraction(seen["close"]) / Fraction(price) - 1 if price else None,
            met=seen.get("met", True),
        )
        for share in terms.basket.underlyings
        if (seen := result.levels.get(share.id))
        for price in [seen.get("barrier_price")]
    )


def _shares(
    strategy: Strategy,
    terms: TermSheet,
    upcoming: Observed | None,
    found: rows.Rows,
    today: date,
) -> tuple[Share, ...]:
    """Return each share against the barriers of the next observation, or of the last one."""
    facts = {member.underlying.ticker: member.underlying for member in found.members[strategy.pk]}
    quotes = {ticker: found.quotes.get(share.pk) for ticker, share in facts.items()}
    foreign = rates.rates_of(terms, found.members[strategy.pk], until=today)
    factors = {
        ticker: rates.factor(foreign, ticker, quote.day) if quote else None
        for ticker, quote in quotes.items()
    }
    reached = {
        share.id: levels.level(share, terms.changes, quote.day, Fraction(quote.close), fx)
        for share in terms.basket.underlyings
        if (quote := quotes[share.id]) and (fx := factors[share.id]) is not None
    }
    worst = levels.worst(terms.basket, reached) if len(reached) == len(quotes) else ""
    number = upcoming.number if upcoming else len(terms.observations)
    aims = terms.observation(number)
    known = tuple(share for share in terms.basket.underlyings if share.id in reached)
    # Of the worst share alone the top of a corridor is asked; the others may stand above it.
    topped = set(facts) if terms.basket.kind is BasketKind.ALL else {worst}
    earning = levels.shares_inside(
        replace(terms.basket, underlyings=known), reached, aims.barrier, strict=terms.coupon.strict
    ) - {
        share
        for share in topped & reached.keys()
        if aims.upper is not None and reached[share] > aims.upper
    }

    def share_of(share: Underlying, name: str, currency: str) -> Share:
        quote, struck = quotes[share.id], strategy.struck_on
        day = quote.day if quote else today
        adjusted = levels.initial_on(share, terms.changes, day)
        source = quote.source if quote else ""

        def bound(level: Fraction | None) -> Bound | None:
            if level is None:
                return None
            # In the share's own currency, at the exchange rate of its last close.
            price = levels.mark(terms.basket, share, level) * adjusted / (factors[share.id] or 1)
            move = price / Fraction(quote.close) - 1 if quote else None
            return Bound(
                level,
                Figure(price, day, Origin.TERMS),
                Figure(move, quote.day if quote else None, Origin.CLOSE, source),
            )

        return Share(
            ticker=share.id,
            name=name,
            currency=currency,
            initial=Figure(share.initial, struck, Origin.TERMS),
            adjusted=Figure(adjusted, day, Origin.TERMS),
            close=_close(quote),
            level=Figure(reached.get(share.id), quote.day if quote else None, Origin.CLOSE, source),
            barrier=bound(aims.barrier),
            upper=bound(aims.upper) if share.id in topped else None,
            call=bound(aims.call_barrier),
            earns=share.id in earning if share.id in reached else None,
            is_worst=share.id == worst,
        )

    return tuple(
        share_of(share, facts[share.id].name, facts[share.id].currency)
        for share in terms.basket.underlyings
    )


def _close(quote: Quote | None) -> Figure[Decimal]:
    if quote is None:
        return Figure(None, None, Origin.CLOSE)
    return Figure(quote.close, quote.day, Origin.CLOSE, quote.source)


def _next(
    strategy: Strategy, upcoming: Observed | None, found: rows.Rows, at: datetime
) -> Next | None:
    if upcoming is None:
        return None
    day = upcoming.valuation_on
    closes = [member.underlying.exchange.close_of(day) for member in found.members[strategy.pk]]
    days = max((day - at.date()).days, 0)
    return Next(upcoming.number, day, max(closes), days, upcoming.waiting_for)


def _supposed(
    terms: TermSheet, state: payoff.State, upcoming: Observed | None, shares: Sequence[Share]
) -> Supposed | None:
    if upcoming is None or state.status is not payoff.Status.LIVE:
        return None
    reached = {share.ticker: share.level.value for share in shares}
    lacking = tuple(ticker for ticker, level in reached.items() if level is None)
    days = [share.level.as_of for share in shares if share.level.as_of]
    following = terms.observation(upcoming.number)
    counted = terms.coupon.kind is CouponKind.ACCRUAL and following.inside is None
    if lacking or counted or upcoming.number != state.observed + 1:
        return Supposed(upcoming.number, None, lacking, counted=counted)
    known = {ticker: level for ticker, level in reached.items() if level is not None}
    outcome = payoff.observe(terms, state, upcoming.number, known)
    return Supposed(
        number=upcoming.number,
        as_of=min(days),
        outcome=outcome.event.value,
        called=outcome.called,
        worst=outcome.worst,
        worst_level=known[outcome.worst],
        rate_paid=outcome.rate_paid,
        rate_remembered=outcome.rate_remembered,
    )


def _held(
    policy: Policy,
    terms: TermSheet,
    supposed: Supposed | None,
    told: Sequence[Scenario],
    found: rows.Rows,
    today: date,
) -> Held:
    coupons = found.coupons[policy.pk]
    payments = found.payments[policy.pk]
    coupon = Payment.Kind.COUPON
    paid = sum(
        payment.amount
        for payment in payments
        if payment.paid_on and coupon in (payment.kind, payment.corrects)
    )
    accrued = sum(coupon.amount for coupon in coupons)
    last = coupons[-1] if coupons else None
    private = Private(
        number=policy.number,
        nominal=Figure(policy.nominal, policy.starts_on, Origin.POLICY),
        premium=Figure(policy.premium, policy.starts_on, Origin.POLICY),
        coupons=tuple(_coupon(coupon) for coupon in coupons),
        payments=tuple(_transfer(payment) for payment in payments),
        paid=Figure(paid, today, Origin.POLICY),
        # Less than nothing is an overpayment, which is not the client's to settle.
        payable=Figure(max(accrued - paid, 0), today, Origin.POLICY),
        remembered=Figure(
            last.remembered if last else 0,
            last.observation.valuation_on if last else policy.starts_on,
            Origin.RESULT if last else Origin.POLICY,
            str(last.result.formula_version) if last else "",
        ),
        supposed=_supposed_money(policy, terms, supposed),
        imagined=tuple(_imagined(policy, terms, scenario) for scenario in told),
    )
    return Held(
        policy.pk, policy.state, policy.starts_on, policy.ends_on, policy.closed_on, private
    )


def _coupon(coupon: PolicyCoupon) -> Coupon:
    day, version = coupon.observation.valuation_on, str(coupon.result.formula_version)
    return Coupon(
        coupon.observation.number,
        coupon.outcome,
        Figure(coupon.amount, day, Origin.RESULT, version),
    )


def _transfer(payment: Payment) -> Transfer:
    return Transfer(
        kind=payment.kind,
        number=payment.result.observation.number if payment.result else None,
        amount=Figure(payment.amount, payment.due_on, Origin.POLICY),
        due_on=payment.due_on,
        paid_on=payment.paid_on,
    )


def _supposed_money(policy: Policy, terms: TermSheet, supposed: Supposed | None) -> Figure[int]:
    """Return what would be paid; not known where the nominal is no whole number of notes."""
    if supposed is None or supposed.rate_paid is None or policy.state != Policy.State.ACTIVE:
        return Figure(None, None, Origin.SUPPOSED)
    try:
        amount = payoff.money(terms, supposed.rate_paid, policy.nominal)
    except ValueError:
        return Figure(None, supposed.as_of, Origin.SUPPOSED)
    return Figure(amount, supposed.as_of, Origin.SUPPOSED)


def _imagined(policy: Policy, terms: TermSheet, scenario: Scenario) -> int | None:
    """Return the coupon of a scenario, or the capital of one that is about the capital."""
    outcome = scenario.outcome
    rate = outcome.redemption if scenario.case is Case.LOSS else outcome.rate_paid
    if policy.state != Policy.State.ACTIVE or rate is None:
        return None
    try:
        return payoff.money(terms, rate, policy.nominal)
    except ValueError:
        return None
