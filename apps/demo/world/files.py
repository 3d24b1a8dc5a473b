"""The demo's CSV files, in the columns that a marketer's files have."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import TypeAlias

from apps.demo.world import closes
from apps.demo.world.people import Contract, Person
from apps.demo.world.strategies import TermSheet

Row: TypeAlias = Mapping[str, object]

CONSENT_TEXT = "2004-1"
NOTE = 1000  # one note of a strategy, in whole units of its currency
PAYMENT_LAG = 5  # sessions
SIGNED_BEFORE = timedelta(days=10)  # a contract is issued before its strategy is struck
STEPS_BACK = timedelta(days=13)  # after it, its client may still step back


@dataclass(frozen=True)
class File:
    """One CSV file; `kind` says which import reads it."""

    kind: str
    name: str
    rows: Sequence[Row]

    @property
    def content(self) -> bytes:
        written = io.StringIO(newline="")
        # A column that some row has and others lack is there, and empty.
        columns = list(dict.fromkeys(column for row in self.rows for column in row))
        writer = csv.DictWriter(written, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        return written.getvalue().encode()


def trading_days() -> File:
    rows = [
        {"exchange": code, "day": day}
        for code in closes.EXCHANGES
        for day in closes.sessions()
        if day >= date(2004, 8, 1)
    ]
    return File("trading_days", "trading-days.csv", rows)


def underlyings() -> File:
    rows = [
        {
            "ticker": share.ticker,
            "name": share.name,
            "exchange": share.exchange,
            "currency": "USD",
            "isin": share.isin,
            "exchange_name": closes.EXCHANGES[share.exchange],
            "exchange_time_zone": closes.NEW_YORK.key,
            "exchange_closes_at": f"{closes.CLOSES_AT:%H:%M}",
        }
        for share in closes.SHARES
    ]
    return File("underlyings", "underlyings.csv", rows)


def splits() -> File:
    rows = [
        {"ticker": ticker, "kind": "split", "ex_on": ex_on, "ratio": ratio, "source": "demo"}
        for ticker, ex_on, ratio in closes.SPLITS
    ]
    return File("corporate_actions", "splits.csv", rows)


def quotes(days: Sequence[date]) -> File:
    """Write the closes of some sessions; the file is called after the last of them."""
    rows = [
        {"day": day, "ticker": ticker, "close": close}
        for day in days
        for ticker, close in sorted(closes.closes()[day].items())
    ]
    return File("quotes", f"closes-{days[-1]}.csv", rows)


def clients(persons: Iterable[Person], day: date) -> File:
    rows = [
        {
            "core_id": person.core_id,
            "first_name": person.first_name,
            "last_name": person.last_name,
            "birth_on": person.birth_on,
            "language": person.home.language,
            "time_zone": person.home.time_zone,
            "phone": person.phone,
            "email": person.email,
            "preferred_channel": person.preferred_channel,
            "quiet_from": f"{person.quiet_from:%H:%M}",
            "quiet_until": f"{person.quiet_until:%H:%M}",
            **consents(person.consents),
            "attr_fictional": "yes",
        }
        for person in persons
    ]
    return File("clients", f"clients-{day}.csv", rows)


def withdrawals(persons: Iterable[Person]) -> File:
    """Write that some clients have withdrawn every consent they gave."""
    rows = [{"core_id": person.core_id, **consents(())} for person in persons if person.withdraws]
    return File("clients", "withdrawn-consents.csv", rows)


def consents(granted: Iterable[tuple[str, str]]) -> dict[str, str]:
    channels: dict[str, list[str]] = {"service": [], "digest": []}
    for purpose, channel in granted:
        channels[purpose].append(channel)
    return {
        **{f"consent_{purpose}": " ".join(named) or "none" for purpose, named in channels.items()},
        "consent_text": CONSENT_TEXT,
    }


def strategy(sheet: TermSheet) -> File:
    row = {
        "code": sheet.code,
        "name": sheet.name,
        "currency": sheet.currency,
        "denomination": NOTE,
        "state": "published",
        "struck_on": sheet.struck_on,
        "matures_on": sheet.matures_on,
        "underlyings": "; ".join(f"{ticker} {close}" for ticker, close in sheet.fixings.items()),
        "observations": "; ".join(f"{day}" for day in sheet.scheduled),
        "coupon_rate": sheet.rate,
        "coupon_barrier": sheet.barrier,
        "memory": "yes",
        "payment_lag": PAYMENT_LAG,
        **sheet.terms,
    }
    return File("strategies", f"strategy-{sheet.code}.csv", [row])


def policies(sheet: TermSheet, held: Iterable[Contract]) -> File:
    rows = [
        {
            "number": contract.number,
            "core_id": contract.person.core_id,
            "strategy": sheet.code,
            "nominal": contract.nominal,
            "premium": contract.nominal,
            "currency": sheet.currency,
            "starts_on": sheet.struck_on,
            "ends_on": sheet.matures_on,
            "issued_on": sheet.struck_on - SIGNED_BEFORE,
            "waiting_until": sheet.struck_on + STEPS_BACK,
            **paid_in(contract, sheet),
        }
        for contract in held
    ]
    return File("policies", f"policies-{sheet.code}.csv", rows)


def paid_in(contract: Contract, sheet: TermSheet) -> dict[str, object]:
    """Write how a premium is paid: by most at once, by every third client in four quarters."""
    quarters = contract.person.number % 3 == 0
    return {
        "plan_amount": Decimal(contract.nominal) / (4 if quarters else 1),
        "plan_frequency": "quarterly" if quarters else "once",
        "plan_first_on": sheet.struck_on,
        "plan_last_on": sheet.struck_on + timedelta(days=300 if quarters else 0),
    }
