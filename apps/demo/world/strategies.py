"""The demo issuer's strategies, struck on real closes; what became of them is history's doing.

Each one is there for something to be seen; `shows` says what. Outcomes are not written here: the
product finds them from the closes, and a test holds that every kind is among them.
"""

import calendar
from dataclasses import dataclass, field
from datetime import date

from apps.demo.world.closes import closes


def _(words: str) -> str:
    """Mark words for translation by the page that shows them."""
    return words


@dataclass(frozen=True)
class TermSheet:
    """One strategy; `terms` are further columns of the file of strategies."""

    code: str
    name: str
    shows: str
    struck_on: date
    months: int  # between two observations
    observations: int
    tickers: tuple[str, ...]
    rate: str
    barrier: str
    every: int | None = None  # day of the month, if not the strike's
    terms: dict[str, str] = field(default_factory=dict, hash=False)
    currency: str = "USD"

    @property
    def scheduled(self) -> list[date]:
        day = self.every or self.struck_on.day
        return [
            in_months(self.struck_on, self.months * number, day)
            for number in range(1, self.observations + 1)
        ]

    @property
    def matures_on(self) -> date:
        return self.scheduled[-1]

    @property
    def fixings(self) -> dict[str, str]:
        struck = closes()[self.struck_on]
        return {ticker: struck[ticker] for ticker in self.tickers}


def in_months(start: date, months: int, day: int) -> date:
    """Return the day so many months later, or the last one of a shorter month."""
    year, month = divmod(start.month - 1 + months, 12)
    year, month = start.year + year, month + 1
    return date(year, month, min(day, calendar.monthrange(year, month)[1]))


STRATEGIES = (
    TermSheet(
        code="first-quartet-2004",
        name="First Quartet 75",
        shows=_("a split on the very day of an observation; matured"),
        struck_on=date(2004, 8, 31),
        months=3,
        observations=8,
        tickers=("AAPL", "GOOG", "IBM", "MSFT"),
        rate="0.015",
        barrier="0.75",
        every=31,
    ),
    TermSheet(
        code="shield-year-2012",
        name="Shield Year 95",
        shows=_("capital protection: matured below its start"),
        struck_on=date(2012, 1, 31),
        months=3,
        observations=4,
        tickers=("GOOG", "IBM", "MSFT"),
        rate="0.0125",
        barrier="0.85",
        every=31,
        terms={"redemption": "floor", "redemption_level": "0.95"},
    ),
    TermSheet(
        code="quartet-75-2012",
        name="Quartet 75",
        shows=_("accrued every quarter"),
        struck_on=date(2012, 2, 29),
        months=3,
        observations=8,
        tickers=("AAPL", "GOOG", "IBM", "MSFT"),
        rate="0.025",
        barrier="0.75",
        every=31,
        terms={"call_barrier": "1", "call_first": "4"},
    ),
    TermSheet(
        code="newcomer-65-2012",
        name="Newcomer 65",
        shows=_("a guaranteed first coupon, then saved, then paid with memory"),
        struck_on=date(2012, 5, 18),
        months=3,
        observations=8,
        tickers=("FB", "MSFT"),
        rate="0.03",
        barrier="0.65",
        terms={"guarantees": "yes"},
    ),
    TermSheet(
        code="social-80-2012",
        name="Social Memory 80",
        shows=_("saved, then paid together with what was remembered"),
        struck_on=date(2012, 5, 31),
        months=3,
        observations=8,
        tickers=("AAPL", "FB", "GOOG", "MSFT"),
        rate="0.0275",
        barrier="0.8",
        every=31,
    ),
    TermSheet(
        code="early-bird-2012",
        name="Early Bird 100",
        shows=_("called at once: double coupon, a residual left for the maturity"),
        struck_on=date(2012, 6, 29),
        months=3,
        observations=8,
        tickers=("GOOG", "IBM"),
        rate="0.02",
        barrier="0.75",
        terms={
            "call_barrier": "1",
            "call_redemption": "0.97",
            "call_deferred": "0.03",
            "bonuses": "2; 2",
        },
    ),
    TermSheet(
        code="no-memory-70-2012",
        name="Monthly 70 without memory",
        shows=_("lost coupons; a date moved by a hurricane"),
        struck_on=date(2012, 6, 29),
        months=1,
        observations=18,
        tickers=("AAPL", "FB", "GOOG", "IBM"),
        rate="0.01",
        barrier="0.7",
        terms={"memory": "no"},
    ),
    TermSheet(
        code="corridor-90-110-2012",
        name="Corridor 90–110",
        shows=_("saved because a share stood above the corridor; a date moved by a hurricane"),
        struck_on=date(2012, 7, 30),
        months=3,
        observations=8,
        tickers=("GOOG", "IBM", "MSFT"),
        rate="0.03",
        barrier="0.9",
        terms={"corridor_upper": "1.1", "basket": "all"},
        currency="EUR",
    ),
    TermSheet(
        code="apple-trio-80-2012",
        name="Apple Trio 80",
        shows=_("a near miss, then saved month by month; the next observation is tomorrow"),
        struck_on=date(2012, 9, 21),
        months=1,
        observations=18,
        tickers=("AAPL", "IBM", "MSFT"),
        rate="0.0125",
        barrier="0.8",
    ),
)

# What the guided tour shows, and of which strategy.
TOUR = {
    "accrued": "quartet-75-2012",
    "saved": "apple-trio-80-2012",
    "called": "early-bird-2012",
}
