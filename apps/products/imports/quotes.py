"""The file of closing prices."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from django.db.models import prefetch_related_objects
from django.utils.translation import gettext as _

from apps.core.imports.columns import Currency, Day, Number, Text
from apps.core.imports.resource import Row, Stored, TableResource
from apps.products.actions.intake import HELD
from apps.products.actions.quotes import QuoteRow, record_quotes
from apps.products.imports.markets import TICKER, said, unknown
from apps.products.models.markets import Quote, Underlying


class QuoteResource(TableResource):
    """One row the raw close of a share on a day."""

    ticker = Text(20, required=True, like=TICKER)
    day = Day(required=True)
    close = Number(digits=20, places=8, above=0, required=True)
    currency = Currency()

    key = ("ticker", "day")
    saves_unchanged = True  # a close repeated after the exchange closed is no longer an early one

    class Meta:
        model = Quote

    def look_up(self, rows: Sequence[Row]) -> None:
        self.currencies = dict(Underlying.objects.values_list("ticker", "currency"))

    def present(self, rows: Sequence[Row]) -> Iterable[Quote]:
        days = said(rows, "day")
        if not days:
            return Quote.objects.none()
        return Quote.objects.filter(
            is_current=True,
            underlying__ticker__in=said(rows, "ticker"),
            day__range=(min(days), max(days)),
        )

    def stored(self, instances: Sequence[Quote]) -> Iterator[Stored]:
        prefetch_related_objects(instances, "underlying")
        for quote in instances:
            if quote.is_current:
                yield Stored(
                    quote,
                    {
                        "ticker": quote.underlying.ticker,
                        "day": quote.day,
                        "close": quote.close,
                        "currency": quote.underlying.currency,
                    },
                )

    def check(self, row: Row) -> None:
        ticker, currency = row.values["ticker"], row.values.get("currency")
        own = self.currencies.get(ticker)
        if own is None:
            row.refuse("ticker", unknown(_("share"), ticker, self.currencies), "unknown_share")
        elif currency and currency != own:
            row.refuse(
                "currency",
                _("%(ticker)s trades in %(own)s, not in %(other)s.")
                % {"ticker": ticker, "own": own, "other": currency},
                "other_currency",
            )

    def save(self, rows: Sequence[Row], *, at: datetime, filename: str) -> None:
        report = record_quotes(
            (QuoteRow(*(row.values[name] for name in ("ticker", "day", "close"))) for row in rows),
            source=f"file:{filename}"[:100],
            at=at,
            by=self.by,
        )
        for held in report.of(HELD):
            rows[held.row].remark("close", _("waits for a second person: %s") % held.reason)
        for refusal in report.refused:
            rows[refusal.row].refuse("close", refusal.reason, "refused_price")
