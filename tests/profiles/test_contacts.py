"""Contacts and consents in files of their own: beside what is known, and never against the client."""

from datetime import date

import pytest

from apps.files.actions.bringing import bring
from apps.files.queries.reports import entries
from apps.profiles.actions.consents import Answer, record_consent
from apps.profiles.imports.consents import ConsentResource
from apps.profiles.imports.contacts import ContactResource
from apps.profiles.models import Conflict, ConsentRecord, ContactPoint, Identifier
from tests import factories
from tests.profiles.test_consents import AT

pytestmark = pytest.mark.django_db

CONTACTS = "core_id,kind,value,state"
CONSENTS = "core_id,purpose,channel,granted,text_version,given_on"


@pytest.fixture
def anna():
    client = factories.client(consents=())
    client.identifiers.create(kind="core_id", value="C-1")
    return client


def brought(kind, *lines, at=AT):
    content = "\n".join(lines).encode()
    return bring(content, kind=kind, filename=f"{kind}.csv", at=at, confirmed=True)


def fates(batch):
    return [(entry["fate"], entry.get("code")) for entry in entries(batch)]


def test_contacts_stand_beside_those_that_are_known_and_land_once(anna):
    known = anna.contact_points.count()
    lines = (
        CONTACTS,
        "C-1,sms,+7 916 123-45-67,",
        "C-1,push,token-1,unconfirmed",
        "C-1,contract,K-7,",
    )
    assert brought("contacts", *lines).new == 3
    assert brought("contacts", *lines).unchanged == 3
    assert anna.contact_points.count() == known + 2
    assert anna.contact_points.get(address="+79161234567").state == "valid"
    assert anna.contact_points.get(address="token-1").state == "unconfirmed"
    assert Identifier.objects.get(kind="contract").client == anna


def test_a_file_gives_an_address_up_but_none_that_the_client_confirmed(anna):
    own, other = anna.contact_points.get(channel="email"), anna.contact_points.get(channel="sms")
    ContactPoint.objects.filter(pk=own.pk).update(verified_at=AT)
    batch = brought(
        "contacts", CONTACTS,
        f"C-1,email,{own.address},removed", f"C-1,sms,{other.address},removed",
    )  # fmt: skip
    assert (batch.changed, batch.unchanged) == (1, 1)
    assert set(anna.contact_points.values_list("channel", "state")) == {
        ("email", "valid"), ("sms", "removed"),
    }  # fmt: skip
    assert brought("contacts", CONTACTS, f"C-1,sms,{other.address},").unchanged == 1
    assert brought("contacts", CONTACTS, f"C-1,sms,{other.address},valid").changed == 1
    assert anna.contact_points.get(channel="sms").state == "valid"


@pytest.mark.parametrize("state", ["bounced", "unreachable"])
@pytest.mark.parametrize(
    ("kind", "lines"),
    [
        ("contacts", (CONTACTS, "C-1,email,{},valid")),
        ("contacts", (CONTACTS, "C-1,email,{},")),
        ("clients", ("core_id,email", "C-1,{}")),
    ],
)
def test_no_file_calls_an_address_good_that_failed(anna, state, kind, lines):
    point = anna.contact_points.get(channel="email")
    ContactPoint.objects.filter(pk=point.pk).update(state=state)
    assert brought(kind, *(line.format(point.address) for line in lines)).unchanged == 1
    point.refresh_from_db()
    assert point.state == state


def test_a_contract_of_another_client_waits_for_a_person(anna):
    holder = factories.client()
    holder.identifiers.create(kind="contract", value="K-7")
    batch = brought("contacts", CONTACTS, "C-1,contract,K-7,", "C-1,push,token-1,")
    assert fates(batch) == [("held", "conflict"), ("ok", None)]
    conflict = Conflict.objects.get()
    assert (conflict.claimant, conflict.holder, conflict.source) == (
        anna, holder, f"file:{batch.reference}",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("C-9,push,token-1,", "unknown_client"),
        ("C-1,sms,12345,", "not_a_phone"),
        ("C-1,contract,K-7,valid", "not_for_this_kind"),
        ("C-1,fax,1,", "not_a_choice"),
    ],
)
def test_a_bad_contact_is_rejected_with_its_reason(anna, line, code):
    assert fates(brought("contacts", CONTACTS, line)) == [("rejected", code)]


def test_consents_are_recorded_once_and_again_where_a_later_day_confirms_them(anna):
    line = "C-1,service,sms,yes,v1,2020-01-10"
    first = brought("consents", CONSENTS, line)
    assert first.new == 1
    assert brought("consents", CONSENTS, line).unchanged == 1
    assert brought("consents", CONSENTS, line.replace("-10", "-09")).unchanged == 1
    last = brought("consents", CONSENTS, line.replace("-10", "-20"))
    assert last.changed == 1
    answers = ConsentRecord.objects.order_by("pk").values_list("granted", "given_on", "source")
    assert list(answers) == [
        (True, date(2020, 1, 10), f"file:{first.reference}"),
        (True, date(2020, 1, 20), f"file:{last.reference}"),
    ]


def test_consents_withdraw_only_what_they_name(anna):
    brought("consents", CONSENTS, "C-1,service,sms,yes,v1,", "C-1,service,email,yes,v1,")
    assert brought("consents", CONSENTS, "C-1,service,sms,no,,").changed == 1
    assert anna.consents.order_by("-pk").first().granted is False
    assert anna.consents.filter(channel="email").count() == 1


@pytest.mark.parametrize("source", ["reply STOP", "file:older.csv"])
def test_consents_grant_nothing_that_was_withdrawn_after_them(anna, source):
    stop = Answer(anna.pk, "service", "sms", False, "v1", source, date(2020, 1, 10))
    record_consent(stop, at=AT)
    batch = brought("consents", CONSENTS, "C-1,service,sms,yes,v1,2020-01-10")
    assert batch.unchanged == 1
    assert "Not granted again" in batch.diff["remarks"][0]["sentence"]
    later = brought("consents", CONSENTS, "C-1,service,sms,yes,v1,2020-01-11")
    assert later.changed == (1 if source.startswith("file:") else 0)


@pytest.mark.parametrize(
    ("line", "column"),
    [
        ("C-1,service,sms,yes,,", "text_version"),
        ("C-1,service,sms,yes,v1,2020-03-09", "given_on"),
        ("C-9,service,sms,yes,v1,", "core_id"),
        ("C-1,service,sms,,v1,", "granted"),
    ],
)
def test_a_bad_consent_is_rejected_with_its_column(anna, line, column):
    (entry,) = entries(brought("consents", CONSENTS, line))
    assert (entry["fate"], entry["column"]) == ("rejected", column)


@pytest.mark.parametrize(("kind", "resource"), [
    ("contacts", ContactResource), ("consents", ConsentResource),
])  # fmt: skip
def test_what_is_taken_out_changes_nothing_when_it_comes_back(anna, kind, resource):
    record_consent(Answer(anna.pk, "service", "sms", True, "v1", "form"), at=AT)
    dataset = resource().export()
    batch = brought(kind, *dataset.export("csv").splitlines())
    assert (batch.unchanged, batch.records) == (len(dataset), len(dataset))
