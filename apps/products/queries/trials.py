"""Term sheets tried on a past before any client sees them: nothing is stored."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import plotly.graph_objects as go
from django.utils.translation import gettext as _

from apps.products import charts
from apps.products.cases import cases_of, differences
from apps.products.models.markets import Quote, TradingDay
from apps.products.models.strategies import BasketMember, ObservationResult, Strategy
from apps.products.past import Past
from apps.products.queries.charts import barrier_lines
from apps.products.queries.disruptions import disrupted_days
from apps.products.queries.terms import spec
from apps.products.replay import Observed, Replay, replay
from apps.products.terms.market import read_market
from apps.products.terms.reading import read_spec
from apps.products.terms.sheet import Market, TermSheet, TermSheetError

# More than any term sheet has; beyond them one request would keep a web process for minutes.
LONGEST_TEXT = 2_000_000
MOST_CASES, MOST_SHARES, MOST_OBSERVATIONS = 30, 100, 1500


@dataclass(frozen=True, slots=True)
class Played:
    """A term sheet, its past and what it did there."""

    terms: TermSheet
    market: Market
    replay: Replay


@dataclass(frozen=True, slots=True)
class Trial:
    """One case: what it did, or the sentence that says why it cannot be tried."""

    name: str
    spec: Mapping[str, Any]
    played: Played | None
    refusal: str = ""
    differences: tuple[str, ...] | None = None  # from what the case expects, where it says that


def read_trials(text: str) -> list[Trial]:
    """Return what becomes of the cases of a text, as `replay_terms` reads them.

    That is one case with its `spec` and `market`, an object with many `cases`, or one a line.
    Raises TermSheetError where the text holds no such thing, or too much of it.
    """
    if len(text) > LONGEST_TEXT:
        raise TermSheetError(
            _("The text is too long: at most %(most)d characters.") % {"most": LONGEST_TEXT}
        )
    cases = list(_cases(text))
    if len(cases) > MOST_CASES:
        raise TermSheetError(
            _("There are %(count)d cases; at most %(most)d are tried at once.")
            % {"count": len(cases), "most": MOST_CASES}
        )
    return [_tried(_name(case, number), case) for number, case in enumerate(cases, 1)]


def stored_trial(strategy: Strategy, *, as_of: date) -> Trial:
    """Return what a strategy would have done with the confirmed closes known on a day."""
    try:
        terms = spec(strategy, as_of=as_of)
    except TermSheetError as refusal:
        return Trial(str(strategy), {}, None, str(refusal))
    market = _stored_market(strategy, as_of)
    return _tried(str(strategy), {"spec": terms, "market": market})


def trial_figure(played: Played) -> go.Figure:
    """Draw the shares, the barriers and what each observation found."""
    past = Past.of(played.terms, played.market)
    done = [one for one in played.replay.observations if one.outcome]
    ended = played.replay.redemption is not None
    last = _valued(done[-1]) if done and ended else past.as_of
    start = played.terms.issue_date or min(
        (min(days) for days in past.closes.values() if days), default=last
    )
    starts = [start, *(one.scheduled for one in played.terms.observations)]
    series = [
        charts.Series(share.id, days, [float(past.level(share, day)) for day in days])
        for share in played.terms.basket.underlyings
        if (days := [day for day in past.closes[share.id] if start <= day <= last])
    ]
    return charts.basket_figure(
        series, barrier_lines(played.terms, starts), [_mark(one) for one in done]
    )


def _mark(observed: Observed) -> charts.Mark:
    outcome = observed.outcome
    assert outcome is not None  # noqa: S101 - only what was decided is drawn
    return charts.Mark(
        _valued(observed),
        float(observed.levels[outcome.worst]),
        "CALLED" if outcome.called else outcome.event.value,
        _("called early")
        if outcome.called
        else str(ObservationResult.Outcome(outcome.event.value).label),
    )


def _valued(observed: Observed) -> date:
    return max(found.day for found in observed.valuation.values() if found.day)


def _cases(text: str) -> Iterator[Mapping[str, Any]]:
    parts = text.splitlines() if _is_lined(text) else [text]
    cases = [case for part in parts for case in cases_of(part)]
    if not cases:
        raise TermSheetError(_("There is no case: an object with “spec” and “market” is expected."))
    for number, case in enumerate(cases, 1):
        if not isinstance(case, Mapping) or not isinstance(case.get("spec"), Mapping):
            raise TermSheetError(
                _("Case %(number)d: an object with “spec” and “market” is expected.")
                % {"number": number}
            )
        yield case


def _is_lined(text: str) -> bool:
    """Say whether every line is an object of its own, and there are several."""
    lines = text.splitlines()
    return len(lines) > 1 and all(
        line.startswith("{") and line.rstrip().endswith("}") for line in lines
    )


def _name(case: Mapping[str, Any], number: int) -> str:
    given = case.get("id") or case.get("name")
    return str(given)[:80] if given else _("Case %(number)d") % {"number": number}


def _tried(name: str, case: Mapping[str, Any]) -> Trial:
    terms: Mapping[str, Any] = case["spec"]
    try:
        _refuse_endless(terms)
        market = read_market(case.get("market") or {})
        sheet = read_spec(terms, closes=market.prices)
        played = Played(sheet, market, replay(sheet, market))
    except (ValueError, ArithmeticError) as refusal:
        return Trial(name, terms, None, str(refusal))
    expected = case.get("expected")
    found = None if expected is None else tuple(differences(played.replay.as_json(), expected))
    return Trial(name, terms, played, differences=found)


def _refuse_endless(terms: Mapping[str, Any]) -> None:
    for key, most in (("underlyings", MOST_SHARES), ("observations", MOST_OBSERVATIONS)):
        entries = terms.get(key)
        if isinstance(entries, list) and len(entries) > most:
            raise TermSheetError(
                _("spec.%(key)s: there are %(count)d; at most %(most)d can be tried.")
                % {"key": key, "count": len(entries), "most": most}
            )


def _stored_market(strategy: Strategy, as_of: date) -> dict[str, Any]:
    """Return what the database knows of the basket, in the JSON form of a case's market."""
    members = list(strategy.basket_members.select_related("underlying", "fx_pair"))
    prices = {member.underlying.ticker: _closes(member, strategy, as_of) for member in members}
    disrupted = disrupted_days([member.underlying for member in members], since=strategy.struck_on)
    exchanges = {member.underlying.exchange_id for member in members}
    if strategy.payment_calendar_id:
        exchanges.add(strategy.payment_calendar_id)
    calendars: dict[str, list[str]] = {}
    for code, day in TradingDay.objects.filter(
        exchange__in=exchanges, day__gte=strategy.struck_on
    ).values_list("exchange__code", "day"):
        calendars.setdefault(code, []).append(day.isoformat())
    return {
        "prices": prices,
        "fx": {
            member.underlying.ticker: _closes(member, strategy, as_of, rates=True)
            for member in members
            if member.fx_pair_id
        },
        "calendars": calendars,
        "disrupted": {
            member.underlying.ticker: [
                day.isoformat() for day in sorted(disrupted[member.underlying_id])
            ]
            for member in members
        },
        "as_of": as_of.isoformat(),
    }


def _closes(
    member: BasketMember, strategy: Strategy, as_of: date, *, rates: bool = False
) -> dict[str, str]:
    """Return the confirmed closes of a share, or of the pair that turns its currency."""
    quotes = Quote.objects.filter(
        underlying=member.fx_pair_id if rates else member.underlying_id,
        day__gte=strategy.struck_on,
        day__lte=as_of,
        is_current=True,
        state=Quote.State.CONFIRMED,
    )
    return {day.isoformat(): f"{close:f}" for day, close in quotes.values_list("day", "close")}
