"""One batch of closes on its way in: what is known of its shares, and what becomes of each row."""

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import connection
from django.db.models import Max, Min
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from apps.products.doubts import Doubt, doubt
from apps.products.models.markets import CorporateAction, Quote, TradingDay, Underlying
from apps.products.queries.due import spoken

# What Quote.close can hold, 20 digits with 8 decimals: one number beyond it would fail a whole feed.
MOST = Decimal("1e12")
SMALLEST = Decimal("1e-8")

BEFORE = """
SELECT asked.share, earlier.day, earlier.close
FROM unnest(%(shares)s::bigint[], %(days)s::date[]) AS asked (share, day)
CROSS JOIN LATERAL (
    SELECT quote.day, quote.close FROM products_quote AS quote
    WHERE quote.underlying_id = asked.share AND quote.day < asked.day
        AND quote.is_current AND quote.state = 'confirmed'
    ORDER BY quote.day DESC LIMIT 1
) AS earlier
"""

Key = tuple[int, date]  # a share and a day
CONFIRMED, HELD, UNCHANGED, REFUSED = "confirmed", "held", "unchanged", "refused"


@dataclass(frozen=True, slots=True)
class QuoteRow:
    """One raw close as a file or feed gives it; an empty currency means the share's own."""

    ticker: str
    day: date
    close: Decimal
    currency: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a row, by its place among the rows given (from 0), and why it is not taken."""

    row: int
    state: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class QuoteReport:
    """What became of every row, in the order given."""

    verdicts: tuple[Verdict, ...] = ()

    def of(self, state: str) -> list[Verdict]:
        return [verdict for verdict in self.verdicts if verdict.state == state]

    @property
    def confirmed(self) -> int:
        return len(self.of(CONFIRMED))

    @property
    def held(self) -> int:
        return len(self.of(HELD))

    @property
    def unchanged(self) -> int:
        return len(self.of(UNCHANGED))

    @property
    def refused(self) -> list[Verdict]:
        return self.of(REFUSED)


@dataclass(slots=True)
class Known:
    """What the database holds of the shares and days of a batch; locked until it is written."""

    shares: dict[str, Underlying]
    quotes: dict[Key, list[Quote]]  # every version of a day
    confirmed: dict[int, list[tuple[date, Decimal]]]
    splits: dict[int, list[tuple[date, Decimal]]]
    sessions: set[Key]  # an exchange and a day
    reach: dict[int, tuple[date, date]]  # an exchange and the days that its calendar covers

    @classmethod
    def of(cls, batch: Sequence[QuoteRow]) -> "Known":
        # Two feeds of one share take turns; their order prevents a deadlock.
        shares = {
            share.ticker: share
            for share in Underlying.objects.select_for_update(no_key=True, of=("self",))
            .select_related("exchange")
            .filter(ticker__in={row.ticker for row in batch})
            .order_by("pk")
        }
        days = {row.day for row in batch}
        if not shares or not days:
            return cls(shares, {}, {}, {}, set(), {})
        quotes: dict[Key, list[Quote]] = defaultdict(list)
        confirmed: dict[int, list[tuple[date, Decimal]]] = defaultdict(list)
        stored = Quote.objects.filter(underlying__in=shares.values())
        for quote in stored.filter(day__in=days):
            quotes[quote.underlying_id, quote.day].append(quote)
            if quote.is_current and quote.state == Quote.State.CONFIRMED:
                confirmed[quote.underlying_id].append((quote.day, quote.close))
        for share_id, day, close in _closes_before(batch, shares):
            confirmed[share_id].append((day, close))
        for share_id, known in confirmed.items():
            confirmed[share_id] = sorted(set(known))
        splits: dict[int, list[tuple[date, Decimal]]] = defaultdict(list)
        for share_id, ex_on, ratio in CorporateAction.objects.filter(
            underlying__in=shares.values(), kind=CorporateAction.Kind.SPLIT
        ).values_list("underlying_id", "ex_on", "ratio"):
            splits[share_id].append((ex_on, ratio or Decimal(1)))
        calendar = TradingDay.objects.filter(
            exchange__in={share.exchange_id for share in shares.values()}
        )
        sessions = set(calendar.filter(day__in=days).values_list("exchange_id", "day"))
        reach = {
            exchange: (first, last)
            for exchange, first, last in calendar.values_list("exchange_id").annotate(
                Min("day"), Max("day")
            )
        }
        return cls(shares, quotes, confirmed, splits, sessions, reach)

    def current(self, key: Key) -> Quote | None:
        return next((quote for quote in self.quotes.get(key, ()) if quote.is_current), None)

    def former(self, key: Key, state: Quote.State) -> list[Quote]:
        """Return the versions of a day in a state that are not the current one."""
        found = self.quotes.get(key, ())
        return [quote for quote in found if not quote.is_current and quote.state == state]

    def closed(self, share: Underlying, day: date) -> bool:
        """Say whether the share's exchange is known not to have traded that day."""
        if share.kind == Underlying.Kind.CURRENCY_PAIR:
            return False
        first, last = self.reach.get(share.exchange_id, (date.max, date.min))
        return first <= day <= last and (share.exchange_id, day) not in self.sessions


@dataclass(slots=True)
class Intake:
    """Decides row by row, then writes all at once."""

    source: str
    at: datetime
    by: AbstractBaseUser | None
    known: Known
    verdicts: list[Verdict] = field(default_factory=list)
    new: dict[Key, Quote] = field(default_factory=dict)
    renewed: list[int] = field(default_factory=list)
    replaced: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def of(
        cls,
        batch: Sequence[QuoteRow],
        *,
        source: str,
        at: datetime,
        by: AbstractBaseUser | None,
    ) -> "Intake":
        return cls(source, at, by, Known.of(batch))

    def take(self, place: int, row: QuoteRow) -> None:
        """Decide what becomes of a row."""
        share = self.known.shares.get(row.ticker)
        if share is None:
            refusal = _("There is no share %(ticker)s.") % {"ticker": row.ticker}
        else:
            refusal = self._nonsense(share, row)
        if share is None or refusal:
            self.verdicts.append(Verdict(place, REFUSED, refusal))
        else:
            self.verdicts.append(Verdict(place, *self._taken(share, row)))

    def write(self) -> None:
        for state, ids in self.replaced.items():
            Quote.objects.filter(pk__in=ids).update(state=state, is_current=False)
        Quote.objects.filter(pk__in=self.renewed).update(received_at=self.at)
        Quote.objects.bulk_create(self.new.values(), batch_size=10_000)

    def report(self) -> QuoteReport:
        return QuoteReport(tuple(sorted(self.verdicts, key=lambda verdict: verdict.row)))

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
        if self.known.closed(share, row.day):
            words["exchange"] = share.exchange.code
            return (
                _(
                    "%(ticker)s: %(exchange)s did not trade on %(day)s. If it did, add the day to "
                    "its calendar first."
                )
                % words
            )
        return ""

    def _taken(self, share: Underlying, row: QuoteRow) -> tuple[str, str]:
        """Return the state of a sensible row and the reason for it."""
        key = (share.pk, row.day)
        if key in self.new:
            return self._again(self.new[key].close, row)
        known = self.known.current(key)
        if known is None:
            return self._add(share, row, self._odd(share, row))
        early = known.received_at < share.exchange.close_of(row.day)
        if known.close == row.close:
            if early and self.at >= share.exchange.close_of(row.day):
                self.renewed.append(known.pk)  # it came too early and is now known to be the close
            return UNCHANGED, ""
        if known.state == Quote.State.HELD or early:
            self._forget(known)
            # One that counted for a while stays confirmed, as a former version.
            held = known.state == Quote.State.HELD
            self.replaced["replaced" if held else "confirmed"].append(known.pk)
            return self._add(share, row, self._odd(share, row))
        return self._restate(share, row, known)

    def _restate(self, share: Underlying, row: QuoteRow, known: Quote) -> tuple[str, str]:
        """Hold another close of a confirmed day, unless a person has decided on it already."""
        key = (share.pk, row.day)
        waiting = self.known.former(key, Quote.State.HELD)
        decided = self.known.former(key, Quote.State.REJECTED)
        if row.close in {quote.close for quote in (*waiting, *decided)}:
            return UNCHANGED, ""
        self.replaced["replaced"] += [quote.pk for quote in waiting]
        reason = _("would restate the confirmed close %(close)s by %(change)s %%") % {
            "close": plain(known.close),
            "change": _signed(row.close / known.close - 1, places=2),
        }
        return self._add(share, row, reason, current=False)

    def _add(
        self, share: Underlying, row: QuoteRow, doubts: str, *, current: bool = True
    ) -> tuple[str, str]:
        if not doubts:
            insort(self.known.confirmed[share.pk], (row.day, row.close))
        key = (share.pk, row.day)
        versions = [quote.version for quote in self.known.quotes.get(key, ())]
        self.new[key] = Quote(
            underlying=share,
            day=row.day,
            close=row.close,
            source=self.source,
            state=Quote.State.HELD if doubts else Quote.State.CONFIRMED,
            held_because=doubts,
            received_at=self.at,
            brought_by_id=self.by.pk if self.by else None,
            confirmed_at=None if doubts else self.at,
            version=max(versions, default=0) + 1,
            is_current=current,
        )
        return (HELD, doubts) if doubts else (CONFIRMED, "")

    def _odd(self, share: Underlying, row: QuoteRow) -> str:
        """Say what is odd against the confirmed close before it, if anything is."""
        earlier = self.known.confirmed[share.pk]
        at = bisect_left(earlier, (row.day,))
        if not at:
            return ""
        day, expected = earlier[at - 1]
        for ex_on, ratio in self.known.splits[share.pk]:
            if day < ex_on <= row.day:
                expected /= ratio
        limit = settings.QUOTE_JUMP if share.jump_limit is None else share.jump_limit
        words = {"day": spoken(day), "change": _signed(row.close / expected - 1)}
        match doubt(row.close, expected, limit):
            case Doubt.HUNDREDFOLD:
                return _("about 100 times the close of %(day)s: pence for pounds?") % words
            case Doubt.HUNDREDTH:
                return _("about a hundredth of the close of %(day)s: pounds for pence?") % words
            case Doubt.JUMP:
                return _("jump of %(change)s %% against %(day)s") % words
        return ""

    def _forget(self, known: Quote) -> None:
        closes = self.known.confirmed[known.underlying_id]
        if (known.day, known.close) in closes:
            closes.remove((known.day, known.close))

    def _again(self, close: Decimal, row: QuoteRow) -> tuple[str, str]:
        if close == row.close:
            return UNCHANGED, ""
        return REFUSED, _("%(ticker)s %(day)s: two closes are given, %(one)s and %(other)s.") % {
            "ticker": row.ticker,
            "day": spoken(row.day),
            "one": plain(close),
            "other": plain(row.close),
        }


def _closes_before(
    batch: Sequence[QuoteRow], shares: Mapping[str, Underlying]
) -> list[tuple[int, date, Decimal]]:
    """Return the confirmed close before each row's day, and not the years that lie between rows."""
    asked = {(shares[row.ticker].pk, row.day) for row in batch if row.ticker in shares}
    with connection.cursor() as cursor:
        cursor.execute(
            BEFORE, {"shares": [pk for pk, _day in asked], "days": [day for _pk, day in asked]}
        )
        found: list[tuple[int, date, Decimal]] = cursor.fetchall()
    return found


def plain(number: Decimal) -> str:
    return f"{number.normalize():f}"


def _signed(change: Decimal, *, places: int = 1) -> str:
    percent = number_format(abs(change) * 100, decimal_pos=places)
    return f"{'−' if change < 0 else '+'}{percent}"
