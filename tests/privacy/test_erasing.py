"""Erasing a person: what stands against it, who confirms it, and that nothing of him is left."""

import json
from datetime import date, datetime, timedelta
from io import BytesIO

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection

from apps.core.models import Change
from apps.events.models import Arrival
from apps.files.actions.receiving import receive
from apps.files.models import Batch, Folder, Record
from apps.messaging.models.links import Link
from apps.messaging.models.outbox import Message
from apps.privacy.actions import erasing
from apps.privacy.actions.erasing import ErasureError, ask_erasure, confirm_erasure
from apps.privacy.models import Erasure
from apps.products.models.accounts import Account
from apps.products.models.holdings import Payment, Policy
from apps.products.models.instalments import CreditAccount
from apps.profiles.imports.clients import ClientResource
from apps.profiles.models import Client, ConsentRecord, ContactPoint, Identifier, Suppression
from tests.admin.scene import EVENING
from tests.privacy.test_masking import KNOWN, make_known
from tests.products.importing import load

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

MUCH_LATER = EVENING + timedelta(days=365 * 12)
KEPT_BY_LAW = {"first_name", "last_name", "core_id"}


@pytest.fixture
def person():
    return make_known()


@pytest.fixture
def officers():
    users = get_user_model().objects
    return [users.create_user(name, password="secret", is_staff=True) for name in ("one", "two")]


def end_contracts(client):
    """Let nothing stand against erasing him: his contracts are over, no file is on its way."""
    day = EVENING.date()
    Batch.objects.update(state="dropped")
    Payment.objects.filter(policy__client=client).exclude(state="paid").update(
        state="cancelled", paid_on=None
    )
    Policy.objects.filter(client=client).update(state="surrendered", closed_on=day)
    for model in (Account, CreditAccount):
        model.objects.filter(client=client).update(closed_on=max(day, date(2020, 3, 1)))


def erase(client, officers, at=MUCH_LATER):
    Erasure.objects.filter(client=client).delete()
    asked = ask_erasure(client, reason="his letter", by=officers[0], at=at)
    assert confirm_erasure(asked.pk, by=officers[1], at=at)
    asked.refresh_from_db()
    return asked


def everything():
    """Return every row of every table as one text."""
    texts = []
    with connection.cursor() as cursor:
        for model in apps.get_models(include_auto_created=True):
            cursor.execute(f'SELECT t::text FROM "{model._meta.db_table}" AS t')
            texts += [text for (text,) in cursor.fetchall()]
    return "\n".join(texts)


def left():
    text = everything()
    return {name for name, value in KNOWN.items() if value in text} | (
        {"birth"} if "1971-08-23" in text else set()
    )


def test_a_live_contract_stands_against_it(person, officers):
    with pytest.raises(ErasureError, match=r"Policy P-.* runs until"):
        ask_erasure(person, reason="his letter", by=officers[0], at=EVENING)


def test_nobody_confirms_what_he_asked_for(person, officers):
    end_contracts(person)
    Erasure.objects.all().delete()
    asked = ask_erasure(person, reason="his letter", by=officers[0], at=EVENING)
    assert not confirm_erasure(asked.pk, by=officers[0], at=EVENING)
    assert confirm_erasure(asked.pk, by=officers[1], at=MUCH_LATER)
    assert not confirm_erasure(asked.pk, by=officers[1], at=MUCH_LATER)  # twice


def test_nothing_of_an_erased_person_is_left_anywhere(person, officers):
    end_contracts(person)
    Batch.objects.update(
        diff={"examples": [KNOWN["phone"]]}, note=f"{KNOWN['last_name']} has more."
    )
    faults = [["encoding", f"This may mean {KNOWN['first_name']}.", 2, ""]]
    for state, purged_at in (("refused", EVENING), ("refused", None)):
        Batch.objects.create(
            kind="clients", filename="c.csv", size=1, received_at=EVENING, state=state,
            faults=faults, purged_at=purged_at,
        )  # fmt: skip
    Batch.objects.filter(purged_at=None).update(filename=f"complaint of {KNOWN['last_name']}.csv")
    assert left() == {*KNOWN, "birth"}  # else this would prove nothing
    assert erase(person, officers).state == "erased"
    assert left() == set()


def test_what_is_left_is_evidence_and_money_without_a_person(person, officers):
    end_contracts(person)
    consents = ConsentRecord.objects.filter(client=person).count()
    paid = Payment.objects.filter(policy__client=person).count()
    erasure = erase(person, officers)
    assert ConsentRecord.objects.filter(client=person).count() == consents
    assert len(erasure.evidence["consents"]) == consents
    assert erasure.evidence["messages"] == {"sms failed": 1, "sms delivered": 1}
    assert Payment.objects.filter(policy__client=person).count() == paid
    assert set(Policy.objects.filter(client=person).values_list("number", flat=True)) == {
        f"erased-{policy.pk}" for policy in Policy.objects.filter(client=person)
    }


def test_the_law_keeps_names_and_contracts_for_its_time(person, officers):
    end_contracts(person)
    erasure = erase(person, officers, at=EVENING + timedelta(days=90))
    assert (erasure.state, erasure.waits_until) == ("limited", date(2030, 12, 31))
    assert left() == {*KEPT_BY_LAW, "birth"}
    assert erasing.complete_due(at=datetime(2030, 12, 31, 12, tzinfo=EVENING.tzinfo)) == 0
    assert erasing.complete_due(at=datetime(2031, 1, 1, 12, tzinfo=EVENING.tzinfo)) == 1
    assert erasing.complete_due(at=datetime(2031, 1, 1, 13, tzinfo=EVENING.tzinfo)) == 0
    assert left() == set()


def test_nothing_goes_out_any_more(person, officers):
    end_contracts(person)
    waiting = Message.objects.filter(notice__client=person).first()
    Message.objects.filter(pk=waiting.pk).update(state="queued", handed_at=None)
    erase(person, officers)
    waiting.refresh_from_db()
    assert (waiting.state, waiting.reason) == ("skipped", "erased")
    assert not Link.objects.filter(client=person, revoked_at=None).exists()
    assert not ContactPoint.objects.filter(client=person).exclude(state="removed").exists()


def test_what_may_have_arrived_does_not_read_as_not_sent(person, officers):
    end_contracts(person)
    handed = Message.objects.filter(notice__client=person).first()
    Message.objects.filter(pk=handed.pk).update(
        state="claimed", handed_at=EVENING, leased_until=EVENING
    )
    erase(person, officers)
    handed.refresh_from_db()
    assert (handed.state, handed.reason) == ("unknown", "erased")


def test_a_file_neither_brings_him_back_nor_has_his_address_written_to(person, officers):
    end_contracts(person)
    erase(person, officers)
    columns, before = "core_id,last_name,phone", Client.objects.count()
    report = load(ClientResource, columns, f"{KNOWN['core_id']},Again,")
    assert [fault.code for fault in report.faults] == ["erased_client"]
    assert load(ClientResource, columns, f"NEW-1,Heir,{KNOWN['phone']}").faults == ()
    assert Client.objects.count() == before + 1
    heir = ContactPoint.objects.get(address=KNOWN["phone"])
    assert Suppression.objects.get(client=None, reason="erased", channel="sms").hint == "•••"
    assert heir.client.last_name == "Heir"


def test_what_came_of_others_stays_though_his_number_stands_in_theirs(person, officers):
    number = KNOWN["core_id"]
    events = [{"id": "1", "core_id": number}, {"id": "2", "core_id": f"{number}-2"}]
    moments = {"first_at": EVENING, "last_at": EVENING, "received_at": EVENING}
    Arrival.objects.create(events=events, count=2, sender="api:crm", **moments)
    batch = Batch.objects.create(kind="quotes", filename="q.csv", size=1, received_at=EVENING)
    for line, said in enumerate((f"{number} is unknown.", f"{number}-2 is unknown."), 2):
        faults = [["unknown", "core_id", said, ""]]
        Record.objects.create(batch=batch, number=line, line=line, fate="rejected", faults=faults)
    end_contracts(person)
    erase(person, officers)
    assert [event["id"] for event in Arrival.objects.get().events] == ["2"]
    records = Record.objects.filter(batch=batch).order_by("line")
    assert [bool(each.faults) for each in records] == [False, True]


def test_files_that_name_clients_are_thrown_away_wherever_they_lie(
    person, officers, tmp_path, settings, django_capture_on_commit_callbacks
):
    settings.FILES_DROP = tmp_path
    for name, kind in (("core", "clients"), ("prices", "quotes")):
        Folder.objects.create(path=name, kind=kind)
        for aside in ("taken", "too_large"):
            (tmp_path / name / aside).mkdir(parents=True)
            (tmp_path / name / aside / "a.csv").write_text(KNOWN["phone"])
    batch = receive(BytesIO(b"x"), kind="clients", filename="a", origin="upload", at=EVENING)
    end_contracts(person)
    with django_capture_on_commit_callbacks(execute=True):
        erase(person, officers)
    assert not batch.path.exists()
    found = {path.parent.parent.name for path in tmp_path.rglob("*") if path.is_file()}
    assert found == {"prices"}


def test_the_trail_keeps_its_lines_without_the_values(person, officers):
    end_contracts(person)
    Client.objects.filter(pk=person.pk).update(last_name="Other")
    erase(person, officers)
    line = Change.objects.filter(table_name="profiles_client", row_id=person.pk).earliest("pk")
    assert line.sealed_at == MUCH_LATER
    assert set(line.before.values()) == {None}


def test_a_changed_evidence_breaks_the_chain(person, officers):
    other = make_known(number=2)
    for client in (person, other):
        end_contracts(client)
    first, second = erase(person, officers), erase(other, officers)
    assert second.previous == first.digest
    assert erasing.broken_links() == []
    Erasure.objects.filter(pk=first.pk).update(evidence=first.evidence | {"messages": {}})
    assert erasing.broken_links() == [first.pk]


def test_a_restored_backup_is_erased_again(person, officers, tmp_path):
    end_contracts(person)
    erase(person, officers)
    kept = tmp_path / "erasures.json"
    call_command("erasures", write=kept)
    assert not any(value in kept.read_text() for value in KNOWN.values())
    call_command("erasures", apply=kept)  # here everybody is erased already
    assert Erasure.objects.filter(client=person).count() == 1
    Erasure.objects.all().delete()  # the backup is older than the erasure
    Client.objects.filter(pk=person.pk).update(last_name=KNOWN["last_name"])
    Identifier.objects.create(client=person, kind="core_id", value=KNOWN["core_id"])
    call_command("erasures", apply=kept)
    assert left() <= KEPT_BY_LAW
    assert json.loads(kept.read_text())[0]["client"] == person.pk
