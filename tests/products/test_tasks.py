"""The clock's entry points read the moment and call their action."""

from datetime import UTC, datetime

import pytest
import time_machine

from apps.products import tasks
from tests import factories


@pytest.mark.django_db
@pytest.mark.parametrize(("hour", "evaluated"), [(20, 0), (22, 1)])
def test_the_tick_evaluates_what_is_due_by_the_clock(hour, evaluated):
    strategy = factories.strategy()
    day = strategy.observations.get(number=1).valuation_on
    for ticker in ("AAPL", "IBM"):
        factories.quote(ticker, day, "100")
    with time_machine.travel(datetime(2020, 2, 28, hour, 30, tzinfo=UTC), tick=False):
        assert tasks.evaluate_due() == evaluated
