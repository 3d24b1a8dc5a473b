"""What a batch of closes needs to know of those before it."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from apps.products.actions.intake import Known
from apps.products.actions.quotes import QuoteRow, record_quotes
from tests import factories


@pytest.mark.django_db
def test_days_far_apart_are_compared_without_reading_the_years_between_them():
    long_ago, before, today = date(2010, 3, 12), date(2020, 3, 11), date(2020, 3, 13)
    evening = datetime(2020, 3, 13, 22, tzinfo=UTC)
    share = factories.underlying()
    factories.quote("AAPL", date(2015, 3, 12), "40")
    factories.quote("AAPL", before, "90")
    rows = [QuoteRow("AAPL", day, Decimal(close)) for day, close in [(long_ago, 30), (today, 91)]]

    known = Known.of(rows)

    assert known.quotes == {}
    assert known.confirmed[share.pk] == [(before, Decimal(90))]
    report = record_quotes(rows, source="a", at=evening)
    assert (report.confirmed, report.held) == (2, 0)  # 91 follows 90, it does not treble 30
