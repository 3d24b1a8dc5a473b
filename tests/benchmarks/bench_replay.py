"""How long the exact replay of many term sheets over years of daily closes takes on one core.

    python -m tests.benchmarks.bench_replay [terms] [rounds]

Each case has its own five shares with five years of closes, quarterly observations, memory and a
barrier that is watched daily; every fourth counts the days of an accrual coupon, every fifth is a
composite one. Closes walk at random, so some products are called early and some lose capital. A
round takes the cases as text to results as text, as `replay_terms` does; the aim is 1,000 terms in
60 seconds. It prints the median of the rounds and the slowest.
"""

import json
import random
import statistics
import sys
import time
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from apps.products.cases import answered
from apps.products.terms.fields import parse

SHARES = ("AAPL", "BA", "FB", "IBM", "MSFT")
FIRST, YEARS, QUARTER = date(2015, 1, 5), 5, timedelta(days=91)
DAYS = [
    day
    for day in (FIRST + timedelta(days=n) for n in range(366 * YEARS))
    if day.weekday() < 5 and day < FIRST.replace(year=FIRST.year + YEARS)
]
AIM = 60  # seconds for a thousand


def walk(dice: random.Random, start: float, spread: float) -> dict[str, str]:
    closes, close = {}, start
    for day in DAYS:
        closes[day.isoformat()] = f"{close:.2f}"
        close *= 1 + dice.gauss(0, spread)
    return closes


def case(number: int) -> dict[str, Any]:
    dice = random.Random(number)
    prices = {share: walk(dice, dice.uniform(20, 900), 0.012) for share in SHARES}
    first = DAYS[0].isoformat()
    accrual, composite = number % 4 == 0, number % 5 == 0
    dates = [FIRST + n * QUARTER for n in range(1, 4 * YEARS)]
    return {
        "id": f"{number}",
        "spec": {
            "notional": "1000",
            "issue_date": first,
            "memory": True,
            "fx": "composite" if composite else "none",
            "underlyings": [{"id": share, "initial": prices[share][first]} for share in SHARES],
            "coupon": {
                "type": "accrual" if accrual else "fixed", "rate": "0.025", "barrier": "0.6",
            },
            "autocall": {"barrier": "1.3", "first": 4, "basket": "n_of_m", "m": 3},
            "observations": [{"date": day.isoformat()} for day in dates],
            "redemption": {"type": "barrier", "style": "american", "barrier": "0.5"},
        },
        "market": {
            "prices": prices,
            "fx": {share: walk(dice, 1.1, 0.004) for share in SHARES[:2]} if composite else {},
        },
    }  # fmt: skip


def texts(count: int) -> Iterator[str]:
    for number in range(1, count + 1):
        yield json.dumps(case(number))


def replayed(text: str) -> str:
    return json.dumps(answered(parse(text)).values)


def main(count: int, rounds: int) -> None:
    taken, kinds = [], {}
    for _ in range(rounds):
        spent = 0.0
        for text in texts(count):
            start = time.process_time()  # of this core alone, whoever else is busy
            result = replayed(text)
            spent += time.process_time() - start
            status = json.loads(result).get("status", "refused")
            kinds[status] = kinds.get(status, 0) + 1
        taken.append(spent)
    print(f"{count} terms of {len(SHARES)} shares and {len(DAYS)} days; {kinds}")
    print(
        f"median {statistics.median(taken):.1f} s, slowest {max(taken):.1f} s; "
        f"aim {AIM * count / 1000:.1f} s"
    )


if __name__ == "__main__":
    arguments = [int(argument) for argument in sys.argv[1:]]
    main(*(arguments + [1000, 3][len(arguments) :]))
