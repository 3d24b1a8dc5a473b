"""A term sheet played over what a market showed up to a day: the same `observe`, no look-ahead."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from apps.core import money as rounding
from apps.products import payoff
from apps.products.past import Past
from apps.products.payoff import Event, Outcome, State
from apps.products.schedule import Valuation
from apps.products.terms.sheet import Market, ObservationTerms, TermSheet

_PERF_PLACES = 8
_RATE_PLACES = 12  # a rate that never ends, such as one of 365 days, is printed so far


class PaymentKind(StrEnum):
    COUPON = "coupon"
    REDEMPTION = "redemption"
    RESIDUAL = "residual"


@dataclass(frozen=True, slots=True)
class Payment:
    """Money that falls due, in minor units."""

    on: date
    kind: PaymentKind
    amount: int


@dataclass(frozen=True, slots=True)
class Observed:
    """One observation of a replay; all but its schedule is empty while it is PENDING."""

    number: int
    scheduled: date
    valuation: Mapping[str, Valuation]
    levels: Mapping[str, Fraction]
    outcome: Outcome | None = None
    coupon: int = 0

    @property
    def event(self) -> Event:
        return self.outcome.event if self.outcome else Event.PENDING


@dataclass(frozen=True, slots=True)
class Replay:
    """What a term sheet has done by `as_of`, for its whole notional; money in minor units."""

    state: State
    observations: tuple[Observed, ...]
    payments: tuple[Payment, ...]
    call_date: date | None
    redemption: int | None
    places: int

    @property
    def coupons_total(self) -> int:
        return sum(item.amount for item in self.payments if item.kind is PaymentKind.COUPON)

    @property
    def total(self) -> int:
        return sum(item.amount for item in self.payments)

    @property
    def memory_unpaid(self) -> Fraction:
        """What is remembered and not paid; lost for good once the product has ended."""
        return self.state.rate_remembered

    def as_json(self) -> dict[str, object]:
        """Return the result as plain JSON values: numbers as decimal strings, dates as ISO."""
        return {
            "status": self.state.status.value,
            "call_date": _iso(self.call_date),
            "observations": [_observed_json(item, self.places) for item in self.observations],
            "payments": [
                {
                    "date": _iso(item.on),
                    "type": item.kind.value,
                    "amount": _amount(item.amount, self.places),
                }
                for item in self.payments
            ],
            "knocked_in": self.state.knocked_in,
            "redemption": None
            if self.redemption is None
            else _amount(self.redemption, self.places),
            "memory_unpaid": rate_text(self.memory_unpaid),
            "coupons_total": _amount(self.coupons_total, self.places),
            "total": _amount(self.total, self.places),
        }


def replay(terms: TermSheet, market: Market) -> Replay:
    """Return what the term sheet did in this market, up to the first observation not known yet.

    No close after `market.as_of` is read; without one, the last day with a close is taken for it.
    Sessions are read as published, ahead of time. Raises TermSheetError where a share's calendar
    is missing among the calendars given.
    """
    past = Past.of(terms, market)
    state, watched_to = State.start(), date.min
    observed: list[Observed] = []
    payments: list[Payment] = []
    redemption, call_date = None, None
    for observation in terms.observations:
        valuation = past.valuation(observation)
        days = {share: found.day for share, found in valuation.items() if found.day is not None}
        if len(days) < len(valuation) or not past.days_are_over(observation):
            observed.append(
                Observed(observation.number, observation.scheduled, valuation, levels={})
            )
            state = _watched(past, state, watched_to, past.seen_for(observation, valuation))
            break
        valued = max(found.settled for found in valuation.values() if found.settled)
        state = _watched(past, state, watched_to, valued)
        watched_to = valued
        levels = past.levels(days)
        inside = past.inside(observation, state.locked)
        outcome = payoff.observe(terms, state, observation.number, levels, inside=inside)
        state = outcome.state
        due = _payments(past, observation, outcome, valued)
        payments += due
        coupon = sum(item.amount for item in due if item.kind is PaymentKind.COUPON)
        observed.append(
            Observed(observation.number, observation.scheduled, valuation, levels, outcome, coupon)
        )
        if outcome.redemption is not None:
            redemption = payoff.money(terms, outcome.redemption, terms.notional)
            call_date = valued if outcome.called else None
            break
    return Replay(state, tuple(observed), tuple(payments), call_date, redemption, terms.places)


def _payments(
    past: Past, observation: ObservationTerms, outcome: Outcome, valued: date
) -> list[Payment]:
    """Return what falls due by one observation; amounts of zero are no payments."""
    terms = past.terms
    on = max(observation.pay, valued) if observation.pay else past.paid_on(valued)
    end = max(on, past.ends_on())
    # A call pays back with the coupon; what is held to maturity is paid back then.
    parts = [
        (on, PaymentKind.COUPON, outcome.rate_paid),
        (on if outcome.called else end, PaymentKind.REDEMPTION, outcome.redemption or Fraction(0)),
        (end, PaymentKind.RESIDUAL, outcome.deferred),
    ]
    amounts = [(day, kind, payoff.money(terms, part, terms.notional)) for day, kind, part in parts]
    return [Payment(day, kind, amount) for day, kind, amount in amounts if amount]


def _watched(past: Past, state: State, after: date, until: date) -> State:
    """Return the state when every close in (after, until] has been looked at."""
    for day in past.to_watch(after, until):
        if state.knocked_in:
            break
        state = payoff.watch(past.terms, state, day, past.levels_on(day))
    return state


def rate_text(rate: Fraction) -> str:
    """Return a rate as a plain decimal: exact where it ends, else rounded to twelve places."""
    scaled = rounding.rounded(rate * 10**_RATE_PLACES)
    text = f"{Decimal(scaled).scaleb(-_RATE_PLACES):f}"
    return text.rstrip("0").rstrip(".") or "0"


def _amount(minor: int, places: int) -> str:
    return f"{rounding.major_units(minor, places):f}"


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _perf(level: Fraction) -> str:
    return f"{Decimal(rounding.rounded(level * 10**_PERF_PLACES)).scaleb(-_PERF_PLACES):f}"


def _observed_json(item: Observed, places: int) -> dict[str, object]:
    outcome = item.outcome
    return {
        "n": item.number,
        "scheduled": item.scheduled.isoformat(),
        "valuation": {share: _iso(found.day) for share, found in item.valuation.items()},
        "perf": {share: _perf(level) for share, level in item.levels.items()},
        "event": item.event.value,
        "coupon": _amount(item.coupon, places) if outcome else None,
        "memory": rate_text(outcome.rate_remembered) if outcome else None,
        "autocalled": outcome.called if outcome else False,
    }
