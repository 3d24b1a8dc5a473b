"""What the tests of the evaluation start from and look at."""

from datetime import UTC, date, datetime

from apps.events.models import Event, Inbox
from apps.products.models.holdings import Payment, PolicyCoupon
from apps.products.models.strategies import Observation, ObservationResult
from tests import factories

FIRST, SECOND, THIRD, LAST = DAYS = (
    date(2020, 2, 28),
    date(2020, 5, 29),
    date(2020, 8, 31),
    date(2020, 11, 30),
)
EVALUATED, WAITING = Observation.State.EVALUATED, Observation.State.WAITING
PLANNED, DROPPED = Observation.State.PLANNED, Observation.State.DROPPED


def evening(day):
    """22:00 UTC: New York has closed in winter and in summer."""
    return datetime(day.year, day.month, day.day, 22, tzinfo=UTC)


def closes(day, aapl="100", ibm="100"):
    factories.quote("AAPL", day, aapl)
    factories.quote("IBM", day, ibm)


def held_policy(strategy=None, **fields):
    strategy = strategy or factories.strategy()
    return factories.policy(factories.client(), strategy, **fields)


def first(policy):
    return policy.strategy.observations.get(number=1)


def states(strategy):
    return list(strategy.observations.order_by("number").values_list("state", flat=True))


def written():
    """Count everything that an evaluation writes."""
    tables = (ObservationResult, PolicyCoupon, Payment, Event, Inbox)
    return [table.objects.count() for table in tables]
