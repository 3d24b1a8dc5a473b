"""A file meets others who write: what it looked at may have changed by the time it lands."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from apps.products.actions.evaluation import evaluate_due
from apps.products.imports.policies import PolicyResource
from apps.products.models.holdings import Policy
from apps.profiles.models import Identifier
from tests import factories
from tests.importing import import_file
from tests.products.observing import FIRST, closes, evening
from tests.products.waiting import wait_for_lock


def load_policy(nominal):
    row = f"P-1,C-1,duo,{nominal},1500.00,USD,2019-11-29,2020-11-30"
    content = f"number,core_id,strategy,nominal,premium,currency,starts_on,ends_on\n{row}".encode()
    try:
        return import_file(PolicyResource, content, filename="rows.csv", at=evening(FIRST))
    finally:
        connection.close()


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_a_file_that_loses_the_race_against_an_evaluation_is_refused():
    Identifier.objects.create(client=factories.client(), kind="core_id", value="C-1")
    factories.strategy(code="duo", name="Duo")
    assert load_policy("1500").new == 1
    closes(FIRST)
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            assert evaluate_due(at=evening(FIRST)) == 1
            losing = pool.submit(load_policy, "1600")
            wait_for_lock()
        report = losing.result()
    assert [(fault.line, fault.column, fault.reason) for fault in report.faults] == [
        (2, "number", "The policy got a coupon a moment ago.")
    ]
    assert Policy.objects.get().nominal == 1500_00
