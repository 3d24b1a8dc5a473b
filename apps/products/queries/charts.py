"""A strategy's chart, built once for all who hold it and kept until its rows change."""

import gzip
import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from django.core.cache import cache
from django.db.models import Count, Max, QuerySet
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from apps.products import charts, levels
from apps.products.models.markets import CorporateAction, Quote
from apps.products.models.strategies import Observation, ObservationResult, Strategy
from apps.products.past import Rates
from apps.products.queries.rates import factor, rates_of
from apps.products.queries.terms import term_sheets
from apps.products.terms.sheet import ObservationTerms, TermSheet, Underlying

LAYOUT_VERSION = 2  # raised when the same rows are to be drawn otherwise
KEPT_FOR = 24 * 3600  # seconds; whatever is not asked for makes room


@dataclass(frozen=True, slots=True)
class StoredChart:
    """A chart as plotly.js reads it, compressed, and its month ends for readers of tables."""

    etag: str
    gzipped: bytes
    shares: tuple[str, ...]
    months: tuple[tuple[date, tuple[float | None, ...]], ...]


def stored_chart(strategy: Strategy, *, today: date) -> StoredChart:
    """Return the chart of a strategy as known today, in the current language.

    The version of its rows costs five queries; the figure is built only when one changed.
    """
    today = min(today, strategy.called_on or strategy.matures_on)
    version = _version(strategy, today)
    kept: StoredChart | None = cache.get(f"chart:{version}")
    if kept is None:
        kept = _build(strategy, today, version)
        cache.set(f"chart:{version}", kept, KEPT_FOR)
    return kept


def _quotes(strategy: Strategy, today: date) -> QuerySet[Quote]:
    return Quote.objects.filter(
        underlying__memberships__strategy=strategy,
        is_current=True,
        state=Quote.State.CONFIRMED,
        day__gte=strategy.struck_on,
        day__lte=today,
    )


def _rates(strategy: Strategy, today: date) -> QuerySet[Quote]:
    pairs = strategy.basket_members.values("fx_pair")
    return Quote.objects.filter(
        underlying__in=pairs, is_current=True, state=Quote.State.CONFIRMED, day__lte=today
    )


def _version(strategy: Strategy, today: date) -> str:
    """Name everything that the figure is made of; a confirmed price changes the count."""
    results = ObservationResult.objects.filter(observation__strategy=strategy)
    changes = CorporateAction.objects.filter(underlying__memberships__strategy=strategy)
    ingredients = (
        LAYOUT_VERSION,
        strategy.pk,
        strategy.state,
        get_language(),
        _quotes(strategy, today).aggregate(Count("pk"), Max("pk"), Max("day")),
        _rates(strategy, today).aggregate(Count("pk"), Max("pk"), Max("day")),
        results.aggregate(Count("pk"), Max("pk")),
        list(changes.filter(ex_on__lte=today).order_by("pk").values_list()),
        list(strategy.observations.order_by("number").values_list("valuation_on", "state")),
    )
    return hashlib.sha256(repr(ingredients).encode()).hexdigest()[:32]


def _build(strategy: Strategy, today: date, version: str) -> StoredChart:
    terms = term_sheets([strategy], as_of=today)[strategy.pk]
    observations = sorted(strategy.observations.all(), key=lambda one: one.number)
    series = _series(strategy, terms, today)
    upcoming = next((one for one in observations if one.state in Observation.OPEN), None)
    if strategy.state != Strategy.State.PUBLISHED:
        upcoming = None
    figure = charts.basket_figure(
        series,
        barrier_lines(terms, [strategy.struck_on, *(one.valuation_on for one in observations)]),
        _marks(strategy),
        charts.Upcoming(upcoming.valuation_on, _("Next observation")) if upcoming else None,
    )
    text: str = figure.to_json()
    return StoredChart(
        etag=f'"{version}"',
        gzipped=gzip.compress(text.encode(), 9, mtime=0),
        shares=tuple(one.name for one in series),
        months=tuple(_months(series)),
    )


def _series(strategy: Strategy, terms: TermSheet, today: date) -> list[charts.Series]:
    closes: dict[str, list[tuple[date, Fraction]]] = defaultdict(list)
    quotes = _quotes(strategy, today).order_by("day")
    for ticker, day, close in quotes.values_list("underlying__ticker", "day", "close"):
        closes[ticker].append((day, Fraction(close)))
    foreign = rates_of(terms, strategy.basket_members.select_related("underlying"), until=today)
    return [
        charts.Series(share.id, [day for day, _level in course], [level for _day, level in course])
        for share in terms.basket.underlyings
        if (course := _course(share, terms, closes[share.id], foreign))
    ]


def _course(
    share: Underlying,
    terms: TermSheet,
    closes: Iterable[tuple[date, Fraction]],
    foreign: Mapping[str, Rates],
) -> list[tuple[date, float]]:
    """Return a share's levels; a day before the first exchange rate of a composite one has none."""
    return [
        (day, float(levels.level(share, terms.changes, day, close, fx)))
        for day, close in closes
        if (fx := factor(foreign, share.id, day)) is not None
    ]


def barrier_lines(terms: TermSheet, starts: Sequence[date]) -> list[charts.Line]:
    """Return the barriers as steps; `starts` is the strike date, then the days of observations."""
    kinds: list[tuple[str, str, Callable[[ObservationTerms], Fraction | None]]] = [
        ("barrier", _("Coupon barrier"), lambda one: one.barrier),
        ("upper", _("Top of the corridor"), lambda one: one.upper),
        ("call", _("Call barrier"), lambda one: one.call_barrier),
    ]
    drawn = []
    for kind, name, level_of in kinds:
        steps = [
            (starts[terms_of.number - 1], starts[terms_of.number], level)
            for terms_of in terms.observations
            if (level := level_of(terms_of)) is not None
        ]
        if steps:
            days = [start for start, _end, _level in steps] + [steps[-1][1]]
            heights = [float(level) for _start, _end, level in steps]
            drawn.append(charts.Line(kind, name, days, [*heights, heights[-1]]))
    return drawn


def _marks(strategy: Strategy) -> list[charts.Mark]:
    results = (
        ObservationResult.objects.current()
        .filter(observation__strategy=strategy, worst_level__isnull=False)
        .select_related("observation")
    )
    return [
        charts.Mark(
            result.observation.valuation_on,
            float(result.worst_level or 0),
            "CALLED" if result.called else result.outcome,
            _("called early") if result.called else result.get_outcome_display(),
        )
        for result in results.order_by("observation__number")
    ]


def _months(
    series: Sequence[charts.Series],
) -> Iterable[tuple[date, tuple[float | None, ...]]]:
    """Yield each month's last day with a close, newest first, and every share's level then."""
    known = [dict(zip(one.days, one.levels, strict=True)) for one in series]
    last: dict[tuple[int, int], date] = {}
    for day in sorted({day for one in known for day in one}):
        last[day.year, day.month] = day
    for day in reversed(last.values()):
        yield day, tuple(one.get(day) for one in known)
