"""The files of instalment products and of their plans of paying back."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from django.db.models import prefetch_related_objects
from django.utils.translation import gettext as _

from apps.core import money
from apps.core.imports.columns import Currency, Day, Text, Whole
from apps.core.imports.resource import Row, Stored, TableResource
from apps.products.imports.amounts import Amount, Balance, minor_units
from apps.products.imports.markets import said, unknown
from apps.products.imports.owned import OwnedResource, assign, core_id, given, write
from apps.products.models.instalments import CreditAccount, Instalment


class CreditAccountResource(OwnedResource):
    """One row an instalment account as the core system reports it for a day."""

    number = Text(40, required=True)
    core_id = Text(200, required=True)
    name = Text(100, required=True)
    currency = Currency(required=True)
    limit = Balance(required=True)
    used = Balance(required=True)
    reported_on = Day(required=True)
    closed_on = Day()

    key = ("number",)

    class Meta:
        model = CreditAccount

    def present(self, rows: Sequence[Row]) -> Iterable[CreditAccount]:
        return CreditAccount.objects.filter(number__in=said(rows, "number"))

    def stored(self, instances: Sequence[CreditAccount]) -> Iterator[Stored]:
        prefetch_related_objects(instances, "client__identifiers")
        for one in instances:
            places = money.decimals(one.currency)
            yield Stored(
                one,
                {
                    "number": one.number,
                    "core_id": core_id(one.client),
                    "name": one.name,
                    "currency": one.currency,
                    "limit": money.major_units(one.limit, places),
                    "used": money.major_units(one.used, places),
                    "reported_on": one.reported_on,
                    "closed_on": one.closed_on,
                },
            )

    def check(self, row: Row) -> None:
        super().check(row)
        if currency := row.values.get("currency"):
            minor_units(row, "limit", currency)
            minor_units(row, "used", currency)
        if not row.stored:
            return
        if "currency" in row.changes:
            row.refuse(
                "currency", _("The account has had another currency so far."), "other_currency"
            )
        day = row.values.get("reported_on")
        if day and day < row.instance.reported_on:
            row.refuse(
                "reported_on",
                _("A newer report, of %(day)s, is stored already.")
                % {"day": row.instance.reported_on.isoformat()},
                "older_report",
            )

    def save(self, rows: Sequence[Row], *, at: datetime, filename: str) -> None:
        for row in rows:
            one = row.instance = row.instance or CreditAccount(client_id=self.owner(row))
            assign(one, given(row, "number", "name", "currency", "reported_on", "closed_on"))
            for name in ("limit", "used"):
                setattr(one, name, minor_units(row, name, one.currency))
            one.source = f"file:{filename}"[:100]
        changed = ["name", "limit", "used", "reported_on", "closed_on", "source"]
        write(CreditAccount, rows, changed)


class InstalmentResource(TableResource):
    """One row an instalment of a plan, and what of it was paid."""

    account = Text(40, required=True)
    number = Whole(least=1, most=1000, required=True)
    due_on = Day(required=True)
    amount = Amount(required=True)
    currency = Currency(required=True)
    paid = Balance()
    paid_on = Day()

    key = ("account", "number")

    class Meta:
        model = Instalment

    def look_up(self, rows: Sequence[Row]) -> None:
        self.accounts = {
            one.number: one
            for one in CreditAccount.objects.filter(number__in=said(rows, "account"))
        }

    def present(self, rows: Sequence[Row]) -> Iterable[Instalment]:
        return Instalment.objects.filter(account__number__in=said(rows, "account"))

    def stored(self, instances: Sequence[Instalment]) -> Iterator[Stored]:
        prefetch_related_objects(instances, "account")
        for one in instances:
            places = money.decimals(one.account.currency)
            yield Stored(
                one,
                {
                    "account": one.account.number,
                    "number": one.number,
                    "due_on": one.due_on,
                    "amount": money.major_units(one.amount, places),
                    "currency": one.account.currency,
                    "paid": money.major_units(one.paid, places),
                    "paid_on": one.paid_on,
                },
            )

    def check(self, row: Row) -> None:
        account = self.accounts.get(row.values["account"])
        if account is None:
            row.refuse(
                "account",
                unknown(_("account"), row.values["account"], self.accounts),
                "unknown_account",
            )
            return
        if row.values.get("currency", account.currency) != account.currency:
            row.refuse(
                "currency",
                _("The account %(account)s is in %(currency)s.")
                % {"account": account, "currency": account.currency},
                "other_currency",
            )
            return
        minor_units(row, "amount", account.currency)
        minor_units(row, "paid", account.currency)
        self._check_paid(row)

    def _check_paid(self, row: Row) -> None:
        before = row.stored.values if row.stored else {}
        amount = row.values.get("amount")
        paid = row.values.get("paid", before.get("paid", 0))
        paid_on = row.values.get("paid_on", before.get("paid_on"))
        if amount is None:
            return
        if paid > amount:
            row.refuse(
                "paid",
                _("More than the instalment's amount cannot be paid of it."),
                "out_of_limits",
            )
        elif paid == amount and paid_on is None:
            row.refuse("paid_on", _("Say on which day it was paid in full."), "missing_value")
        elif paid < amount and paid_on is not None:
            row.refuse("paid_on", _("Leave this empty until all of it is paid."), "not_paid_yet")

    def save(self, rows: Sequence[Row], *, at: datetime, filename: str) -> None:
        for row in rows:
            account = self.accounts[row.values["account"]]
            one = row.instance = row.instance or Instalment(account=account)
            assign(one, given(row, "number", "due_on", "paid_on"))
            one.amount = minor_units(row, "amount", account.currency) or 0
            one.paid = minor_units(row, "paid", account.currency) or one.paid
        write(Instalment, rows, ["due_on", "amount", "paid", "paid_on"])
