"""Amounts of money as files write them: in the major unit, exact to the minor one."""

from typing import Any

from django.utils.translation import gettext as _

from apps.core import money
from apps.core.imports.columns import Number
from apps.core.imports.resource import Row


class Amount(Number):
    """An amount above zero in the currency that the row names."""

    def __init__(self, *, required: bool = False) -> None:
        super().__init__(digits=16, places=3, above=0, required=required)


class Balance(Number):
    """An amount that may be nothing, in the currency that the row names."""

    def __init__(self, *, required: bool = False) -> None:
        super().__init__(digits=16, places=3, least=0, required=required)


def minor_units(row: Row, column: str, currency: str) -> int | None:
    """Return a row's amount in minor units; None where it has none or is refused as too fine."""
    amount: Any = row.values.get(column)
    places = money.decimals(currency)
    try:
        return None if amount is None else money.minor_units(amount, places)
    except ValueError:
        row.refuse(
            column,
            _("%(amount)s is finer than %(currency)s allows: at most %(places)d decimals.")
            % {"amount": Amount().write(amount), "currency": currency, "places": places},
            "too_many_decimals",
        )
        return None
