"""What one observation comes to, asked of the engine with what the market showed; nothing is written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from django.db.models import prefetch_related_objects
from django.utils.translation import gettext as _

from apps.products import payoff, redemption
from apps.products.actions.evaluation.seeing import EvaluationError, past_of, watched_until
from apps.products.past import Past
from apps.products.payoff import Outcome, State
from apps.products.queries.due import Due
from apps.products.queries.terms import TERM_ROWS, state_before, states_before, term_sheets
from apps.products.terms.sheet import TermSheet

__all__ = ["Decided", "EvaluationError", "decide", "prepare"]


@dataclass(frozen=True, slots=True)
class Decided:
    """What the engine says of one observation, ready to be written.

    `days` are the valuation days by share, whose levels these are; `past` holds their closes.
    """

    due: Due
    terms: TermSheet
    outcome: Outcome
    levels: Mapping[str, Fraction]
    days: Mapping[str, date]
    past: Past


def prepare(items: Sequence[Due]) -> dict[int, State]:
    """Read what deciding many will ask for; return the states before them by observation."""
    prefetch_related_objects([item.observation.strategy for item in items], *TERM_ROWS)
    return states_before([item.observation for item in items])


def decide(item: Due, *, state: State | None = None) -> Decided:
    """Ask the engine; nothing after the valuation days is read.

    `state` is what the observations before it carried; read from their results where not given.
    """
    observation = item.observation
    if observation.pays_on is None:
        raise EvaluationError(_("The calendars do not reach the day of payment yet."))
    strategy = observation.strategy
    terms = term_sheets([strategy], as_of=observation.valuation_on)[strategy.pk]
    state = state or state_before(observation)
    past = past_of(item, terms, state)
    days = {member.underlying.ticker: item.days[member.underlying_id] for member in item.members}
    levels = past.levels(days)
    seen = _watched(item, past, state)
    inside = past.inside(terms.observation(observation.number), state.locked)
    outcome = payoff.observe(terms, seen, observation.number, levels, inside=inside)
    return Decided(item, terms, outcome, levels, days, past)


def _watched(item: Due, past: Past, state: State) -> State:
    """Look at every close since the observation before, for a barrier that is watched daily."""
    until = item.observation.valuation_on
    if state.knocked_in or redemption.watched_from(past.terms) is None:
        return state
    for day in past.to_watch(watched_until(item.observation), until):
        state = payoff.watch(past.terms, state, day, past.levels_on(day))
    return state
