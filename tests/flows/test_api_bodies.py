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

FEW = settings(
    max_examples=int(os.environ.get("API_EXAMPLES", "5")), derandomize=True, deadline=None,
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
