"""Money as integer minor units: how it is rounded, how many decimals it has, how it is written."""

import re
from copy import copy
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from functools import cache

from babel import Locale
from babel.numbers import NumberPattern

# ISO 4217 currencies whose minor unit is not a hundredth, as of amendment 176.
_DECIMALS = dict.fromkeys(
    [
        "BIF",
        "CLP",
        "DJF",
        "GNF",
        "ISK",
        "JPY",
        "KMF",
        "KRW",
        "PYG",
        "RWF",
        "UGX",
        "UYI",
        "VND",
        "VUV",
        "XAF",
        "XOF",
        "XPF",
    ],
    0,
)
_DECIMALS |= dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3)
_DECIMALS |= dict.fromkeys(["CLF", "UYW"], 4)


class Rounding(StrEnum):
    """How the part of a minor unit that is left over is decided; halves away from zero first."""

    HALF_UP = "HALF_UP"
    HALF_EVEN = "HALF_EVEN"
    DOWN = "DOWN"


def decimals(currency: str) -> int:
    """Return how many decimals amounts in an ISO 4217 currency code have: 2, unless known better."""
    return _DECIMALS.get(currency, 2)


def unusual_decimals() -> dict[str, int]:
    """Return the decimals of the currencies that do not have 2, for sums in SQL."""
    return dict(_DECIMALS)


def rounded(amount: Fraction, rounding: Rounding = Rounding.HALF_UP) -> int:
    """Round an exact amount to a whole number, the same way on both sides of zero.

    HALF_UP takes a half away from zero, HALF_EVEN to the even neighbour, DOWN drops what is left.
    """
    whole, rest = divmod(abs(amount.numerator), amount.denominator)
    twice = 2 * rest
    up = {
        Rounding.HALF_UP: twice >= amount.denominator,
        Rounding.HALF_EVEN: twice + whole % 2 > amount.denominator,
        Rounding.DOWN: False,
    }[rounding]
    return (whole + up) * (-1 if amount < 0 else 1)


def minor_units(amount: Fraction | Decimal | int, places: int) -> int:
    """Return an amount of the major unit in minor units of `places` decimals.

    Raises ValueError where the amount is finer than a minor unit: nothing is rounded here.
    """
    minor = Fraction(amount) * Fraction(10) ** places
    if minor.denominator != 1:
        raise ValueError(f"{amount} has more than {places} decimals.")
    return minor.numerator


def major_units(minor: int, places: int) -> Decimal:
    """Return minor units as an amount of the major unit with exactly `places` decimals."""
    return Decimal(minor).scaleb(-places)


def spoken(minor: int, currency: str, language: str) -> str:
    """Write minor units for readers of a language, every minor unit of it: $1,234.50, RSD 12.30.

    The one way in which the product writes money: Babel's own follows habits of shops, and drops
    the minor units of RSD, IQD and a dozen others that contracts are settled in.
    """
    places = decimals(currency)
    return _written(major_units(minor, places), places, currency, language)


def spoken_whole(major: int, currency: str, language: str) -> str:
    """Write whole major units, for texts that have room for no more: $1,234."""
    return _written(Decimal(major), 0, currency, language)


def _written(amount: Decimal, places: int, currency: str, language: str) -> str:
    text = _pattern(language, places).apply(
        amount,
        Locale.parse(language, sep="_"),
        currency=currency,
        currency_digits=False,
    )
    return re.sub(r"([A-Z]{3})(?=\d)", "\\1\xa0", text)  # RUB 5.00, but $5.00


@cache
def _pattern(language: str, places: int) -> NumberPattern:
    pattern: NumberPattern = copy(Locale.parse(language, sep="_").currency_formats["standard"])
    pattern.frac_prec = (places, places)
    return pattern
