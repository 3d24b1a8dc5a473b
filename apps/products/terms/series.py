"""Closes or rates by day: exact where one is asked for, quick where all are."""

from collections.abc import Iterator, KeysView, Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction

Number = str | int | Decimal | Fraction


class Series(Mapping[date, Fraction]):
    """Numbers by day in rising order, kept as they were written and exact when looked up.

    Years of closes are mostly looked at in arrays; to make a Fraction of each takes longer than all
    the rest of a replay.
    """

    __slots__ = ("_numbers",)

    def __init__(self, numbers: Mapping[date, Number]) -> None:
        self._numbers = {day: numbers[day] for day in sorted(numbers)}

    @classmethod
    def of(cls, numbers: Mapping[date, Fraction], until: date) -> "Series":
        """Take the numbers up to a day; a later one is not read."""
        if isinstance(numbers, cls) and (not numbers or max(numbers) <= until):
            return numbers
        return cls({day: numbers[day] for day in numbers if day <= until})

    def __getitem__(self, day: date) -> Fraction:
        return Fraction(self._numbers[day])

    def __iter__(self) -> Iterator[date]:
        return iter(self._numbers)

    def __len__(self) -> int:
        return len(self._numbers)

    def __contains__(self, day: object) -> bool:
        return day in self._numbers

    def keys(self) -> KeysView[date]:
        return self._numbers.keys()

    def floats(self) -> list[float]:
        """Return the numbers as they come nearest in binary, in the order of the days."""
        return [float(number) for number in self._numbers.values()]
