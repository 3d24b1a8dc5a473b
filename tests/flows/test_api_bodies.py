"""Requests that nobody would think of, for every operation of the API: none breaks it.

Seeded and few, so that a run is short and the same; a longer one is
`API_EXAMPLES=500 manage.py test tests/flows/test_api_bodies.py`.
"""

import os
from datetime import date

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import (
    ignored_auth,
    negative_data_rejection,
    positive_data_acceptance,
    unsupported_method,
)

from apps.core.actions import SCOPES
from apps.profiles.models import Identifier
from config.api import api
from tests import factories
from tests.calling import System

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

EXAMPLES = int(os.environ.get("API_EXAMPLES", "3"))
FEW = settings(
    max_examples=EXAMPLES, derandomize=True, deadline=None,
    database=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate],
)  # fmt: skip
# A share that nobody knows fits every description and is refused all the same; and one item of a
# batch that is no good keeps no other out.
NOT_ASKED = [positive_data_acceptance, negative_data_rejection, unsupported_method, ignored_auth]
SCHEMA = schemathesis.openapi.from_dict(dict(api.get_openapi_schema(path_prefix="/api/v1/")))
OPERATIONS = [found.ok() for found in SCHEMA.get_all_operations()]


@pytest.fixture
def system(client, settings):
    settings.API_REQUESTS_A_MINUTE = 10**9
    holder = factories.client()
    Identifier.objects.create(client=holder, kind="core_id", value="C-1")
    factories.policy(holder, factories.strategy(code="duo"), number="P-1")
    account = factories.account(holder, number="A-1")
    factories.booked(account, "buy", date(2020, 1, 6), 300_00, "3")
    return System(client, *SCOPES)


# Good items, each field of which is then replaced by something odd.
GOOD = {
    "clients": {
        "core_id": "C-1", "first_name": "Anna", "birth_on": "1980-01-31", "tier": "small",
        "time_zone": "Europe/Moscow", "phone": "+79161234567", "email": "anna@example.com",
        "quiet_from": "22:00", "consent_text": "1", "consent_on": "2020-01-01",
    },
    "contacts": {"core_id": "C-1", "kind": "sms", "value": "+79161234567", "state": "valid"},
    "consents": {
        "core_id": "C-1", "purpose": "service", "channel": "sms", "text_version": "1",
        "given_on": "2020-01-01", "granted": True,
    },
    "policies": {
        "number": "P-1", "core_id": "C-1", "strategy": "duo", "nominal": "1500.00",
        "premium": "1500", "currency": "USD", "starts_on": "2019-11-29", "ends_on": "2020-11-30",
        "plan_amount": "1500", "plan_frequency": "once", "plan_first_on": "2020-01-01",
        "plan_last_on": "2020-01-01",
    },
    "payments": {
        "reference": "B-1", "policy": "P-1", "kind": "premium", "amount": "1500.00",
        "currency": "USD", "due_on": "2020-02-03", "state": "paid", "paid_on": "2020-02-04",
    },
    "accounts": {
        "number": "A-1", "core_id": "C-1", "name": "Savings", "currency": "USD",
        "opened_on": "2020-01-02",
    },
    "transactions": {
        "reference": "T-1", "account": "A-1", "kind": "buy", "day": "2020-01-06",
        "ticker": "AAPL", "units": "2", "amount": "200.00", "currency": "USD",
    },
    "instalment-accounts": {
        "number": "I-1", "core_id": "C-1", "name": "Kitchen", "currency": "USD",
        "limit": "5000", "used": "1800", "reported_on": "2020-02-28",
    },
    "instalments": {
        "account": "I-1", "number": 1, "due_on": "2020-02-03", "amount": "600", "currency": "USD",
    },
}  # fmt: skip
ODD = (
    "", " ", "0", "-0", "-1", "1e9", "9" * 400, "0." + "0" * 30 + "1", "99999999999999.99", "١",
    "NaN", "null", "none", "2020-02-30", "0001-01-01", "9999-12-31", "1900-01-01", "2199-12-31",
    "00:00", "24:00", "=1+1", "'", "\\", "%s", "{}", "\t", "\x7f", "\u202e", "\U0001f4a5",
    "a" * 5000, "й" * 40, "XXX", "P-1", "C-1", "+1", "a@b",
)  # fmt: skip


@pytest.mark.parametrize("kind", GOOD)
def test_no_odd_text_in_any_field_breaks_anything(system, kind):
    good = GOOD[kind]
    every = [{**good, name: odd} for name in good for odd in ODD if isinstance(good[name], str)]
    items = every[:: max(30 // EXAMPLES, 1)]
    for item in [good, *items]:
        answer = system.post(f"/{kind}", item)
        assert answer.status_code in {200, 422}, (item, answer.content)
    told = system.post(f"/{kind}/batch", {"items": [good, *items]})
    assert told.status_code in {200, 422}


@pytest.fixture
def application(db):
    # As Django's own test client does: the connection has the transaction of the test.
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield get_wsgi_application()
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.mark.parametrize("mode", [*GenerationMode], ids=lambda mode: mode.name.lower())
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)
def test_every_operation_answers_as_it_is_described(application, system, operation, mode):
    @FEW
    @given(case=operation.as_strategy(generation_mode=mode))
    def answers(case):
        case.call_and_validate(
            app=application,
            base_url="http://localhost",
            headers={"Authorization": f"Bearer {system.token}"},
            excluded_checks=NOT_ASKED,
        )

    answers()
