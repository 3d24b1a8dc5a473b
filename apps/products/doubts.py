"""Which closing prices a person should look at before anybody is paid by them."""

from decimal import Decimal
from enum import StrEnum

# A price in pence beside one in pounds; the quarter on either side is what a day may move.
HUNDREDFOLD = (Decimal(80), Decimal(125))


class Doubt(StrEnum):
    """What is odd about a close."""

    JUMP = "jump"
    HUNDREDFOLD = "hundredfold"
    HUNDREDTH = "hundredth"


def doubt(close: Decimal, expected: Decimal, limit: Decimal) -> Doubt | None:
    """Say what is odd about a close where the one before it, splits considered, was `expected`.

    A move beyond `limit`, a fraction, is a jump; about 100 times or a hundredth is odd whatever the
    limit: it is the mark of pence where pounds were meant.
    """
    low, high = HUNDREDFOLD
    if low <= close / expected <= high:
        return Doubt.HUNDREDFOLD
    if low <= expected / close <= high:
        return Doubt.HUNDREDTH
    return Doubt.JUMP if abs(close / expected - 1) > limit else None
