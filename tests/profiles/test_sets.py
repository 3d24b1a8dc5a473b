"""Large files of clients land in sets, to the very rows and verdicts of the exact resource."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from apps.core.imports.kinds import KINDS
from apps.core.imports.staging import Staging
from apps.files.actions import reading
from apps.files.actions.bringing import bring
from apps.profiles.actions.addresses import Address, replace_addresses
from apps.profiles.actions.consents import Answer, record_consent
from apps.profiles.actions.merging import propose_merge
from apps.profiles.imports.clients import ClientResource
from apps.profiles.models import Client, ContactPoint, Duplicate
from apps.profiles.queries.merging import preview
from tests.profiles.test_consents import AT, CONSENT, standing

pytestmark = pytest.mark.django_db

LATER = datetime(2020, 6, 2, 12, tzinfo=UTC)
CELLS = {
    "core_id": ["C-1", "C-2", "C-3", "C-4"],
    "first_name": ["", "Anna", "Фёдор", "Bob"],
    "last_name": ["", "Test", "Test", "Example", "Example "],
    "birth_on": ["", "", "1990-05-17", "1991-01-02", "1991-02-30"],
    "tier": ["", "hnwi", "small", "SMALL"],
    "language": ["", "ru", "en"],
    "time_zone": ["", "Europe/Moscow", "Asia/Tokyo"],
    "phone": ["", "+79161234567", "+12025550143", "+79160000000", "+7 916 123-45-67", "12"],
    "email": ["", "anna@example.com", "bob@example.com", "Bob@Example.com", "x@example.com"],
    "preferred_channel": ["", "sms", "email"],
    "quiet_from": ["", "21:00", "22:15", "09:00", "21:00:30"],
    "quiet_until": ["", "09:00", "21:00", "22:15"],
    "consent_service": [
        "",
        "sms",
        "sms email",
        "email",
        "none",
        "none",
        "sms email push messenger in_app call",
    ],
    "consent_digest": ["", "email", "none"],
    "consent_marketing": ["", "", "push"],
    "consent_text": ["", "v1", "v1", "v2"],
    "consent_on": ["", "", "2020-01-10", "2020-01-20", "2020-05-01", "2020-06-30"],
    "attr_branch": ["", "North", "true", "1"],
}
assert CELLS.keys() - {"attr_branch"} == ClientResource.fields.keys()


@st.composite
def files(draw):
    """Draw a file of a few clients; most of its cells are plain, some are not."""
    others = sorted(CELLS.keys() - {"core_id"})
    names = ["core_id", *draw(st.lists(st.sampled_from(others), unique=True, min_size=1))]
    if any(name.startswith("consent_") for name in names) and draw(st.booleans()):
        names = [*dict.fromkeys([*names, "consent_text", "consent_on"])]
    # Half of the rows hold nothing odd, or whole files would be refused for their first cells.
    plain = st.tuples(*(st.sampled_from(CELLS[name][:4]) for name in names))
    row = plain | st.tuples(*(st.sampled_from(CELLS[name]) for name in names))
    rows = draw(st.lists(row, min_size=1, max_size=4))
    return "\n".join(",".join(cells) for cells in [names, *rows])


DEEDS = ["stop", "zone", "verify", "remove", "number", "merge", "answer", "fields"]


def change(deed, client):
    """Let something happen to a client between two files."""
    if deed == "stop":
        record_consent(Answer(client.pk, "service", "sms", False, "v1", "reply STOP"), at=AT)
    elif deed == "answer":
        record_consent(Answer(client.pk, "digest", "email", True, "v2", "form"), at=AT)
    elif deed == "zone":
        client.time_zone, client.time_zone_source = "Asia/Tokyo", "stated"
    elif deed == "number":
        client.attributes = {"branch": 1, "other": None}
    elif deed == "merge":
        merge(client)
        return
    elif deed == "fields":
        client.first_name, client.birth_on, client.quiet_from = "", date(1991, 1, 2), "22:15"
    elif deed == "verify":
        client.contact_points.update(verified_at=AT)
        replace_addresses([Address(client.pk, "sms", "+12025550143")], at=AT)
    else:
        client.contact_points.update(state=ContactPoint.State.REMOVED)
    client.save()


def merge(client):
    """Merge a client into another one, if there are two that stand."""
    other = Client.objects.exclude(pk=client.pk).filter(merged_into=None).first()
    if other and Client.objects.get(pk=client.pk).merged_into is None:
        boss = get_user_model().objects.get_or_create(username="boss")[0]
        seen = preview(other, client).seen
        propose_merge(other.pk, client.pk, reason="one", by=boss, seen=seen, at=AT)


def brought(text, at, *, in_sets=True, **options):
    kind = KINDS["clients"]
    try:
        KINDS["clients"] = kind if in_sets else replace(kind, sets=None)
        options = {"kind": "clients", "filename": "c.csv", "at": at, **options}
        return bring(text.encode(), **options)
    finally:
        KINDS["clients"] = kind


def found(text, *, in_sets, confirmed):
    """Return what became of the records of a file and of the clients, and take it all back."""
    with transaction.atomic():
        batch = brought(text, LATER, in_sets=in_sets, confirmed=confirmed)
        with connection.cursor() as cursor:
            staging = Staging(batch.pk, ())
            cursor.execute(
                staging.query("SELECT number, fate, before, faults FROM {verdicts} ORDER BY number")
            )
            verdicts = cursor.fetchall()
        said = batch.records, batch.rejected, batch.held, batch.state, verdicts, clients()
        transaction.set_rollback(True)
    return said


def clients():
    return [
        (
            [*client.identifiers.order_by("kind", "value").values_list("kind", "value")],
            Client.objects.values(*(set(COLUMNS) - {"id", "merged_into"})).get(pk=client.pk),
            sorted(
                client.contact_points.values_list("channel", "address", "state", "verified_at"),
                key=str,
            ),
            sorted(client.consents.values_list(*ANSWER), key=str),
            Duplicate.objects.filter(second=client).count(),
        )
        for client in Client.objects.order_by("identifiers__value", "pk")
    ]


COLUMNS = [field.name for field in Client._meta.fields]
ANSWER = (
    "purpose", "channel", "granted", "text_version", "source", "given_on", "recorded_at",
)  # fmt: skip


@pytest.fixture
def staged(monkeypatch):
    """Have files of any size staged, as large ones are."""
    monkeypatch.setattr(reading, "SMALL", 0)


@pytest.mark.slow
@settings(
    max_examples=25,
    deadline=None,
    phases=[Phase.generate],  # a failure is told at once; to shrink one takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.lists(files(), max_size=2),
    st.lists(st.tuples(st.sampled_from(DEEDS), st.integers(0, 3)), max_size=4),
    files() | st.none(),
    st.booleans(),
)
def test_sets_do_what_the_exact_resource_does(staged, before, deeds, text, confirmed):
    """Without a text of its own, the file is the first one again: its records are known."""
    text = text or (before or ["core_id\nC-1"])[0]
    with transaction.atomic():
        for earlier in before:
            brought(earlier, AT, confirmed=True)
        for deed, place in deeds:
            if client := Client.objects.order_by("pk")[place : place + 1].first():
                change(deed, client)
        exact = found(text, in_sets=False, confirmed=confirmed)
        assert found(text, in_sets=True, confirmed=confirmed) == exact
        transaction.set_rollback(True)


def test_a_file_in_sets_never_grants_again_what_the_client_withdrew(staged):
    brought(f"{CONSENT}\nC-1,sms,v1,2020-01-01", AT, confirmed=True)
    change("stop", Client.objects.get())
    brought(f"{CONSENT}\nC-1,sms,v1,2020-05-01", LATER, confirmed=True)
    assert standing() == set()


def test_a_file_in_sets_leaves_a_time_zone_that_was_stated_meanwhile(staged):
    brought("core_id,time_zone,tier\nC-1,Europe/Moscow,hnwi", AT, confirmed=True)
    change("zone", Client.objects.get())
    batch = brought("core_id,time_zone,tier\nC-1,Europe/Kyiv,small", LATER, confirmed=True)
    client = Client.objects.get()
    assert (client.time_zone, client.tier, batch.changed) == ("Asia/Tokyo", "small", 1)


def test_clients_of_a_large_file_are_compared_with_those_that_are_known(staged):
    text = "core_id,phone\nC-1,+79161234567\nC-2,+79161234567"
    brought(text, AT, confirmed=True)
    assert Duplicate.objects.count() == 1


def test_a_file_of_many_columns_lands_in_sets_and_changes(staged):
    names = [f"attr_{n}" for n in range(120)]
    for value, count in (("a", "new"), ("a", "unchanged"), ("b", "changed")):
        text = f"core_id,{','.join(names)}\nC-1,{','.join(value + name for name in names)}"
        assert getattr(brought(text, AT, confirmed=True), count) == 1
    assert Client.objects.get().attributes == {str(n): f"battr_{n}" for n in range(120)}
