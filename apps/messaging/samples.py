"""Figures to try templates with: long ones, so that what fits with them fits with a client's own."""

from collections.abc import Collection, Mapping
from typing import Any

MONEY = {"money": 1_234_567_89, "currency": "USD"}
DAY = {"date": "2027-09-29"}  # the longest month there is, in English as in Russian
LEVEL = {"percent": "0.8325"}
SAMPLES: Mapping[str, Any] = {
    "strategy": "Global Technology Leaders",
    "tranche": "2027-09",
    "policies": 2,
    "amount": MONEY,
    "remembered": MONEY,
    "redemption": MONEY,
    "observed_on": DAY,
    "pays_on": DAY,
    "next_on": DAY,
    "on": DAY,
    "worst": "International Business Machines",
    "worst_level": LEVEL,
    "month": {"month": "2027-09-01"},
    "accrued": [MONEY],
    "told": {"amount": MONEY},
    "correct": {"remembered": MONEY},
    "share": "International Business Machines",
    "prices": [{"share": "International Business Machines", "day": DAY}],
    "lines": [
        {
            "strategy": "Global Technology Leaders",
            "observed_on": DAY,
            "told": {"amount": MONEY},
            "correct": {"remembered": MONEY},
        }
    ],
    "what": "Global Technology Leaders",
    "by": {"percent": "0.1234"},
    "falls": True,
    "since": DAY,
    "others": 3,
    "moves": [{"what": "Global Technology Leaders", "by": {"percent": "0.1234"}, "falls": True}],
    "kind": "premium",
    "is_tax": True,
    "day": DAY,
    "days": 30,
    "year": "2027",
    "about": "Savings",
    "confirm_url": {"url": "https://news.example.com/confirm/0123456789012345678901"},
}
SUMS = frozenset(
    {"accrued", "amount", "correct", "lines", "redemption", "remembered", "told"}
)  # what says how much money somebody has


def of(names: Collection[str]) -> dict[str, Any]:
    """Return figures for the values that an occasion has."""
    return {name: value for name, value in SAMPLES.items() if name in names}
