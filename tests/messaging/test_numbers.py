"""Looking numbers up: within a budget, once each, and what follows from the answers."""

import json
from datetime import date, timedelta

import psycopg
import pytest
from django.db import OperationalError, connection, transaction
from werkzeug import Response

from apps.messaging.actions.delivery import deliver_due
from apps.messaging.actions.numbers import BUYING, check_numbers, due_numbers, estimate
from apps.messaging.models.numbers import NumberCheck
from apps.profiles.models import ContactPoint, Suppression
from tests import factories
from tests.factories import NOON
from tests.messaging.world import fresh, planned

pytestmark = pytest.mark.django_db


@pytest.fixture
def network(httpserver, settings):
    """A service that knows networks: by number what it says, and what it was asked."""
    settings.NUMBER_CHECK_URL = httpserver.url_for("/lookup")
    settings.NUMBER_CHECK_TOKEN = "a test's token"
    settings.NUMBER_CHECK_PRICE, settings.NUMBER_CHECK_BUDGET = 2, 100
    known = {"asked": [], "status": 200, "body": None}

    def answer(request):
        assert request.headers["Authorization"] == "Bearer a test's token"
        asked = json.loads(request.data)["numbers"]
        known["asked"] += asked
        said = {"results": [{"number": each, **known.get(each, {})} for each in asked]}
        return Response(known["body"] or json.dumps(said), known["status"])

    httpserver.expect_request("/lookup", method="POST").respond_with_handler(answer)
    return known


def phone():
    return factories.client().contact_points.get(channel="sms")


def state_of(point):
    return point.checks.latest("pk").state


def test_each_answer_is_kept_and_the_number_is_not_asked_again_for_long(network, settings):
    points = {state: phone() for state in ("valid", "off", "roaming")}
    for state, point in points.items():
        network[point.address] = {"state": state, "network": "Net One", "ported_from": "Net Two"}
    assert check_numbers(at=NOON) == 3
    assert {state_of(point) for point in points.values()} == set(points)
    assert points["off"].checks.get().ported_from == "Net Two"
    assert set(ContactPoint.objects.filter(channel="sms").values_list("state", flat=True)) == {
        "valid"
    }
    assert check_numbers(at=NOON + timedelta(days=settings.NUMBER_CHECK_DAYS - 1)) == 0
    assert check_numbers(at=NOON + timedelta(days=settings.NUMBER_CHECK_DAYS + 1)) == 3
    assert len(network["asked"]) == 6


def test_a_number_that_somebody_else_has_now_gets_no_money_news(network, gateway):
    (message,) = planned(client := factories.client(consents=[("service", "sms")]))
    point = message.contact_point
    ContactPoint.objects.update(created_at=NOON - timedelta(days=900))
    network[point.address] = {"state": "valid", "owner_since": "2020-01-31"}
    assert check_numbers(at=NOON) == 1
    point.refresh_from_db()
    assert (point.state, state_of(point)) == ("unreachable", "changed")
    assert Suppression.objects.get(reason="wrong_person").client == client
    deliver_due(at=NOON, limit=10)
    assert fresh(message).state == "skipped"
    assert gateway.requests == []


def test_an_owner_since_before_we_knew_the_number_is_the_client(network):
    point = phone()
    ContactPoint.objects.filter(pk=point.pk).update(created_at=NOON)
    network[point.address] = {"state": "valid", "owner_since": str(date(2019, 5, 1))}
    check_numbers(at=NOON)
    assert state_of(point) == "valid"


def test_who_shares_the_number_and_learnt_it_later_keeps_it(network):
    former, latter = phone(), phone()
    ContactPoint.objects.filter(pk=latter.pk).update(address=former.address, verified_at=NOON)
    ContactPoint.objects.filter(pk=former.pk).update(created_at=NOON - timedelta(days=900))
    network[former.address] = {"state": "valid", "owner_since": "2019-06-01"}
    assert check_numbers(at=NOON) == 2
    assert (state_of(former), state_of(latter)) == ("changed", "valid")
    assert len(network["asked"]) == 1


def test_no_such_number_is_written_to_no_more(network):
    point = phone()
    network[point.address] = {"state": "invalid"}
    check_numbers(at=NOON)
    point.refresh_from_db()
    assert (point.state, state_of(point)) == ("unreachable", "invalid")


def test_a_day_costs_no_more_than_its_budget_and_says_so_before(network, settings):
    for point in [phone() for _ in range(5)]:
        network[point.address] = {"state": "valid"}
    settings.NUMBER_CHECK_BUDGET = 7
    assert estimate(at=NOON, most=4).due == 4
    told = estimate(at=NOON, most=9)
    assert (told.due, told.cost, told.payable) == (5, 10, 3)
    assert check_numbers(at=NOON) == 3
    assert check_numbers(at=NOON) == 0
    assert check_numbers(at=NOON + timedelta(days=1)) == 2
    assert NumberCheck.objects.count() == 5


def test_two_ticks_never_spend_one_budget_twice(network):
    """Who buys holds a lock; another one waits for it before it looks at the budget."""
    phone()
    with psycopg.connect(**connection.get_connection_params()) as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", [BUYING])
        connection.cursor().execute("SET LOCAL lock_timeout = '50ms'")
        with pytest.raises(OperationalError), transaction.atomic():
            check_numbers(at=NOON)
    assert network["asked"] == []


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, None),
        (200, "not json"),
        (200, "[]"),
        (200, '{"results": [1, {"number": 7}]}'),
        (200, "{}"),
    ],
)
def test_rubbish_is_no_answer_and_the_number_is_asked_another_day(network, status, body):
    point = phone()
    network.update({"status": status, "body": body})
    assert check_numbers(at=NOON) == 0
    assert state_of(point) == "unknown"
    assert check_numbers(at=NOON) == 0
    assert point.checks.count() == 1
    network.update({"status": 200, "body": None, point.address: {"state": "valid"}})
    assert check_numbers(at=NOON + timedelta(days=2)) == 1


def test_a_check_that_a_killed_tick_left_is_given_up_and_paid_for(network):
    point = phone()
    NumberCheck.objects.create(contact_point=point, asked_at=NOON, cost=2)
    assert check_numbers(at=NOON) == 0
    assert check_numbers(at=NOON + timedelta(hours=2)) == 0
    assert state_of(point) == "unknown"


def test_without_a_service_or_a_budget_nothing_is_asked(network, settings):
    phone()
    settings.NUMBER_CHECK_BUDGET = 0
    assert check_numbers(at=NOON) == 0
    settings.NUMBER_CHECK_URL, settings.NUMBER_CHECK_BUDGET = "", 100
    assert check_numbers(at=NOON) == 0
    assert network["asked"] == []


def test_what_is_due_is_read_by_its_index_alone(db):
    with connection.cursor() as cursor:  # a table of three rows is read at once otherwise
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
    scan = due_numbers(at=NOON)[:100].explain()
    assert "Index Scan using contact_point_to_check" in scan
    assert "Index Cond: (COALESCE(" in scan
    assert "Sort" not in scan
