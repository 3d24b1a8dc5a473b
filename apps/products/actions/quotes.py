"""Closing prices: taken in once, doubted where they jump, confirmed by a person."""

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from apps.products.models.markets import CorporateAction, Quote, Underlying
from apps.products.queries.due import spoken

JUMP = Decimal("0.25")  # a close that moves further than this in one step is looked at by a person
# What Quote.close can hold, 20 digits with 8 decimals: one number beyond it would fail a whole feed.
MOST = Decimal("1e12")
SMALLEST = Decimal("1e-8")


@dataclass(frozen=True, slots=True)
class QuoteRow:
    """One raw close as a file or feed gives it; an empty currency means the share's own."""

    ticker: str
    day: date
    close: Decimal
    currency: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row that was not taken, by its place among the rows given (from 0), and why."""

    row: int
    reason: str


@dataclass(slots=True)
class QuoteReport:
    """What became of the rows: how many were new and confirmed, held, or nothing new."""

    confirmed: int = 0
    held: int = 0
    unchanged: int = 0
    refused: list[Refusal] = field(default_factory=list)


@transaction.atomic
def record_quotes(rows: Iterable[QuoteRow], *, source: str, at: datetime) -> QuoteReport:
    """Record raw closes received at `at`; a handful of statements whatever their number.

    A new close is CONFIRMED, or HELD when it jumps by more than a quarter against the confirmed
    close before it, known splits considered; so is every later one until a person has looked, for
    the jump may be a split that nobody has entered. The same close again changes nothing. A different one
    replaces a close that is held or came before the exchange closed (the old row stays as a former
    version) and is refused where the day has a confirmed close: that would be a restatement.
    Rows that are refused stand in the report; the caller decides whether the others land.
    """
    batch = list(rows)
    intake = _Intake.of(batch, source=source, at=at)
    # Per share in order of days, so that each close is compared with the one before it.
    for place in sorted(range(len(batch)), key=lambda n: (batch[n].ticker, batch[n].day, n)):
        reason = intake.take(place, batch[place])
        if reason:
            intake.report.refused.append(Refusal(place, reason))
    intake.write()
    intake.report.refused.sort(key=lambda refusal: refusal.row)
    return intake.report


def confirm_quotes(ids: Sequence[int], *, by: AbstractBaseUser | None, at: datetime) -> int:
    """Confirm held closes; return how many. One that was replaced meanwhile stays untouched."""
    return Quote.objects.filter(pk__in=ids, is_current=True, state=Quote.State.HELD).update(
        state=Quote.State.CONFIRMED, held_because="", confirmed_at=at, confirmed_by=by
    )


@dataclass(slots=True)
class _Intake:
    """One batch on its way in: what is known of its shares, and what shall be written."""

    source: str
    at: datetime
    shares: dict[str, Underlying]
    current: dict[tuple[int, date], Quote]
    confirmed: dict[int, list[tuple[date, Decimal]]]
    splits: dict[int, list[tuple[date, Decimal]]]
    report: QuoteReport = field(default_factory=QuoteReport)
    new: dict[tuple[int, date], tuple[int, Quote]] = field(default_factory=dict)
    renewed: list[int] = field(default_factory=list)
    replaced: dict[int, tuple[int, date]] = field(default_factory=dict)

    @classmethod
    def of(cls, batch: Sequence[QuoteRow], *, source: str, at: datetime) -> "_Intake":
        # Two feeds of one share take turns; their order prevents a deadlock.
        shares = {
            share.ticker: share
            for share in Underlying.objects.select_for_update(no_key=True, of=("self",))
            .select_related("exchange")
            .filter(ticker__in={row.ticker for row in batch})
            .order_by("pk")
        }
        days = [row.day for row in batch]
        quotes = Quote.objects.filter(underlying__in=shares.values(), is_current=True)
        within = list(quotes.filter(day__range=(min(days), max(days)))) if days else []
        before = (
            quotes.filter(day__lt=min(days), state=Quote.State.CONFIRMED)
            .order_by("underlying_id", "-day")
            .distinct("underlying_id")
            if days
            else quotes.none()
        )
        confirmed = defaultdict(list)
        for quote in sorted([*before, *within], key=lambda quote: quote.day):
            if quote.state == Quote.State.CONFIRMED:
                confirmed[quote.underlying_id].append((quote.day, quote.close))
        splits = defaultdict(list)
        for share_id, ex_on, ratio in CorporateAction.objects.filter(
            underlying__in=shares.values(), kind=CorporateAction.Kind.SPLIT
        ).values_list("underlying_id", "ex_on", "ratio"):
            splits[share_id].append((ex_on, ratio or Decimal(1)))
        current = {(quote.underlying_id, quote.day): quote for quote in within}
        return cls(source, at, shares, current, confirmed, splits)

    def take(self, place: int, row: QuoteRow) -> str:
        """Decide what becomes of a row; return why it is refused, if it is."""
        share = self.shares.get(row.ticker)
        if share is None:
            return _("There is no share %(ticker)s.") % {"ticker": row.ticker}
        if reason := self._nonsense(share, row):
            return reason
        key = (share.pk, row.day)
        if key in self.new:
            return self._again(self.new[key][1].close, row)
        known = self.current.get(key)
        if known is None:
            self._add(place, share, row)
            return ""
        early = known.received_at < share.exchange.close_of(row.day)
        if known.close == row.close:
            self._renew(known, share, early=early)
            return ""
        if known.state == Quote.State.HELD or early:
            self._forget(known)
            self.replaced[known.pk] = key
            self._add(place, share, row, version=known.version + 1)
            return ""
        return self._restatement(known.close, row)

    def write(self) -> None:
        """Write what was decided, unless somebody confirmed a close that was to be replaced."""
        current = Quote.objects.filter(is_current=True)
        open_to_change = current.select_for_update().filter(pk__in=self.replaced).order_by("pk")
        for quote in open_to_change:
            known = self.current[quote.underlying_id, quote.day]
            if (quote.state, quote.close) != (known.state, known.close):
                place, lost = self.new.pop(self.replaced.pop(quote.pk))
                row = QuoteRow(lost.underlying.ticker, lost.day, lost.close)
                self.report.refused.append(Refusal(place, self._restatement(quote.close, row)))
        current.filter(pk__in=self.replaced).update(is_current=False)
        current.filter(pk__in=self.renewed).update(received_at=self.at)
        made = [quote for _place, quote in self.new.values()]
        Quote.objects.bulk_create(made, batch_size=10_000)
        self.report.held = sum(quote.state == Quote.State.HELD for quote in made)
        self.report.confirmed = len(made) - self.report.held

    def _nonsense(self, share: Underlying, row: QuoteRow) -> str:
        """Say why a row cannot be a close of this share, if it cannot."""
        words: dict[str, Any] = {"ticker": share.ticker, "day": spoken(row.day)}
        if row.currency and row.currency != share.currency:
            words |= {"own": share.currency, "other": row.currency}
            return _("%(ticker)s trades in %(own)s, not in %(other)s.") % words
        if not row.close.is_finite() or row.close <= 0:
            return _("%(ticker)s: a closing price must be above zero.") % words
        if row.close >= MOST:
            return _("%(ticker)s: a closing price has at most 12 digits before the point.") % words
        if row.close % SMALLEST:
            return _("%(ticker)s: a closing price has at most 8 decimals.") % words
        if row.day > self.at.astimezone(ZoneInfo(share.exchange.time_zone)).date():
            return _("%(ticker)s: %(day)s lies in the future; it has no close yet.") % words
        return ""

    def _add(self, place: int, share: Underlying, row: QuoteRow, version: int = 1) -> None:
        reason = self._jump(share, row)
        if not reason:
            insort(self.confirmed[share.pk], (row.day, row.close))
        self.new[share.pk, row.day] = (
            place,
            Quote(
                underlying=share,
                day=row.day,
                close=row.close,
                source=self.source,
                state=Quote.State.HELD if reason else Quote.State.CONFIRMED,
                held_because=reason,
                received_at=self.at,
                confirmed_at=None if reason else self.at,
                version=version,
            ),
        )

    def _jump(self, share: Underlying, row: QuoteRow) -> str:
        """Say how far the close is from the confirmed one before it, where that is too far."""
        earlier = self.confirmed[share.pk]
        at = bisect_left(earlier, (row.day,))
        if not at:
            return ""
        day, expected = earlier[at - 1]
        for ex_on, ratio in self.splits[share.pk]:
            if day < ex_on <= row.day:
                expected /= ratio
        change = row.close / expected - 1
        if abs(change) <= JUMP:
            return ""
        percent = number_format(abs(change) * 100, decimal_pos=1)
        return _("jump of %(change)s %% against %(day)s") % {
            "change": f"{'−' if change < 0 else '+'}{percent}",
            "day": spoken(day),
        }

    def _renew(self, known: Quote, share: Underlying, *, early: bool) -> None:
        """Count a repeated close; one that came too early is now known to be the close."""
        self.report.unchanged += 1
        if early and self.at >= share.exchange.close_of(known.day):
            self.renewed.append(known.pk)

    def _forget(self, known: Quote) -> None:
        closes = self.confirmed[known.underlying_id]
        if (known.day, known.close) in closes:
            closes.remove((known.day, known.close))

    def _again(self, close: Decimal, row: QuoteRow) -> str:
        if close == row.close:
            self.report.unchanged += 1
            return ""
        return _("%(ticker)s %(day)s: two closes are given, %(one)s and %(other)s.") % {
            "ticker": row.ticker,
            "day": spoken(row.day),
            "one": plain(close),
            "other": plain(row.close),
        }

    def _restatement(self, close: Decimal, row: QuoteRow) -> str:
        return _(
            "%(ticker)s %(day)s: %(close)s is the confirmed close; %(other)s would restate it."
        ) % {
            "ticker": row.ticker,
            "day": spoken(row.day),
            "close": plain(close),
            "other": plain(row.close),
        }


def plain(number: Decimal) -> str:
    return f"{number.normalize():f}"
