"""Forms that take amounts as people write money, and keep them in minor units."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.db.models import Model
from django.utils.text import capfirst
from django.utils.translation import gettext
from unfold.widgets import UnfoldAdminDecimalFieldWidget

from apps.core import money
from apps.core.admin.pages import PlainDecimalField


class AmountField(PlainDecimalField):
    """An amount above zero, in whole units of a currency that the form knows."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            **{"min_value": 0, "max_digits": 18, "widget": UnfoldAdminDecimalFieldWidget, **kwargs}
        )


class AmountsForm(forms.ModelForm):  # type: ignore[type-arg]
    """Shows and takes the amounts of a row in whole units of its currency: 1500.00."""

    amounts: Sequence[str] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        currency = self.currency_of(self.instance)
        for name in self.amounts:
            if name not in self.fields:
                continue  # read only for this row
            column = self._meta.model._meta.get_field(name)
            self.fields[name] = AmountField(
                label=capfirst(column.verbose_name), help_text=column.help_text
            )
            minor = getattr(self.instance, name)
            if minor is not None and currency:
                self.initial[name] = money.major_units(minor, money.decimals(currency))

    def currency_of(self, row: Model) -> str:
        """Return the currency that the row's amounts are in, empty while that is open."""
        raise NotImplementedError

    def said_currency(self) -> str:
        """Return the currency of what is being saved."""
        return self.currency_of(self.instance)

    def clean(self) -> dict[str, Any]:
        said: dict[str, Any] = super().clean() or {}
        currency = self.said_currency()
        for name in self.amounts:
            if said.get(name) is not None and currency:
                said[name] = self.in_minor_units(name, said[name], currency)
        return said

    def in_minor_units(self, name: str, amount: Any, currency: str) -> int | None:
        places = money.decimals(currency)
        try:
            return money.minor_units(amount, places)
        except ValueError:
            self.add_error(
                name,
                gettext("It is finer than %(currency)s allows: at most %(places)d decimals.")
                % {"currency": currency, "places": places},
            )
            return None
