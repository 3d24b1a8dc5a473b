"""What one observation comes to, asked of the engine with confirmed closes; nothing is written."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from django.db.models import Q, prefetch_related_objects
from django.utils.translation import gettext as _

from apps.products import levels, payoff
from apps.products.models.markets import TradingDay
from apps.products.payoff import Outcome, State
from apps.products.queries.due import Due, closes, unfit
from apps.products.queries.terms import TERM_ROWS, state_before, states_before, term_sheets
from apps.products.terms.sheet import KnockIn, RedemptionKind, TermSheet


class EvaluationError(ValueError):
    """An observation cannot be evaluated yet; the message says why, for a marketer."""


@dataclass(frozen=True, slots=True)
class Decided:
    """What the engine says of one observation, ready to be written."""

    due: Due
    terms: TermSheet
    outcome: Outcome
    levels: dict[str, Fraction]


def prepare(items: Sequence[Due]) -> dict[int, State]:
    """Read what deciding many will ask for; return the states before them by observation."""
    prefetch_related_objects([item.observation.strategy for item in items], *TERM_ROWS)
    return states_before([item.observation for item in items])


def decide(item: Due, *, state: State | None = None) -> Decided:
    """Ask the engine; nothing after the valuation day is read.

    `state` is what the observations before it carried; read from their results where not given.
    """
    observation, day = item.observation, item.observation.valuation_on
    if observation.pays_on is None:
        raise EvaluationError(_("The calendars do not reach the day of payment yet."))
    strategy = observation.strategy
    terms = term_sheets([strategy], as_of=day)[strategy.pk]
    reached = {
        share.id: levels.level(
            share,
            terms.changes,
            day,
            Fraction(item.quotes[member.underlying_id, day].close),
        )
        for share, member in zip(terms.basket.underlyings, item.members, strict=True)
    }
    state = _watched(item, terms, state or state_before(observation))
    outcome = payoff.observe(terms, state, observation.number, reached)
    return Decided(item, terms, outcome, reached)


def _watched(item: Due, terms: TermSheet, state: State) -> State:
    """Look at every close since the observation before, for a barrier that is watched daily.

    Every session must have its close: a day that nobody has seen may have broken the barrier.
    """
    redemption = terms.redemption
    daily = redemption.kind is RedemptionKind.BARRIER and redemption.style is KnockIn.AMERICAN
    if not daily or state.knocked_in:
        return state
    strategy, until = item.observation.strategy, item.observation.valuation_on
    after = (
        strategy.observations.filter(number=item.observation.number - 1)
        .values_list("valuation_on", flat=True)
        .first()
    ) or strategy.struck_on
    shares = {member.underlying.ticker: member.underlying for member in item.members}
    quotes = closes([share.pk for share in shares.values()], Q(day__gt=after, day__lte=until))
    sessions = TradingDay.objects.filter(
        exchange__in=[share.exchange_id for share in shares.values()],
        day__gt=after,
        day__lte=until,
    ).values_list("exchange_id", "day")
    open_on = set(sessions)
    for day in sorted({day for _market, day in open_on}):
        traded = [share for share in shares.values() if (share.exchange_id, day) in open_on]
        if reasons := list(filter(None, (unfit(share, day, quotes) for share in traded))):
            raise EvaluationError("; ".join(reasons))
        seen = {
            share.id: levels.level(
                share, terms.changes, day, Fraction(quotes[shares[share.id].pk, day].close)
            )
            for share in terms.basket.underlyings
            if (shares[share.id].exchange_id, day) in open_on
        }
        state = payoff.watch(terms, state, day, seen)
    return state
