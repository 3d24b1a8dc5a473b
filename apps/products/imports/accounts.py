"""The files of accounts and of what was booked in them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from fractions import Fraction

from django.db.models import prefetch_related_objects
from django.utils.translation import gettext as _

from apps.core import money
from apps.core.imports.columns import Choice, Currency, Day, Number, Text
from apps.core.imports.resource import Row, Stored, TableResource
from apps.products import returns
from apps.products.imports.amounts import Balance, minor_units
from apps.products.imports.markets import TICKER, said, unknown
from apps.products.imports.owned import BATCH, OwnedResource, assign, core_id, given, write
from apps.products.models.accounts import Account, Transaction
from apps.products.models.funds import ModelPortfolio
from apps.products.models.markets import Underlying
from apps.products.queries.prices import splits_of


class AccountResource(OwnedResource):
    """One row an account of funds or shares."""

    number = Text(40, required=True)
    core_id = Text(200, required=True)
    name = Text(100, required=True)
    currency = Currency(required=True)
    kind = Choice(Account.Kind.values)
    portfolio = Text(40)
    opened_on = Day(required=True)
    closed_on = Day()

    key = ("number",)

    class Meta:
        model = Account

    def look_up(self, rows: Sequence[Row]) -> None:
        super().look_up(rows)
        self.portfolios = {one.code: one for one in ModelPortfolio.objects.all()}
        self.booked = set(
            Transaction.objects.filter(account__number__in=said(rows, "number")).values_list(
                "account__number", flat=True
            )
        )

    def present(self, rows: Sequence[Row]) -> Iterable[Account]:
        return Account.objects.filter(number__in=said(rows, "number"))

    def stored(self, instances: Sequence[Account]) -> Iterator[Stored]:
        prefetch_related_objects(instances, "client__identifiers", "portfolio")
        for one in instances:
            own = {
                name: getattr(one, name)
                for name in ("number", "name", "currency", "kind", "opened_on", "closed_on")
            }
            portfolio = one.portfolio.code if one.portfolio else None
            yield Stored(one, {**own, "core_id": core_id(one.client), "portfolio": portfolio})

    def check(self, row: Row) -> None:
        super().check(row)
        code, currency = row.values.get("portfolio"), row.values.get("currency")
        if code and code not in self.portfolios:
            row.refuse(
                "portfolio", unknown(_("portfolio"), code, self.portfolios), "unknown_portfolio"
            )
        elif code and currency and self.portfolios[code].currency != currency:
            row.refuse(
                "portfolio",
                _("%(portfolio)s is in %(own)s, the account in %(other)s.")
                % {
                    "portfolio": code,
                    "own": self.portfolios[code].currency,
                    "other": currency,
                },
                "other_currency",
            )
        if row.stored and "currency" in row.changes and row.values["number"] in self.booked:
            row.refuse(
                "currency",
                _("The account has bookings already; this no longer changes."),
                "no_longer_changes",
            )
        opened_on, closed_on = row.values.get("opened_on"), row.values.get("closed_on")
        if opened_on and closed_on and closed_on < opened_on:
            row.refuse(
                "closed_on", _("An account cannot close before it opens."), "days_out_of_order"
            )

    def save(self, rows: Sequence[Row], *, at: datetime, filename: str) -> None:
        own = ("number", "name", "currency", "kind", "opened_on", "closed_on")
        for row in rows:
            row.instance = row.instance or Account(client_id=self.owner(row))
            assign(row.instance, given(row, *own))
            if code := row.values.get("portfolio"):
                row.instance.portfolio = self.portfolios[code]
        write(Account, rows, [*own[1:], "portfolio"])


class TransactionResource(TableResource):
    """One row a booking; one that is known is not changed by a file."""

    reference = Text(60, required=True)
    account = Text(40, required=True)
    kind = Choice(Transaction.Kind.values, required=True)
    day = Day(required=True)
    ticker = Text(20, like=TICKER)
    units = Number(digits=20, places=8, above=0)
    amount = Balance(required=True)
    currency = Currency(required=True)

    key = ("reference",)

    class Meta:
        model = Transaction

    def look_up(self, rows: Sequence[Row]) -> None:
        self.accounts = {
            one.number: one for one in Account.objects.filter(number__in=said(rows, "account"))
        }
        self.shares = {
            one.ticker: one
            for one in Underlying.objects.exclude(
                kind__in=[Underlying.Kind.CURRENCY_PAIR, Underlying.Kind.INDEX]
            )
        }

    def present(self, rows: Sequence[Row]) -> Iterable[Transaction]:
        return Transaction.objects.filter(reference__in=said(rows, "reference"))

    def stored(self, instances: Sequence[Transaction]) -> Iterator[Stored]:
        prefetch_related_objects(instances, "account", "underlying")
        for one in instances:
            currency = one.account.currency
            yield Stored(
                one,
                {
                    "reference": one.reference,
                    "account": one.account.number,
                    "kind": one.kind,
                    "day": one.day,
                    "ticker": one.underlying.ticker if one.underlying else None,
                    "units": one.units,
                    "amount": money.major_units(one.amount, money.decimals(currency)),
                    "currency": currency,
                },
            )

    def check(self, row: Row) -> None:
        for column in row.changes if row.stored else ():
            row.refuse(
                column,
                _("Known otherwise already; correct it in the back office."),
                "known_otherwise",
            )
        number, currency = row.values.get("account"), row.values.get("currency")
        account = self.accounts.get(number or "")
        if number and account is None:
            row.refuse("account", unknown(_("account"), number, ()), "unknown_account")
        if account and currency:
            self._check_currency(row, account, currency)
        self._check_dealt(row)

    def _check_currency(self, row: Row, account: Account, currency: str) -> None:
        ticker = row.values.get("ticker")
        share = self.shares.get(ticker or "")
        if currency != account.currency:
            row.refuse(
                "currency",
                _("The account %(account)s is in %(currency)s.")
                % {"account": account, "currency": account.currency},
                "other_currency",
            )
        elif share and share.currency != account.currency:
            row.refuse(
                "ticker",
                _("%(ticker)s is in %(own)s, the account in %(other)s.")
                % {"ticker": ticker, "own": share.currency, "other": account.currency},
                "other_currency",
            )
        else:
            minor_units(row, "amount", currency)

    def _check_dealt(self, row: Row) -> None:
        """Refuse a trade without units, units without a trade, and money without a reason."""
        kind, ticker = row.values.get("kind"), row.values.get("ticker")
        if ticker and ticker not in self.shares:
            row.refuse("ticker", unknown(_("fund or share"), ticker, self.shares), "unknown_share")
        if kind and kind != Transaction.Kind.FEE and not row.cells.get("ticker", "").strip():
            row.refuse(
                "ticker", _("This must be said for a %(kind)s.") % {"kind": kind}, "missing_value"
            )
        if kind in Transaction.TRADES and not row.cells.get("units", "").strip():
            row.refuse(
                "units", _("This must be said for a %(kind)s.") % {"kind": kind}, "missing_value"
            )
        if kind and kind not in Transaction.TRADES:
            if "units" in row.values:
                row.refuse(
                    "units",
                    _("Leave this empty for a %(kind)s.") % {"kind": kind},
                    "not_for_this_kind",
                )
            if row.values.get("amount") == 0:
                row.refuse("amount", _("The amount must be above zero."), "out_of_limits")

    def save(self, rows: Sequence[Row], *, at: datetime, filename: str) -> None:
        # Two files that sell from one account take turns, so that both see what is left.
        list(
            Account.objects.select_for_update(no_key=True)
            .filter(number__in=said(rows, "account"))
            .order_by("pk")
            .values_list("pk")
        )
        for row in rows:
            row.instance = Transaction(
                account=self.accounts[row.values["account"]],
                underlying=self.shares.get(row.values.get("ticker", "")),
                amount=minor_units(row, "amount", row.values["currency"]) or 0,
                **given(row, "reference", "kind", "day", "units"),
            )
        Transaction.objects.bulk_create([row.instance for row in rows], BATCH)
        _refuse_oversold([row for row in rows if row.values["kind"] == Transaction.Kind.SELL])


def _refuse_oversold(sales: Sequence[Row]) -> None:
    """Refuse every sale after which fewer than no units would be left, splits considered."""
    sold = {(row.instance.account_id, row.instance.underlying_id) for row in sales}
    splits = splits_of({share for _account, share in sold})
    booked: dict[tuple[int, int | None], list[Transaction]] = defaultdict(list)
    everything = Transaction.objects.filter(
        account__in={account for account, _share in sold}, kind__in=Transaction.TRADES
    )
    # What was bought on a day may be sold on it.
    for one in everything.order_by("day", "kind", "pk"):
        booked[one.account_id, one.underlying_id].append(one)
    short = set()
    for key in sold:
        left = Fraction(0)
        last = max(one.day for one in booked[key])
        for one in booked[key]:
            units = Fraction(one.units or 0) * returns.factor(splits.get(key[1], ()), one.day, last)
            left += units if one.kind == Transaction.Kind.BUY else -units
            if left < 0:
                short.add(one.pk)
    for row in sales:
        if row.instance.pk in short:
            row.refuse(
                "units",
                _("The account %(account)s has fewer units of %(ticker)s on that day.")
                % {"account": row.values["account"], "ticker": row.values["ticker"]},
                "not_enough_units",
            )
