"""Lists of millions are counted, ordered and searched without being read whole."""

import re

import pytest
from django.contrib import admin
from django.db import connection
from django.urls import reverse

from apps.advisers.models import CallTask
from apps.core.admin import finding
from apps.core.models import Change
from apps.files.models import Batch
from apps.landing.models import EmailSubscription
from apps.messaging.models.invitations import Invitation
from apps.messaging.models.links import Hit, Link, Opening
from apps.messaging.models.numbers import NumberCheck
from apps.messaging.models.outbox import Message, Notice
from apps.messaging.models.replies import Reply
from apps.messaging.models.verdicts import Verdict
from apps.products.models.accounts import Account, Transaction
from apps.products.models.deadlines import Deadline
from apps.products.models.holdings import Payment, Policy, PolicyCoupon
from apps.products.models.instalments import CreditAccount, Instalment
from apps.products.models.moves import HoldingMove
from apps.products.models.strategies import Strategy
from apps.profiles.models import Client, ConsentRecord, ContactPoint, Identifier, Suppression
from tests import factories
from tests.messaging.world import DAY, by_email, by_sms, planned

admin.autodiscover()
OF_PEOPLE = [
    Client, ConsentRecord, ContactPoint, Suppression, EmailSubscription, Invitation, Link, Hit,
    Opening, NumberCheck, Message, Notice, Reply, Verdict, Account, Transaction, Deadline, Payment,
    Policy, PolicyCoupon, CreditAccount, Instalment, HoldingMove,
]  # fmt: skip
SORTED = re.compile(r"(?<!Incremental )Sort  \(")


def asked(rf, admin_user, model, term=""):
    """Return the rows of a list as its page asks for them."""
    request = rf.get("/", {"q": term} if term else {})
    request.user = admin_user
    page = admin.site._registry[model]
    rows, _twice = page.get_search_results(request, page.get_queryset(request), term)
    return rows.order_by(*page.get_ordering(request))


def plan(rows, *switched_off):
    """Return how the database would go about it, had it the choice but for what is switched off."""
    with connection.cursor() as cursor:
        for way in switched_off:
            cursor.execute(f"SET LOCAL enable_{way} = off")
    return rows[:50].explain()


@pytest.mark.parametrize("model", [*OF_PEOPLE, CallTask], ids=lambda model: model.__name__)
def test_people_are_looked_for_by_an_index(rf, admin_user, model):
    rows = asked(rf, admin_user, model, "Anders").order_by()
    # What is left needs a condition that an index answers, whatever the statistics say.
    assert "client_last_name" in plan(rows, "seqscan", "indexscan", "indexonlyscan")


@pytest.mark.parametrize("model", OF_PEOPLE, ids=lambda model: model.__name__)
def test_a_page_of_a_long_list_is_read_in_the_order_of_an_index(rf, admin_user, model):
    assert not SORTED.search(plan(asked(rf, admin_user, model), "seqscan", "sort", "bitmapscan"))
    assert admin.site._registry[model].date_hierarchy is None  # every day there is, for a few links


def test_a_client_is_found_by_names_in_any_order_addresses_and_numbers(rf, admin_user, db):
    client = factories.client(first_name="Ruth", last_name="Anders")
    factories.client(first_name="Ruth", last_name="Berg")
    Identifier.objects.create(client=client, kind="core_id", value="C-77")
    ContactPoint.objects.create(client=client, channel="sms", address="+447700900123")
    ContactPoint.objects.create(client=client, channel="email", address="ruth@example.com")
    for term in ("anders ruth", "Ruth And", "C-77", "+44 7700 900-123", "Ruth@Example.com"):
        assert [*asked(rf, admin_user, Client, term)] == [client], term
    for term in ("anders berg", "nders", "C-7", "99999999999999999999", '"'):
        assert [*asked(rf, admin_user, Client, term)] == [], term


def test_messages_are_found_by_the_address_they_went_to(rf, admin_user, db):
    (message,), _others = planned(by_sms()), planned(by_email())
    assert [*asked(rf, admin_user, Message, message.contact_point.address)] == [message]


def test_a_number_that_no_row_can_have_finds_nothing(rf, admin_user, db):
    for term in ("x", "9" * 30, "-1"):
        assert not asked(rf, admin_user, Change, term).exists()


def test_a_file_is_found_as_its_rows_call_it(rf, admin_user, db):
    batch = Batch.objects.create(kind="clients", filename="x.csv", size=1, received_at=DAY)
    for term, found in ((batch.reference, [batch]), ("x.CSV", [batch]), ("clients-0", [])):
        assert [*asked(rf, admin_user, Batch, term)] == found, term


def test_a_list_is_counted_only_so_far(admin_client, monkeypatch, db):
    monkeypatch.setattr(finding, "COUNTED", 2)
    factories.client()
    url = reverse("admin:profiles_client_changelist")
    assert admin_client.get(url).context["cl"].result_count == 1
    factories.client(), factories.client()
    page = admin_client.get(url)
    assert str(page.context["cl"].result_count) == "2+"
    assert re.search(r">\s*2\+\s*clients", page.content.decode())


def test_policies_are_counted_of_the_strategies_shown_alone(rf, admin_user, db):
    for _ in range(3):
        strategy = factories.strategy()
        factories.policy(factories.client(), strategy)
        factories.policy(factories.client(), strategy, state="called")
    shown = asked(rf, admin_user, Strategy)[:2]
    assert [row.policies_held for row in shown] == [1, 1]
    (counting,) = re.findall(r"SubPlan.*?loops=(\d+)", shown.explain(analyze=True), re.DOTALL)
    assert counting == "2"
