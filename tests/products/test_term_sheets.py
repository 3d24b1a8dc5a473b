from datetime import date
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.products.models.markets import CorporateAction
from apps.products.models.strategies import Strategy
from apps.products.queries.terms import term_sheet, term_sheets
from tests import factories

pytestmark = pytest.mark.django_db

JUNE = date(2020, 6, 1)


def split(ticker, ex_on):
    CorporateAction.objects.create(
        underlying=factories.underlying(ticker),
        kind=CorporateAction.Kind.SPLIT,
        ex_on=ex_on,
        ratio=Decimal(4),
        source="test",
    )


def test_many_term_sheets_equal_those_read_one_by_one():
    strategies = [
        factories.strategy(corridor_upper=Decimal("1.1")),
        factories.strategy(fixings=[("MSFT", "30"), ("AAPL", "7.5")], memory=False),
    ]
    split("AAPL", date(2019, 1, 2))  # before the strike
    split("IBM", date(2020, 3, 2))
    split("MSFT", date(2020, 7, 1))  # after the day asked for
    together = term_sheets(strategies, as_of=JUNE)
    assert together == {one.pk: term_sheet(one, as_of=JUNE) for one in strategies}


def test_the_number_of_strategies_costs_no_query():
    for _ in range(3):
        factories.strategy()
    counts = []
    for some in (Strategy.objects.all()[:1], Strategy.objects.all()):
        strategies = list(some)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            term_sheets(strategies)
        counts.append(len(queries))
    assert counts == [5, 5]
