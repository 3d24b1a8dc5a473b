"""The file of deadlines, such as the last day for a tax deduction."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from django.db.models import prefetch_related_objects
from django.utils.translation import gettext as _

from apps.core import money
from apps.core.imports.columns import Choice, Currency, Day, Text, Whole
from apps.core.imports.resource import Row, Stored
from apps.products.imports.amounts import Balance, minor_units
from apps.products.imports.markets import said, unknown
from apps.products.imports.owned import OwnedResource, assign, core_id, given, write
from apps.products.models.accounts import Account
from apps.products.models.deadlines import Deadline
from apps.products.models.holdings import Policy

OWN = ("reference", "kind", "day", "year", "currency", "days_before", "done_on")


class DeadlineResource(OwnedResource):
    """One row a day by which a client should act; another day is told anew."""

    reference = Text(60, required=True)
    core_id = Text(200, required=True)
    kind = Choice(Deadline.Kind.values, required=True)
    day = Day(required=True)
    year = Whole(least=1990, most=2100)
    amount = Balance()
    currency = Currency()
    policy = Text(40)
    account = Text(40)
    days_before = Whole(least=0, most=365)
    done_on = Day()

    key = ("reference",)

    class Meta:
        model = Deadline

    def look_up(self, rows: Sequence[Row]) -> None:
        super().look_up(rows)
        self.held: dict[str, dict[str, Any]] = {
            "policy": {
                one.number: one for one in Policy.objects.filter(number__in=said(rows, "policy"))
            },
            "account": {
                one.number: one for one in Account.objects.filter(number__in=said(rows, "account"))
            },
        }

    def present(self, rows: Sequence[Row]) -> Iterable[Deadline]:
        return Deadline.objects.filter(reference__in=said(rows, "reference"))

    def stored(self, instances: Sequence[Deadline]) -> Iterator[Stored]:
        prefetch_related_objects(instances, "client__identifiers", "policy", "account")
        for one in instances:
            places = money.decimals(one.currency)
            yield Stored(
                one,
                {
                    **{name: getattr(one, name) for name in OWN},
                    "currency": one.currency or None,
                    "core_id": core_id(one.client),
                    "amount": None if one.amount is None else money.major_units(one.amount, places),
                    "policy": one.policy.number if one.policy else None,
                    "account": one.account.number if one.account else None,
                },
            )

    def check(self, row: Row) -> None:
        super().check(row)
        names = {"policy": _("policy"), "account": _("account")}
        for column, known in self.held.items():
            number = row.values.get(column)
            held = known.get(number) if number else None
            if number and held is None:
                row.refuse(column, unknown(names[column], number, ()), f"unknown_{column}")
            elif held and held.client_id != self.owners.get(row.values.get("core_id", "")):
                row.refuse(column, _("It belongs to another client."), "other_client")
        currency = row.values.get("currency")
        if row.values.get("amount") is not None and not currency:
            row.refuse("currency", _("Say the currency of the amount."), "missing_value")
        elif currency and row.values.get("amount") is None:
            row.refuse("amount", _("Say the amount, or leave its currency empty."), "missing_value")
        elif currency:
            minor_units(row, "amount", currency)

    def save(self, rows: Sequence[Row], *, at: datetime, filename: str) -> None:
        for row in rows:
            one = row.instance = row.instance or Deadline(client_id=self.owner(row))
            assign(one, given(row, *OWN))
            if "amount" in row.values:
                one.amount = minor_units(row, "amount", one.currency)
            for column, known in self.held.items():
                if number := row.values.get(column):
                    setattr(one, column, known[number])
            if "day" in row.changes:
                one.told_at = None
        write(Deadline, rows, [*OWN[1:], "amount", "policy", "account", "told_at"])
