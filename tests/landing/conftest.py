"""A client whose strategy paid once and saved once, seen on an evening of June 2020."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from apps.core import clock
from apps.messaging.actions.links import make_link
from apps.messaging.models.links import Link
from apps.products.actions.evaluation import evaluate_due
from apps.products.actions.payments import mark_paid
from apps.products.models.holdings import Payment, Policy
from apps.products.models.strategies import Strategy
from apps.profiles.models import Client
from tests import factories

TODAY = datetime(2020, 6, 10, 20, tzinfo=UTC)
CLOSES = {
    date(2019, 11, 29): ("100", "100"),
    date(2020, 2, 28): ("80", "90"),
    date(2020, 5, 29): ("70", "88"),
    date(2020, 6, 9): ("72", "91"),
}


@dataclass(frozen=True)
class World:
    client: Client
    strategy: Strategy
    policy: Policy
    link: Link
    token: str

    @property
    def page(self) -> str:
        return f"/p/{self.token}/"


def lived(**terms) -> Strategy:
    """Make a strategy on AAPL and IBM, ready to be evaluated."""
    return factories.strategy(**{"name": "Evergreen Memory", "tranche": "07", **terms})


def closes(rows=CLOSES):
    for day, (apple, ibm) in rows.items():
        factories.quote("AAPL", day, apple)
        factories.quote("IBM", day, ibm)


def evaluate(until=TODAY):
    evaluate_due(at=until)
    due = Payment.objects.filter(due_on__lt=date(2020, 3, 1)).values_list("pk", flat=True)
    mark_paid(list(due), on=date(2020, 3, 2), at=until)


@pytest.fixture
def today(settings):
    """Let the product's clock stand near TODAY."""
    settings.CLOCK_OFFSET = TODAY - clock.now()
    return TODAY


@pytest.fixture
def world(db, today) -> World:
    client = factories.client(first_name="Vera", last_name="Testperson")
    strategy = lived()
    policy = factories.policy(client, strategy, nominal=12_300_00, premium=12_400_00)
    closes()
    evaluate()
    link, token = make_link(client, subject=f"strategy:{strategy.pk}", at=today)
    return World(client, strategy, policy, link, token)


@pytest.fixture
def called_world(db, today) -> World:
    """A strategy that its first observation called early."""
    client = factories.client(first_name="Vera", last_name="Testperson")
    strategy = lived(call_barrier=Decimal("0.8"))
    policy = factories.policy(client, strategy, nominal=12_300_00, premium=12_400_00)
    closes()
    evaluate()
    link, token = make_link(client, subject=f"strategy:{strategy.pk}", at=today)
    return World(client, strategy, policy, link, token)
