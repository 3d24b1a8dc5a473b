"""The file of funds; their unit values come with the file of closes."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from django.db.models import prefetch_related_objects
from django.utils.translation import gettext as _

from apps.core.imports.columns import Choice, Currency, Day, Number, Text, Whole
from apps.core.imports.resource import Row, Stored, TableResource
from apps.products.imports.markets import EXCHANGE, TICKER, Isin, said, unknown
from apps.products.imports.owned import assign, given, write
from apps.products.models.funds import MIX, Aim, Fund
from apps.products.models.markets import Exchange, Underlying

OF_FUND = ("aim", "lag", *MIX, "mix_on")


class FundResource(TableResource):
    """One row a fund; its exchange is the one on whose sessions it is valued."""

    ticker = Text(20, required=True, like=TICKER)
    name = Text(100, required=True)
    exchange = Text(10, required=True, like=EXCHANGE)
    currency = Currency(required=True)
    isin = Isin(12, like=(r"[A-Z]{2}[A-Z0-9]{9}[0-9]", "LU0274208692"))
    aim = Choice(Aim.values, required=True)
    lag = Whole(least=0, most=30)
    shares = Number(digits=6, places=5, least=0)
    bonds = Number(digits=6, places=5, least=0)
    cash = Number(digits=6, places=5, least=0)
    other = Number(digits=6, places=5, least=0)
    mix_on = Day()

    key = ("ticker",)

    class Meta:
        model = Fund

    def look_up(self, rows: Sequence[Row]) -> None:
        self.exchanges = {exchange.code: exchange for exchange in Exchange.objects.all()}
        self.others = set(
            Underlying.objects.filter(
                ticker__in=said(rows, "ticker"), fund__isnull=True
            ).values_list("ticker", flat=True)
        )

    def present(self, rows: Sequence[Row]) -> Iterable[Fund]:
        return Fund.objects.filter(underlying__ticker__in=said(rows, "ticker"))

    def stored(self, instances: Sequence[Fund]) -> Iterator[Stored]:
        prefetch_related_objects(instances, "underlying__exchange")
        for fund in instances:
            share = fund.underlying
            yield Stored(
                fund,
                {
                    "ticker": share.ticker,
                    "name": share.name,
                    "exchange": share.exchange.code,
                    "currency": share.currency,
                    "isin": share.isin or None,
                    **{name: getattr(fund, name) for name in OF_FUND},
                },
            )

    def check(self, row: Row) -> None:
        if row.values["ticker"] in self.others:
            row.refuse(
                "ticker",
                _("%(ticker)s is a share already.") % {"ticker": row.values["ticker"]},
                "known_otherwise",
            )
        code = row.values.get("exchange")
        if code and code not in self.exchanges:
            row.refuse("exchange", unknown(_("exchange"), code, self.exchanges), "unknown_exchange")
        for column in {"exchange", "currency"} & row.changes if row.stored else ():
            row.refuse(
                column,
                _("%(ticker)s has had %(before)s so far; change that in the back office.")
                % {"ticker": row.values["ticker"], "before": row.stored.values[column]},  # type: ignore[union-attr]
                "known_otherwise",
            )
        self._check_mix(row)

    def _check_mix(self, row: Row) -> None:
        said_of_it = {name: row.values.get(name) for name in (*MIX, "mix_on")}
        if not any(value is not None for value in said_of_it.values()):
            return
        for name, value in said_of_it.items():
            if value is None:
                row.refuse(
                    name,
                    _("A mix says all its parts and its day; write 0 for none."),
                    "missing_value",
                )
        parts = [part for name in MIX if (part := said_of_it[name]) is not None]
        if len(parts) == len(MIX) and sum(parts) != 1:
            row.refuse(
                MIX[0],
                _("The parts of the mix add up to %(sum)s, not to 1.")
                % {"sum": self.fields[MIX[0]].write(sum(parts))},
                "wrong_sum",
            )

    def save(self, rows: Sequence[Row], *, at: datetime, filename: str) -> None:
        for row in rows:
            fund = row.instance = row.instance or Fund(
                underlying=Underlying(kind=Underlying.Kind.FUND)
            )
            assign(fund.underlying, given(row, "ticker", "name", "currency", "isin"))
            fund.underlying.exchange = self.exchanges[row.values["exchange"]]
        shares = [row.instance.underlying for row in rows]
        Underlying.objects.bulk_create([share for share in shares if not share.pk])
        Underlying.objects.bulk_update(
            [row.instance.underlying for row in rows if row.stored], ["name", "isin"]
        )
        for row in rows:
            row.instance.underlying = row.instance.underlying  # whose key is known by now
            assign(row.instance, given(row, *OF_FUND))
        write(Fund, rows, OF_FUND)
