"""What products tell the start page: late and held prices, waiting observations, today's coupons."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.core.admin.display import day, list_url, moment, money, page_url, price
from apps.core.site import COUNTED, Concern, Entry, Figure, Line, agenda, concerns, figures
from apps.products.models.feeds import Feed
from apps.products.models.markets import Quote, Underlying
from apps.products.models.strategies import Observation, ObservationResult
from apps.products.queries.alarms import late_feeds, sparse_sessions
from apps.products.queries.desk import coming_observations, held_quotes
from apps.products.queries.due import late_quotes, today, waiting

SHOWN = 5


def count(rows: QuerySet[Quote] | QuerySet[Observation]) -> int:
    return rows[: COUNTED + 1].count()


@concerns("products.view_observation")
def observations_waiting(_at: datetime) -> Iterable[Concern]:
    rows = waiting()
    yield Concern(
        title=_("Observations that wait"),
        count=count(rows),
        url=list_url(Observation, state__exact=Observation.State.WAITING),
        lines=[Line(str(row), row.waiting_for, page_url(row)) for row in rows[:SHOWN]],
        tone="bad",
        icon="event_busy",
    )


@concerns("products.view_quote")
def prices_held(_at: datetime) -> Iterable[Concern]:
    rows = held_quotes()
    yield Concern(
        title=_("Prices that wait for your word"),
        count=count(rows),
        url=list_url(Quote, state__exact=Quote.State.HELD),
        lines=[
            Line(
                f"{row.underlying} {day(row.day)}: {price(row.close, row.underlying.currency)}",
                row.held_because,
                page_url(row),
            )
            for row in rows[:SHOWN]
        ],
        icon="pan_tool",
    )


@concerns("products.view_underlying")
def prices_late(at: datetime) -> Iterable[Concern]:
    late = late_quotes(at=at)
    yield Concern(
        title=_("Late prices"),
        count=len(late),
        url=list_url(Underlying, late=1),
        lines=[
            Line(
                row.underlying.ticker,
                _("no close of %(day)s") % {"day": day(row.day)},
                page_url(row.underlying),
            )
            for row in late[:SHOWN]
        ],
        icon="hourglass_bottom",
    )


@concerns("products.view_tradingday")
def sessions_sparse(at: datetime) -> Iterable[Concern]:
    sparse = sparse_sessions(at=at)
    yield Concern(
        title=_("Sessions without most closes"),
        count=len(sparse),
        url=list_url(Underlying, late=1),
        lines=[
            Line(
                f"{row.exchange} {day(row.day)}",
                _("%(missing)d of %(watched)d closes are missing. Was it closed? Then say so.")
                % {"missing": row.missing, "watched": row.watched},
                f"{page_url(row.exchange)}?month={row.day:%Y-%m}",
            )
            for row in sparse[:SHOWN]
        ],
        tone="bad",
        icon="event_busy",
    )


@concerns("products.view_feed")
def feeds_late(at: datetime) -> Iterable[Concern]:
    late = late_feeds(at=at)
    yield Concern(
        title=_("Prices that should have come"),
        count=len(late),
        url=list_url(Feed),
        lines=[
            Line(
                f"{row.feed}: {day(row.day)}",
                _("due %(moment)s; observations that wait for it: %(count)d")
                % {"moment": moment(row.due_at), "count": row.holds},
                page_url(row.feed),
            )
            for row in late[:SHOWN]
        ],
        tone="bad",
        icon="rss_feed",
    )


@figures("products.view_policycoupon")
def coupons_today(at: datetime) -> Iterable[Figure]:
    done = today(at=at)
    yield Figure(
        label=_("Observations evaluated"),
        value=str(done.evaluated),
        note=ngettext("%d coupon", "%d coupons", done.coupons) % done.coupons,
        url=list_url(ObservationResult),
        icon="calculate",
    )
    for currency, amount in sorted(done.amounts.items()):
        yield Figure(
            label=_("Coupons in %(currency)s") % {"currency": currency},
            value=money(amount, currency),
            note=_("paid by today's results"),
            icon="payments",
        )


@agenda("products.view_observation")
def observations_ahead(at: datetime) -> Iterable[Entry]:
    for row in coming_observations(at=at):
        yield Entry(row.valuation_on, str(row), row.why_moved, page_url(row))
