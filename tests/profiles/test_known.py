"""What is known of a file's record is void as soon as anything of its client changes."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event
from uuid import UUID

import pytest
from django.db import connection, transaction

from apps.core.imports.staging import Staging
from apps.files.actions.staging import create_verdicts
from apps.files.actions.undoing import undo
from apps.files.actions.working import work
from apps.profiles.imports.sets import ClientSets
from apps.profiles.models import Channel, Client, ContactPoint, Identifier, KnownRecord
from tests import factories
from tests.profiles.test_sets import AT, LATER, brought, staged

__all__ = ["staged"]
TEXT = "core_id,first_name,phone,consent_service,consent_text\n{}"
ROWS = "\n".join(f"C-{n},Anna,+7916123456{n},sms,v1" for n in range(3))


def known():
    """Return the ids of the core system of whom a record is known."""
    pks = KnownRecord.objects.exclude(digest=None).values("client_id")
    clients = Identifier.objects.filter(client__in=pks, kind="core_id")
    return {*clients.values_list("value", flat=True)}


@pytest.fixture
def landed(db, staged):
    brought(TEXT.format(ROWS), AT, confirmed=True)
    assert known() == {"C-0", "C-1", "C-2"}


def change_fields(client):
    Client.objects.filter(pk=client.pk).update(first_name="Bob")


def add_address(client):
    ContactPoint.objects.create(client=client, channel=Channel.EMAIL, address="a@example.com")


def change_address(client):
    client.contact_points.update(state=ContactPoint.State.REMOVED)


def delete_address(client):
    client.contact_points.all().delete()


def answer(client):
    factories.consent(client, "service", "sms", granted=False, at=AT + timedelta(days=1))


def give_identifier(client):
    other = Identifier.objects.get(value="C-2")
    other.client = client
    other.save()


@pytest.mark.parametrize(
    "deed", [change_fields, add_address, change_address, delete_address, answer]
)
def test_whatever_changes_of_a_client_voids_what_is_known_of_him(landed, deed):
    deed(Identifier.objects.get(value="C-1").client)
    assert known() == {"C-0", "C-2"}


def test_an_identifier_that_moves_voids_what_is_known_of_both(landed):
    give_identifier(Identifier.objects.get(value="C-1").client)
    assert known() == {"C-0"}


def test_what_was_voided_is_known_again_when_a_file_says_it_and_nothing_differs(landed):
    change_fields(Identifier.objects.get(value="C-1").client)
    assert brought(TEXT.format(ROWS), LATER, confirmed=True).changed == 1
    assert known() == {"C-0", "C-1", "C-2"}
    KnownRecord.objects.all().delete()
    assert brought(TEXT.format(ROWS), LATER, confirmed=True).unchanged == 3
    assert known() == {"C-0", "C-1", "C-2"}


def test_a_look_at_a_file_makes_nothing_known(landed):
    KnownRecord.objects.update(digest=None)
    brought(TEXT.format(ROWS), LATER)
    assert known() == set()


def test_the_same_cells_under_other_names_are_not_known(landed):
    text = TEXT.format(ROWS).replace("first_name", "last_name")
    assert brought(text, LATER, confirmed=True).changed == 3


def test_a_file_taken_back_leaves_nothing_known(db, staged):
    batch = brought(TEXT.format(ROWS), AT, confirmed=True)
    undo(batch.pk, by=None, at=LATER)
    assert work(batch.pk, at=LATER)
    assert not Client.objects.exists()
    assert not KnownRecord.objects.exists()


def forget_some():
    """Have C-0 never known, C-1 void, and C-2 about to change."""
    clients = dict(Identifier.objects.values_list("value", "client_id"))
    KnownRecord.objects.filter(client_id=clients["C-0"]).delete()
    change_address(Client.objects.get(pk=clients["C-1"]))
    ContactPoint.objects.update(state=ContactPoint.State.VALID)
    KnownRecord.objects.filter(client_id=clients["C-2"]).update(digest=UUID(int=1))
    Client.objects.filter(pk=clients["C-2"]).update(first_name="Cleo")


def land(between):
    """Land the file while something happens between the comparison and the landing."""
    batch = brought(TEXT.format(ROWS), LATER)
    columns = tuple(TEXT.partition("\n")[0].split(","))
    staging = Staging(batch.pk, columns, landing=True)
    with transaction.atomic():
        create_verdicts(staging)
        ClientSets().compare(staging, at=LATER)
        between()
        ClientSets().land(staging, at=LATER, filename="c.csv", by=None)


def in_thread(deed):
    def run():
        try:
            return deed()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(run).result()


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_what_changes_while_a_file_lands_is_not_known(staged):
    brought(TEXT.format(ROWS), AT, confirmed=True)
    forget_some()
    land(lambda: in_thread(lambda: [add_address(client) for client in Client.objects.all()]))
    assert known() == set()
    land(lambda: None)
    assert known() == {"C-0", "C-1", "C-2"}


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_a_file_lands_beside_a_change_that_is_not_committed_yet(staged):
    brought(TEXT.format(ROWS), AT, confirmed=True)
    forget_some()
    written, landed = Event(), Event()

    def change():
        try:
            with transaction.atomic():
                for value in ("C-0", "C-1"):
                    add_address(Identifier.objects.get(value=value).client)
                written.set()
                landed.wait(30)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        changing = pool.submit(change)
        assert written.wait(30)
        land(lambda: None)
        assert not changing.done()  # it waits for nobody
        landed.set()
        changing.result()
    assert not known() & {"C-0", "C-1"}
