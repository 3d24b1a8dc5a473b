"""Term sheets that tests start from: one valid phoenix in JSON form, whose terms may be given."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from apps.products import payoff
from apps.products.payoff import Outcome, State, Status
from apps.products.terms.reading import read_spec
from apps.products.terms.sheet import TermSheet

DATES = ("2019-02-15", "2019-03-15", "2019-04-15", "2019-05-15")  # three Fridays, a Monday between


def spec(shares: Sequence[str] = ("A", "B"), **terms: Any) -> dict[str, Any]:
    """A worst-of with memory: 2 % a period at 70 %, par back; struck at 100 on 2019-01-15."""
    return {
        "notional": "1000",
        "issue_date": "2019-01-15",
        "underlyings": [{"id": share, "initial": "100"} for share in shares],
        "memory": True,
        "coupon": {"rate": "0.02", "barrier": "0.7"},
        "observations": [{"date": day} for day in DATES],
        **terms,
    }


def sheet(shares: Sequence[str] = ("A", "B"), **terms: Any) -> TermSheet:
    return read_spec(spec(shares, **terms))


def levels(*percents: float | str, shares: Sequence[str] = "ABCDEFGH") -> dict[str, Fraction]:
    """Levels of shares A, B, … in percent of the initial fixing."""
    return {
        share: Fraction(str(percent)) / 100
        for share, percent in zip(shares, percents, strict=False)
    }


def decide(terms: TermSheet, *path: Mapping[str, Fraction]) -> list[Outcome]:
    """Observe a path of levels until it ends or the product does."""
    state, outcomes = State.start(), []
    for number, found in enumerate(path, start=1):
        outcome = payoff.observe(terms, state, number, found)
        outcomes.append(outcome)
        state = outcome.state
        if outcome.status is not Status.LIVE:
            break
    return outcomes
