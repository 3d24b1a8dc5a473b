"""Closing prices by HTTP: brought by a feed, one or a thousand at a time, and read back."""

import re
from datetime import date
from decimal import Decimal
from typing import Annotated, Any

from django.db.models import Q
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from ninja import Query, Router, Schema
from ninja.errors import HttpError
from pydantic import AfterValidator, BeforeValidator, Field

from apps.core import clock
from apps.core.api import Key
from apps.core.models import ApiKey
from apps.products.actions.intake import REFUSED
from apps.products.actions.quotes import QuoteReport, QuoteRow, record_quotes
from apps.products.imports.markets import TICKER
from apps.products.models.markets import Quote

MOST = 1000  # quotes of one request
LONGEST = 40  # digits before the point, and behind it
NUMBER = re.compile(rf"[+-]?[0-9]{{1,{LONGEST}}}(\.[0-9]{{1,{LONGEST}}})?")
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

router = Router(tags=["quotes"])
writing = Key("quotes:write", gettext_lazy("bring closing prices"))
reading = Key("quotes:read", gettext_lazy("read closing prices"))


def exact(number: Any) -> Any:
    """Take a number as it was written, or as a text of digits; nothing that is nearly one."""
    if isinstance(number, str) and NUMBER.fullmatch(number):
        return Decimal(number)
    if isinstance(number, int | Decimal) and not isinstance(number, bool):
        written = Decimal(number)
        if abs(written.adjusted()) <= LONGEST:  # what lies beyond is none that can be reckoned with
            return written
    raise ValueError(_("write the close with digits and a decimal point, like 273.36"))


def written_day(day: Any) -> Any:
    """Take a day written as year-month-day; a bare number would be read as seconds since 1970."""
    if isinstance(day, date) or (isinstance(day, str) and DAY.fullmatch(day)):
        return day
    raise ValueError(_("write the day as year-month-day, like 2020-02-28"))


def mark(text: str) -> str:
    """Refuse the mark of a page whose day is none."""
    date.fromisoformat(text.partition("_")[0])
    return text


Day = Annotated[date, BeforeValidator(written_day)]


class QuoteIn(Schema):
    """A raw close, as traded, of one share on one day."""

    ticker: Annotated[str, Field(max_length=20, pattern=f"^{TICKER[0]}$", examples=["AAPL"])]
    day: Day
    close: Annotated[Decimal, BeforeValidator(exact), Field(examples=["273.36"])]
    currency: Annotated[
        str, Field(pattern="^([A-Z]{3})?$", description="If given, the share's own.")
    ] = ""


class QuotesIn(Schema):
    """Up to a thousand closes; each is judged by itself."""

    quotes: Annotated[list[QuoteIn], Field(min_length=1, max_length=MOST)]


class VerdictOut(Schema):
    """What became of a close: confirmed, held for a second person, unchanged or refused."""

    ticker: str
    day: date
    state: str
    reason: str


class ReportOut(Schema):
    """What became of every close, in the order sent."""

    confirmed: int
    held: int
    unchanged: int
    refused: int
    results: list[VerdictOut]


class QuoteOut(Schema):
    """A close as it is known."""

    ticker: str
    day: date
    close: str
    currency: str
    state: str
    version: int
    source: str


class PageOut(Schema):
    """Closes in the order of their days; `next` asks for those that follow, if there are any."""

    quotes: list[QuoteOut]
    next: str | None


class Problem(Schema):
    """Why a request was refused."""

    detail: Any


REFUSALS: dict[Any, Any] = dict.fromkeys((400, 401, 403, 405, 413, 422, 429), Problem)  # fmt: skip


@router.post("/quotes", auth=writing, response={200: VerdictOut, **REFUSALS})
def bring_quote(request: HttpRequest, quote: QuoteIn) -> dict[str, Any]:
    """Bring one close. It is stored when the answer is 200; refused, it is 422 with the reason."""
    verdict = told([quote], record(request, [quote]))[0]
    if verdict["state"] == REFUSED:
        raise HttpError(422, verdict["reason"])
    return verdict


@router.post("/quotes/batch", auth=writing, response={200: ReportOut, **REFUSALS})
def bring_quotes(request: HttpRequest, batch: QuotesIn) -> dict[str, Any]:
    """Bring many closes. Each has its own result; those that are refused keep no other out.

    What is not refused is stored when the answer is 200. A body that cannot be read lands nothing.
    """
    report = record(request, batch.quotes)
    return {
        "confirmed": report.confirmed,
        "held": report.held,
        "unchanged": report.unchanged,
        "refused": len(report.refused),
        "results": told(batch.quotes, report),
    }


def record(request: HttpRequest, quotes: list[QuoteIn]) -> QuoteReport:
    key: ApiKey = request.auth  # type: ignore[attr-defined]
    return record_quotes(
        [QuoteRow(each.ticker, each.day, each.close, each.currency) for each in quotes],
        source=f"api:{key.name}",
        at=clock.now(),
        by=key.made_by,  # who holds the key could not confirm by himself what it brings
    )


def told(quotes: list[QuoteIn], report: QuoteReport) -> list[dict[str, Any]]:
    return [
        {
            "ticker": quotes[verdict.row].ticker,
            "day": quotes[verdict.row].day,
            "state": verdict.state,
            "reason": verdict.reason,
        }
        for verdict in report.verdicts
    ]


class Wanted(Schema):
    """Which closes to list."""

    ticker: Annotated[str | None, Field(max_length=20, pattern=f"^{TICKER[0]}$")] = None
    first: Annotated[Day | None, Field(alias="from")] = None
    last: Annotated[Day | None, Field(alias="to")] = None
    state: Quote.State | None = None
    after: Annotated[
        Annotated[str, AfterValidator(mark)] | None,
        Field(
            pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}_[0-9]{1,18}$",
            description="`next` of the page before.",
        ),
    ] = None
    limit: Annotated[int, Field(ge=1, le=MOST)] = 100


@router.get("/quotes", auth=reading, response={200: PageOut, **REFUSALS})
def list_quotes(request: HttpRequest, wanted: Query[Wanted]) -> dict[str, Any]:  # noqa: ARG001 (by name)
    """List the current closes, a page at a time, held ones too."""
    said = {
        "underlying__ticker": wanted.ticker,
        "day__gte": wanted.first,
        "day__lte": wanted.last,
        "state": wanted.state,
    }
    quotes = Quote.objects.filter(
        is_current=True, **{name: value for name, value in said.items() if value is not None}
    )
    if wanted.after:
        day, number = wanted.after.split("_")
        quotes = quotes.filter(Q(day=day, pk__gt=int(number)) | Q(day__gt=day))
    found = list(quotes.select_related("underlying").order_by("day", "pk")[: wanted.limit + 1])
    page = found[: wanted.limit]
    return {
        "quotes": [
            {
                "ticker": quote.underlying.ticker,
                "day": quote.day,
                "close": f"{quote.close.normalize():f}",
                "currency": quote.underlying.currency,
                "state": quote.state,
                "version": quote.version,
                "source": quote.source,
            }
            for quote in page
        ],
        "next": f"{page[-1].day}_{page[-1].pk}" if len(found) > len(page) else None,
    }
