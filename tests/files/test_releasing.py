"""What a second person must see: many changed phones, and large files."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth import get_user_model

from apps.files.actions import reading
from apps.files.actions.bringing import bring
from apps.files.actions.confirming import begin, confirm, drop, release
from apps.files.actions.resuming import purge, resume
from apps.files.actions.working import work
from apps.files.models import Batch, Record
from apps.files.queries.reports import entries, totals
from apps.profiles.models import (
    Client,
    Conflict,
    ContactPoint,
    ErasedIdentity,
    Identifier,
    Suppression,
)
from apps.profiles.models.suppressions import address_hash

AT = datetime(2026, 11, 2, 9, tzinfo=UTC)
HEAD = "core_id,first_name,phone\n"
pytestmark = pytest.mark.django_db


def rows(count, name="Ann", start=0):
    return "".join(f"C-{n},{name},+4477009{n + start:05d}\n" for n in range(count))


@pytest.fixture(params=["small", "large"])
def way(request, monkeypatch, settings):
    settings.FILES_CONTACT_CHANGES = 2
    if request.param == "large":
        monkeypatch.setattr(reading, "SMALL", 0)


@pytest.fixture
def ann():
    return get_user_model().objects.create_user("ann")


@pytest.fixture
def bob():
    return get_user_model().objects.create_user("bob")


def brought(text, **options):
    return bring(text.encode(), filename="c.csv", at=AT, **{"kind": "clients", **options})


def decided(batch):
    work(batch.pk, at=AT)
    batch.refresh_from_db()
    return batch


def phones():
    return set(ContactPoint.objects.exclude(state="removed").values_list("address", flat=True))


def test_many_changed_phones_wait_while_the_rest_lands(way, ann, bob):
    brought(HEAD + rows(5), confirmed=True)
    before = phones()
    batch = brought(HEAD + rows(3, start=50) + "C-3,Eve,+447700900003\nC-9,Ida,\n", by=ann)
    assert (batch.new, batch.changed, batch.held) == (1, 1, 3)
    assert batch.diff["columns"]["phone"] == 3
    assert confirm(batch.pk, by=ann, at=AT)
    assert (decided(batch).state, batch.held) == ("landed", 3)
    assert phones() == before
    assert Client.objects.filter(first_name="Eve").exists()
    assert {record.code for record in Record.objects.filter(batch=batch)} == {"many_changes"}

    assert not release(batch.pk, by=ann, at=AT)
    assert release(batch.pk, by=bob, at=AT)
    assert not release(batch.pk, by=bob, at=AT)
    assert (decided(batch).state, batch.held, batch.changed) == ("landed", 0, 4)
    assert len(phones() - before) == 3
    assert not Record.objects.filter(batch=batch).exists()
    assert {entry["fate"] for entry in entries(batch)} == {"ok"}
    assert totals(batch)["ok"] == totals(batch)["records"] == 5


def test_further_phones_of_many_clients_wait_like_changed_ones(way, ann, bob):
    brought(HEAD + rows(5) + "C-7,Kai,\n", confirmed=True)
    before = phones()
    Identifier.objects.create(
        client=Client.objects.get(first_name="Kai"), kind="contract", value="K-7"
    )
    lines = [
        "core_id,kind,value,state",
        "C-0,sms,+447700900050,", "C-0,push,token-0,", "C-0,contract,K-7,",
        "C-1,sms,+447700900051,", "C-2,sms,+447700900002,removed",
        "C-3,push,token-3,", "C-3,contract,K-7,", "C-7,sms,+447700900057,",
    ]  # fmt: skip
    batch = brought("\n".join(lines), kind="contacts", by=ann, confirmed=True)
    assert (batch.state, batch.new, batch.held) == ("landed", 2, 6)
    assert phones() - before == {"token-3", "+447700900057"}
    assert before < phones()
    assert Conflict.objects.count() == 2

    assert release(batch.pk, by=bob, at=AT)
    assert (decided(batch).state, batch.note) == ("landed", "")
    assert (batch.new, batch.changed, batch.held) == (5, 1, 2)
    assert phones() >= {"token-0", "+447700900050", "+447700900051"}
    assert "+447700900002" not in phones()
    told = [(one["fate"], one.get("code")) for one in entries(batch)]
    assert told.count(("held", "conflict")) == 2
    assert totals(batch)["held"] == Conflict.objects.count() == 2


def test_few_changed_phones_land_like_anything_else(way):
    brought(HEAD + rows(5), confirmed=True)
    batch = brought(HEAD + rows(2, start=50), confirmed=True)
    assert (batch.state, batch.changed, batch.held) == ("landed", 2, 0)


def test_what_is_held_stays_held_where_the_data_changed_since(way, ann, bob):
    brought(HEAD + rows(5), confirmed=True)
    batch = brought(HEAD + rows(3, start=50), confirmed=True, by=ann)
    assert (batch.state, batch.held) == ("landed", 3)
    ContactPoint.objects.filter(address="+447700900000").update(address="+447700900050")
    assert release(batch.pk, by=bob, at=AT)
    assert (decided(batch).state, batch.held) == ("landed", 3)
    assert "fits no longer" in batch.note
    assert "+447700900051" not in phones()


def test_what_is_held_can_be_released_after_a_purge(way, ann, bob):
    brought(HEAD + rows(5), confirmed=True)
    batch = brought(HEAD + rows(3, start=50), confirmed=True, by=ann)
    assert purge(at=AT + timedelta(days=30)) == 2
    assert [entry["fate"] for entry in entries(batch)][:3] == ["held"] * 3
    assert release(batch.pk, by=bob, at=AT)
    assert (decided(batch).state, batch.held, batch.changed) == ("landed", 0, 3)
    assert "+447700900051" in phones()


def test_what_is_read_again_after_a_purge_is_purged_again(way, ann, bob):
    brought(HEAD + rows(5), confirmed=True)
    held = brought(HEAD + rows(3, start=50), confirmed=True, by=ann)
    known = brought(HEAD + rows(2))
    assert purge(at=AT + timedelta(days=30)) == 3
    assert purge(at=AT + timedelta(days=30)) == 0
    assert begin(known.pk)
    assert decided(known).state == "unchanged"
    assert release(held.pk, by=bob, at=AT)
    assert decided(held).held == 0
    assert purge(at=AT + timedelta(days=30)) == 2


def test_what_is_held_of_a_file_that_is_no_longer_kept_stays_held(way, ann, bob):
    brought(HEAD + rows(5), confirmed=True)
    batch = brought(HEAD + rows(3, start=50), confirmed=True, by=ann)
    purge(at=AT + timedelta(days=30))
    batch.path.unlink()  # as when somebody is erased whom it may name
    assert release(batch.pk, by=bob, at=AT)
    assert (decided(batch).state, batch.held, batch.released_by) == ("landed", 3, None)
    assert "thrown away" in batch.note


def test_what_is_refused_or_thrown_away_is_kept_no_longer_than_what_was_staged(ann):
    refused, again = (brought("core_id,tier\nC-1,giant\n") for _ in range(2))
    dropped, known = brought(HEAD + rows(1)), brought(HEAD + rows(1, start=1), confirmed=True)
    assert drop(dropped.pk, by=ann, at=AT)
    assert (refused.state, again.pk != refused.pk, known.state) == ("refused", True, "landed")
    Batch.objects.filter(pk=again.pk).update(received_at=AT + timedelta(days=25))
    kept = []
    for days in (6, 30, 40, 40):
        purge(at=AT + timedelta(days=days))
        kept.append("".join("-+"[each.path.exists()] for each in (refused, dropped, known)))
    assert kept == ["+++", "+-+", "--+", "--+"]


def test_a_file_that_is_no_longer_kept_cannot_be_read_otherwise():
    batch = brought("core_id,tier\nC-1,giant\n")
    batch.path.unlink()
    assert begin(batch.pk)
    assert decided(batch).state == "refused"
    assert "thrown away" in batch.faults[0][1]


def test_a_file_that_cannot_be_worked_on_is_in_no_others_way(ann):
    strange, good = (brought(HEAD + rows(1, start=n), by=ann) for n in range(2))
    Batch.objects.filter(pk=strange.pk).update(kind="of an app that is gone")
    Batch.objects.update(state="checking")
    assert resume(at=AT) == 1
    good.refresh_from_db()
    assert good.state == "checked"


@pytest.mark.parametrize("known", [True, False])
def test_a_large_file_of_one_person_needs_another(settings, ann, bob, known):
    settings.FILES_ALONE = 3
    batch = brought(HEAD + rows(4), by=ann)
    assert confirm(batch.pk, by=ann if known else None, at=AT)
    assert not work(batch.pk, at=AT)
    batch.refresh_from_db()
    assert (batch.state, Client.objects.count()) == ("waiting", 0)
    assert not release(batch.pk, by=ann, at=AT)
    assert release(batch.pk, by=bob, at=AT)
    assert decided(batch).state == "landed"
    assert Client.objects.count() == 4
    assert Batch.objects.get().released_by == bob


def held_then_released(text, code, ann, bob, **options):
    """Bring a file of which one row waits for a second person, and have him release it."""
    batch = brought(text, by=ann, **options)
    assert confirm(batch.pk, by=ann, at=AT)
    assert (decided(batch).held, Record.objects.get(batch=batch).code) == (1, code)
    before = Client.objects.count(), Identifier.objects.count()
    assert not release(batch.pk, by=ann, at=AT)
    assert release(batch.pk, by=bob, at=AT)
    assert (decided(batch).state, batch.held) == ("landed", 0)
    assert before != (Client.objects.count(), Identifier.objects.count())
    assert not Record.objects.filter(batch=batch).exists()


def test_who_has_an_erased_persons_address_waits_for_a_second_person(way, ann, bob):
    address = {"channel": "sms", "address_hash": address_hash("sms", "+447700900001")}
    Suppression.objects.create(**address, hint="•••", reason="erased", source="x", made_at=AT)
    text = HEAD + rows(1) + "C-9,Ann,+447700900001\n"
    held_then_released(text, "erased_person", ann, bob)
    assert brought(text).state == "unchanged"


def test_a_contract_of_an_erased_person_waits_for_a_second_person(way, ann, bob):
    brought(HEAD + rows(1), confirmed=True)
    ErasedIdentity.objects.create(kind="contract", digest=address_hash("contract", "P-7"))
    text = "core_id,kind,value\nC-0,contract,P-7\nC-0,contract,P-8\n"
    held_then_released(text, "erased_person", ann, bob, kind="contacts")
    assert not Conflict.objects.exists()


def test_an_erased_core_id_is_refused_in_large_files_too(way):
    ErasedIdentity.objects.create(kind="core_id", digest=address_hash("core_id", "C-0"))
    batch = brought(HEAD + rows(2), confirmed=True)
    assert (batch.rejected, Record.objects.get(batch=batch).code) == (1, "erased_client")


def test_an_id_that_looks_like_a_known_one_waits_for_a_second_person(way, ann, bob):
    brought(HEAD + rows(1), confirmed=True)
    cyrillic = "\N{CYRILLIC CAPITAL LETTER ES}-0"
    text = f"core_id,first_name\n{cyrillic},Ann\n\N{CYRILLIC CAPITAL LETTER ES}-77,Eve\n"
    held_then_released(text, "look_alike", ann, bob)
    assert brought(text).state == "unchanged"
