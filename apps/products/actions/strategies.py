"""Strategies on their way from draft to life: checks and publication."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from apps.products.actions.rolling import common_sessions, payment_sessions, roll_observations
from apps.products.models.strategies import Observation, Strategy
from apps.products.queries.contradictions import contradictions
from apps.products.queries.due import spoken


class StrategyError(ValueError):
    """A strategy cannot be published; the message says why, in sentences for a marketer."""


@transaction.atomic
def publish_strategy(strategy_id: int, *, at: datetime) -> Strategy:
    """Roll a draft's observations onto sessions, check it and make it live.

    Raises StrategyError with every reason against it; then nothing is changed. Publishing what is
    no draft any more is refused as well.
    """
    strategy = Strategy.objects.select_for_update().get(pk=strategy_id)
    if strategy.state != Strategy.State.DRAFT:
        raise StrategyError(
            _("%(strategy)s is %(state)s already.")
            % {"strategy": strategy, "state": strategy.get_state_display()}
        )
    roll_observations(strategy, at=at)
    if reasons := list(_objections(strategy, at)):
        raise StrategyError(" ".join(reasons))
    strategy.state = Strategy.State.PUBLISHED
    strategy.save(update_fields=["state"])
    return strategy


def _objections(strategy: Strategy, at: datetime) -> Iterator[str]:
    """Say everything that stands against publishing a strategy."""
    members = list(strategy.basket_members.select_related("underlying__exchange"))
    observations = list(strategy.observations.order_by("number"))
    if not members:
        yield _("The basket is empty.")
    if not observations:
        yield _("There are no observations.")
    if not members or not observations:
        return
    if strategy.struck_on > at.date():
        words = {"day": spoken(strategy.struck_on)}
        yield _("The strike date, %(day)s, lies ahead: there are no initial fixings yet.") % words
    if [observation.number for observation in observations] != [
        place for place, _observation in enumerate(observations, 1)
    ]:
        yield _("The observations must be numbered 1, 2, 3 and so on.")
    yield from _off_session(observations, strategy)
    for each in contradictions(strategy, members, observations):
        yield each.sentence


def _off_session(observations: Iterable[Observation], strategy: Strategy) -> Iterator[str]:
    """Name the valuation days that are no session, as far as the calendars reach."""
    sessions = common_sessions([strategy])[strategy.pk]
    if not sessions.days:
        yield _("There is no session calendar of the basket's exchanges.")
    payment = payment_sessions([strategy]).get(strategy.pk, sessions)
    if strategy.payment_lag and sessions.days and not payment.days:
        words = {"exchange": strategy.payment_calendar}
        yield (
            _("There is no session calendar of %(exchange)s, whose days the payment lag counts.")
            % words
        )
    if not strategy.common_sessions:
        return  # each share has a session of its own, which the roll has found
    for observation in observations:
        day = observation.valuation_on
        if day <= sessions.known_until and day not in sessions.days:
            yield _("Observation %(number)s: %(day)s is no session.") % {
                "number": observation.number,
                "day": spoken(day),
            }
