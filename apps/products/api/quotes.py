"""Closing prices by HTTP: brought by a feed, one or a thousand at a time, and read back."""

from datetime import date
from typing import Annotated, Any, Literal

from django.http import HttpRequest
from django.utils.translation import gettext_lazy
from ninja import Query, Router
from pydantic import BaseModel, Field

from apps.core import clock
from apps.core.api.bodies import Body
from apps.core.api.keys import Key
from apps.core.api.once import once
from apps.core.api.problems import Fault, RefusedError
from apps.core.api.reads import Paged, page_of
from apps.core.api.values import Day, Exact
from apps.core.models import ApiKey
from apps.products.actions.intake import REFUSED
from apps.products.actions.quotes import QuoteReport, QuoteRow, record_quotes
from apps.products.imports.markets import TICKER
from apps.products.models.markets import Quote

MOST = 1000  # quotes of one request

router = Router(tags=["quotes"])
writing = Key("quotes:write", gettext_lazy("bring closing prices"))
reading = Key("quotes:read", gettext_lazy("read closing prices"))


class QuoteIn(Body):
    """A raw close, as traded, of one share on one day."""

    ticker: Annotated[str, Field(max_length=20, pattern=f"^{TICKER[0]}$", examples=["AAPL"])]
    day: Day
    close: Exact
    currency: Annotated[
        str, Field(pattern="^([A-Z]{3})?$", description="If given, the share's own.")
    ] = ""


class QuotesIn(Body):
    """Up to a thousand closes; each is judged by itself."""

    quotes: Annotated[list[QuoteIn], Field(min_length=1, max_length=MOST)]


class VerdictOut(BaseModel):
    """What became of a close: confirmed, held for a second person, unchanged or refused."""

    ticker: str
    day: date
    state: str
    reason: str


class ReportOut(BaseModel):
    """What became of every close, in the order sent."""

    confirmed: int
    held: int
    unchanged: int
    refused: int
    results: list[VerdictOut]


class QuoteOut(BaseModel):
    """A close as it is known."""

    ticker: str
    day: date
    close: str
    currency: str
    state: str
    version: int
    source: str


class PageOut(BaseModel):
    """Closes in the order of their days; `next` asks for those that follow, if there are any."""

    quotes: list[QuoteOut]
    next: str | None


@router.post("/quotes", auth=writing, response=VerdictOut)
@once
def bring_quote(request: HttpRequest, quote: QuoteIn) -> VerdictOut:
    """Bring one close. It is stored when the answer is 200; refused, it is 422 with the reason."""
    verdict = told([quote], record(request, [quote]))[0]
    if verdict.state == REFUSED:
        fault = Fault(code="refused", detail=verdict.reason, pointer="#")
        raise RefusedError(422, verdict.reason, [fault])
    return verdict


@router.post("/quotes/batch", auth=writing, response=ReportOut)
@once
def bring_quotes(request: HttpRequest, batch: QuotesIn) -> ReportOut:
    """Bring many closes. Each has its own result; those that are refused keep no other out.

    What is not refused is stored when the answer is 200. A body that cannot be read lands nothing.
    """
    report = record(request, batch.quotes)
    return ReportOut(
        confirmed=report.confirmed,
        held=report.held,
        unchanged=report.unchanged,
        refused=len(report.refused),
        results=told(batch.quotes, report),
    )


def record(request: HttpRequest, quotes: list[QuoteIn]) -> QuoteReport:
    key: ApiKey = request.auth  # type: ignore[attr-defined]
    return record_quotes(
        [QuoteRow(each.ticker, each.day, each.close, each.currency) for each in quotes],
        source=f"api:{key.name}",
        at=clock.now(),
        by=key.made_by,  # who holds the key could not confirm by himself what it brings
    )


def told(quotes: list[QuoteIn], report: QuoteReport) -> list[VerdictOut]:
    return [
        VerdictOut(
            ticker=quotes[verdict.row].ticker,
            day=quotes[verdict.row].day,
            state=verdict.state,
            reason=verdict.reason,
        )
        for verdict in report.verdicts
    ]


class Wanted(Paged):
    """Which closes to list."""

    ticker: Annotated[str | None, Field(max_length=20, pattern=f"^{TICKER[0]}$")] = None
    first: Annotated[Day | None, Field(alias="from")] = None
    last: Annotated[Day | None, Field(alias="to")] = None
    state: Literal[*Quote.State.values] | None = None  # type: ignore[valid-type]


@router.get("/quotes", auth=reading, response=PageOut)
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
    page, following = page_of(quotes.select_related("underlying"), wanted, by=("day", "pk"))
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
        "next": following,
    }
