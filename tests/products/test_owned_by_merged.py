"""Files go on naming clients who were merged by either id: nothing is refused, nothing flips."""

from datetime import UTC, datetime

import pytest
from django.contrib.auth import get_user_model

from apps.files.actions.bringing import bring
from apps.products.imports.accounts import AccountResource
from apps.products.imports.policies import PolicyResource
from apps.profiles.actions.conflicts import give_identifier
from apps.profiles.actions.merging import propose_merge, unmerge
from apps.profiles.imports.clients import ClientResource
from apps.profiles.models import Client, Conflict, Identifier
from apps.profiles.queries.consents import consents
from apps.profiles.queries.merging import preview
from tests import factories
from tests.importing import import_file

pytestmark = pytest.mark.django_db
AT = datetime(2020, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def pair():
    """Two clients of the core system, the younger of whom stays."""
    rows = "C-1,Ada,+447700900001,sms,v1\nC-2,Adele,+447700900002,sms,v1"
    stored = land(ClientResource, f"core_id,first_name,phone,consent_service,consent_text\n{rows}")
    assert stored.new == 2
    dropped, kept = (Identifier.objects.get(value=each).client for each in ("C-1", "C-2"))
    anna = get_user_model().objects.create_user("anna")
    seen = preview(kept, dropped).seen
    return propose_merge(kept.pk, dropped.pk, reason="one", by=anna, seen=seen, at=AT)


def land(resource, text):
    report = import_file(resource, text.encode(), filename="c.csv", at=AT)
    assert report.faults == ()
    return report


def test_the_row_of_who_stayed_counts_and_the_merged_ones_changes_nothing(pair):
    both = "core_id,first_name,phone\nC-1,Ada,+447700900001\nC-2,Adele,+447700900003"
    assert land(ClientResource, both).changed == 1
    assert land(ClientResource, both).unchanged == 2
    kept = Client.objects.get(pk=pair.kept_id)
    assert kept.first_name == "Adele"
    alone = land(ClientResource, "core_id,first_name\nC-1,Adam")
    assert (alone.unchanged, alone.remarks[0].reason) == (
        1, "This client was merged into C-2, whose row counts.",
    )  # fmt: skip
    unmerge(pair.pk, by=pair.decided_by, at=AT)
    assert land(ClientResource, "core_id,first_name\nC-1,Adam").changed == 1
    assert Client.objects.get(pk=pair.dropped_id).first_name == "Adam"


def test_what_the_merged_ones_row_withdraws_is_withdrawn(pair):
    row = "core_id,consent_service,consent_text\nC-1,none,"
    assert land(ClientResource, row).changed == 1
    assert consents([pair.kept_id], "service") == set()
    again = "core_id,consent_service,consent_text\nC-2,sms,v1"
    assert land(ClientResource, again).unchanged == 1
    assert consents([pair.kept_id], "service") == set()


def test_what_a_client_holds_may_be_named_by_either_id(pair):
    strategy = factories.strategy()
    columns = "number,core_id,strategy,nominal,premium,currency,starts_on,ends_on"
    row = f"{strategy.code},1000.00,1000.00,USD,2019-11-29,2020-11-30"
    assert land(PolicyResource, f"{columns}\nP-1,C-1,{row}").new == 1
    assert land(PolicyResource, f"{columns}\nP-1,C-1,{row}").unchanged == 1
    assert land(PolicyResource, f"{columns}\nP-1,C-2,{row}").unchanged == 1
    account = "number,core_id,name,currency,opened_on\nA-1,{},Savings,USD,2020-01-02"
    assert land(AccountResource, account.format("C-2")).new == 1
    assert land(AccountResource, account.format("C-1")).unchanged == 1
    assert Client.objects.get(pk=pair.kept_id).policies.count() == 1


def test_a_file_that_gives_a_policy_to_another_client_is_a_question_asked_once():
    land(ClientResource, "core_id\nC-1\nC-2")
    holder, claimant = (Identifier.objects.get(value=each).client for each in ("C-1", "C-2"))
    policy = factories.policy(holder, factories.strategy(), number="P-1")
    columns = "number,core_id,strategy,nominal,premium,currency,starts_on,ends_on"
    row = f"P-1,C-2,{policy.strategy.code},1000.00,1000.00,USD,2019-11-29,2020-11-30"
    files = []
    for confirmed in (False, True, True):
        assert not Conflict.objects.exists() or confirmed  # looking at a file asks nobody
        brought = bring(
            f"{columns}\n{row}".encode(), kind="policies", filename="p.csv", at=AT,
            confirmed=confirmed,
        )  # fmt: skip
        assert (brought.held, brought.rejected) == (1, 0)
        files.append(f"file:{brought.reference}")
    asked = Conflict.objects.get()
    assert (asked.holder, asked.claimant, asked.value) == (holder, claimant, "P-1")
    assert (asked.source, asked.line) == (files[1], 2)
    assert asked.claimed["core_id"] == "C-2"
    people = [get_user_model().objects.create_user(name) for name in ("anna", "bob")]
    assert give_identifier(asked.pk, by=people[0], at=AT) == "proposed"
    assert give_identifier(asked.pk, by=people[1], at=AT) == "moved"
    policy.refresh_from_db()
    assert policy.client == claimant
    assert land(PolicyResource, f"{columns}\n{row}").unchanged == 1
