"""The files of trading days, shares and corporate actions."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from difflib import get_close_matches
from typing import Any

from django.db.models import prefetch_related_objects
from django.utils.translation import gettext as _

from apps.core.imports.columns import Choice, Currency, Day, Number, Text, TimeOfDay, TimeZone
from apps.core.imports.resource import Row, Stored, TableResource
from apps.products.actions.calendars import add_sessions
from apps.products.actions.restatement.ordering import propose_actions
from apps.products.models.calendars import CalendarOverride
from apps.products.models.markets import CorporateAction, Exchange, TradingDay, Underlying

TICKER = (r"[A-Z0-9^][A-Z0-9.^-]*", "AAPL")
EXCHANGE = (r"[A-Z0-9]+", "XNYS")


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """Say that there is no such thing, with the nearest name that there is."""
    near = get_close_matches(name, list(known), n=1)
    words = {"kind": kind, "name": name, "near": near[0] if near else ""}
    if near:
        return _("There is no %(kind)s “%(name)s”; did you mean “%(near)s”?") % words
    return _("There is no %(kind)s “%(name)s” yet; import it first.") % words


def said(rows: Sequence[Row], column: str) -> set[Any]:
    """Return everything that a column says in a file."""
    return {row.values[column] for row in rows if row.values.get(column) is not None}


class TradingDayResource(TableResource):
    """One row a session of an exchange; what a person has overridden is not changed by a file."""

    exchange = Text(10, required=True, like=EXCHANGE)
    day = Day(required=True)
    closes_at = TimeOfDay()

    key = ("exchange", "day")

    class Meta:
        model = TradingDay

    def look_up(self, rows: Sequence[Row]) -> None:
        self.exchanges = {exchange.code: exchange for exchange in Exchange.objects.all()}
        overrides = CalendarOverride.objects.filter(day__in=said(rows, "day")).order_by("pk")
        self.overrides = {
            (override.exchange.code, override.day): override
            for override in overrides.select_related("exchange")
        }

    def present(self, rows: Sequence[Row]) -> Iterable[TradingDay]:
        return TradingDay.objects.filter(
            exchange__code__in=said(rows, "exchange"), day__in=said(rows, "day")
        )

    def stored(self, instances: Sequence[TradingDay]) -> Iterator[Stored]:
        prefetch_related_objects(instances, "exchange")
        for each in instances:
            yield Stored(
                each,
                {"exchange": each.exchange.code, "day": each.day, "closes_at": each.closes_at},
            )

    def check(self, row: Row) -> None:
        code = row.values["exchange"]
        if code not in self.exchanges:
            row.refuse("exchange", unknown(_("exchange"), code, self.exchanges), "unknown_exchange")
        override = self.overrides.get((code, row.values["day"]))
        if override and row.changes:
            row.refuse(
                "day",
                _("Overridden by a person: %(exchange)s %(kind)s (%(reason)s).")
                % {
                    "exchange": code,
                    "kind": override.get_kind_display(),
                    "reason": override.reason,
                },
                "overridden",
            )

    def save(self, rows: Sequence[Row], *, at: datetime, filename: str) -> None:
        add_sessions(
            [
                (
                    self.exchanges[row.values["exchange"]].pk,
                    row.values["day"],
                    row.values.get("closes_at"),
                )
                for row in rows
            ],
            at=at,
        )


class Isin(Text):
    """An ISIN whose last digit is right (ISO 6166)."""

    def parse(self, text: str) -> str:
        isin = super().parse(text)
        digits = "".join(str(int(sign, 36)) for sign in isin)
        doubled = (int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits)))
        if sum(sum(divmod(number, 10)) for number in doubled) % 10:
            raise ValueError(_("“%(cell)s” is mistyped: its last digit is wrong.") % {"cell": isin})
        return isin


class UnderlyingResource(TableResource):
    """One row a share; its exchange comes along where it is new."""

    ticker = Text(20, required=True, like=TICKER)
    name = Text(100, required=True)
    exchange = Text(10, required=True, like=EXCHANGE)
    currency = Currency(required=True)
    kind = Choice(Underlying.Kind.values)
    jump_limit = Number(digits=6, places=4, above=0)
    isin = Isin(12, like=(r"[A-Z]{2}[A-Z0-9]{9}[0-9]", "US0378331005"))
    exchange_name = Text(100)
    exchange_time_zone = TimeZone()
    exchange_closes_at = TimeOfDay()

    key = ("ticker",)

    class Meta:
        model = Underlying

    def look_up(self, rows: Sequence[Row]) -> None:
        self.exchanges = {exchange.code: exchange for exchange in Exchange.objects.all()}

    def present(self, rows: Sequence[Row]) -> Iterable[Underlying]:
        return Underlying.objects.filter(ticker__in=said(rows, "ticker"))

    def stored(self, instances: Sequence[Underlying]) -> Iterator[Stored]:
        prefetch_related_objects(instances, "exchange")
        for share in instances:
            yield Stored(
                share,
                {
                    "ticker": share.ticker,
                    "name": share.name,
                    "exchange": share.exchange.code,
                    "currency": share.currency,
                    "isin": share.isin or None,
                    "kind": share.kind,
                    "jump_limit": share.jump_limit,
                    **_details(share.exchange),
                },
            )

    def check(self, row: Row) -> None:
        if row.stored:
            for column in {"exchange", "currency", "kind"} & row.changes:
                row.refuse(
                    column,
                    _("%(ticker)s has had %(before)s so far; change that in the back office.")
                    % {"ticker": row.values["ticker"], "before": row.stored.values[column]},
                    "known_otherwise",
                )
        code = row.values.get("exchange")
        if code and row.values.get("name"):
            self._check_exchange(row, code)

    def _check_exchange(self, row: Row, code: str) -> None:
        known = self.exchanges.get(code)
        given = {name: row.values.get(name) for name in EXCHANGE_DETAILS}
        if known is None and all(given.values()):
            self.exchanges[code] = Exchange(
                code=code, **{field: given[name] for name, field in EXCHANGE_DETAILS.items()}
            )
            return
        for name, value in given.items():
            if known is None and not value:
                row.refuse(
                    name,
                    _("The exchange %(code)s is new: this must be said.") % {"code": code},
                    "missing_value",
                )
            elif known and value and value != _details(known)[name]:
                row.refuse(
                    name,
                    _("For %(code)s this is %(before)s elsewhere.")
                    % {"code": code, "before": self.fields[name].write(_details(known)[name])},
                    "known_otherwise",
                )

    def save(self, rows: Sequence[Row], *, at: datetime, filename: str) -> None:
        Exchange.objects.bulk_create([each for each in self.exchanges.values() if not each.pk])
        for row in rows:
            share = row.instance = row.instance or Underlying()
            for name in {"ticker", "name", "currency", "isin", "kind", "jump_limit"} & (
                row.values.keys()
            ):
                setattr(share, name, row.values[name])
            share.exchange = self.exchanges[row.values["exchange"]]
        Underlying.objects.bulk_create([row.instance for row in rows if not row.stored])
        Underlying.objects.bulk_update(
            [row.instance for row in rows if row.stored], ["name", "isin", "jump_limit"]
        )


EXCHANGE_DETAILS = {
    "exchange_name": "name",
    "exchange_time_zone": "time_zone",
    "exchange_closes_at": "closes_at",
}


def _details(exchange: Exchange) -> dict[str, Any]:
    return {name: getattr(exchange, field) for name, field in EXCHANGE_DETAILS.items()}


class CorporateActionResource(TableResource):
    """One row a split or special dividend; one that is known is not changed by a file."""

    ticker = Text(20, required=True, like=TICKER)
    kind = Choice(CorporateAction.Kind.values, required=True)
    ex_on = Day(required=True)
    ratio = Number(digits=18, places=10, above=0)
    amount = Number(digits=20, places=8, above=0)
    source = Text(200, required=True)

    key = ("ticker", "kind", "ex_on")

    class Meta:
        model = CorporateAction

    def look_up(self, rows: Sequence[Row]) -> None:
        self.shares = {share.ticker: share for share in Underlying.objects.all()}

    def present(self, rows: Sequence[Row]) -> Iterable[CorporateAction]:
        return CorporateAction.objects.filter(underlying__ticker__in=said(rows, "ticker"))

    def stored(self, instances: Sequence[CorporateAction]) -> Iterator[Stored]:
        prefetch_related_objects(instances, "underlying")
        for action in instances:
            own = {name: getattr(action, name) for name in self.fields if name != "ticker"}
            yield Stored(action, {"ticker": action.underlying.ticker, **own})

    def check(self, row: Row) -> None:
        if row.values["ticker"] not in self.shares:
            row.refuse(
                "ticker", unknown(_("share"), row.values["ticker"], self.shares), "unknown_share"
            )
        split = row.values["kind"] == CorporateAction.Kind.SPLIT
        needed, other = ("ratio", "amount") if split else ("amount", "ratio")
        if needed not in row.values and not any(each.column == needed for each in row.faults):
            row.refuse(
                needed,
                _("This must be said for a %(kind)s.") % {"kind": row.values["kind"]},
                "missing_value",
            )
        if other in row.values:
            row.refuse(
                other,
                _("Leave this empty for a %(kind)s.") % {"kind": row.values["kind"]},
                "not_for_this_kind",
            )
        for column in {"ratio", "amount"} & row.changes if row.stored else ():
            row.refuse(
                column,
                _("Known otherwise already; correct it in the back office."),
                "known_otherwise",
            )

    def save(self, rows: Sequence[Row], *, at: datetime, filename: str) -> None:
        for row in rows:
            action = row.instance = row.instance or CorporateAction()
            action.underlying = self.shares[row.values["ticker"]]
            for name in row.values.keys() - {"ticker"}:
                setattr(action, name, row.values[name])
        CorporateAction.objects.bulk_create([row.instance for row in rows if not row.stored])
        CorporateAction.objects.bulk_update(
            [row.instance for row in rows if row.stored], ["source"]
        )
        first: dict[int, date] = {}
        for row in rows:
            if not row.stored:
                share, ex_on = row.instance.underlying_id, row.instance.ex_on
                first[share] = min(ex_on, first.get(share, ex_on))
        reason = _("corporate actions of %(file)s came late") % {"file": filename or _("a file")}
        propose_actions(first, reason=reason, at=at, by=self.by)
