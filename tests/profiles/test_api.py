"""Clients by HTTP: written like their file, read back with their addresses and the proof of consent."""

from datetime import UTC, datetime, timedelta

import pytest

from apps.core import clock
from apps.profiles.models import Client, ConsentRecord, ContactPoint, Suppression
from apps.profiles.models.suppressions import address_hash
from tests.calling import System, faults

pytestmark = pytest.mark.django_db

AT = datetime(2020, 6, 1, 22, tzinfo=UTC)
ANNA = {
    "core_id": "C-1", "first_name": "Anna", "last_name": "Example", "language": "ru",
    "phone": "+7 916 123-45-67", "email": "Anna@Example.com", "consent_service": ["sms", "email"],
    "consent_text": "2019-01", "attributes": {"branch": "North"},
}  # fmt: skip


@pytest.fixture
def system(client, settings):
    settings.CLOCK_OFFSET = AT - clock.now()
    return System(
        client,
        *(f"{one}:{may}" for one in ("clients", "consents") for may in ("read", "write")),
        "holdings:read",
    )


def test_a_client_is_brought_and_read_back_as_he_is_stored(system):
    assert system.post("/clients", ANNA).json()["state"] == "new"
    read = system.get("/clients/C-1").json()
    assert {name: read[name] for name in ANNA} == {
        **ANNA, "phone": "+79161234567", "email": "anna@example.com"
    }  # fmt: skip
    assert read["birth_on"] is None
    back = {name: value for name, value in read.items() if value is not None}
    assert system.post("/clients", back).json()["state"] == "unchanged"
    assert system.get("/clients").json() == {"items": [read], "next": None}


def test_a_client_is_put_where_he_is_read(system):
    body = {"first_name": "Anna", "consent_service": ["sms"], "consent_text": "1"}
    assert system.put("/clients/C-1", body).json()["state"] == "new"
    assert system.put("/clients/C-1", {"last_name": "Example"}).json()["state"] == "changed"
    assert system.put("/clients/C-1", {"core_id": "C-2"}).status_code == 422
    stored = Client.objects.get()
    assert (stored.first_name, stored.last_name) == ("Anna", "Example")
    assert system.put("/clients/C-1", {"consent_service": []}).json()["state"] == "changed"
    assert [one.granted for one in ConsentRecord.objects.order_by("pk")] == [True, False]


def test_what_the_client_himself_withdrew_is_left_and_said(system):
    system.post("/clients", ANNA)
    anna = Client.objects.get()
    ConsentRecord.objects.create(
        client=anna, purpose="service", channel="sms", granted=False, text_version="1",
        source="STOP", recorded_at=clock.now(),
    )  # fmt: skip
    answer = system.put("/clients/C-1", {"consent_service": ["sms"], "consent_text": "1"}).json()
    assert [one["pointer"] for one in answer["remarks"]] == ["#/consent_service"]
    told = system.get("/clients/C-1/consents").json()["items"]
    assert {one["channel"]: one["granted"] for one in told if one["is_current"]} == {
        "sms": False, "email": False,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("said", "place", "code"),
    [
        ({"phone": "9161234567"}, "#/phone", None),
        ({"email": "anna"}, "#/email", None),
        ({"birth_on": "03/04/1980"}, "#/birth_on", "ambiguous_date"),
        ({"language": "xx"}, "#/language", None),
        ({"consent_service": ["fax"]}, "#/consent_service", None),
        ({"consent_service": "sms"}, "#/consent_service", "list_type"),
        ({"quiet_from": "9:00"}, "#/quiet_from", "not_a_time"),
        ({"time_zone": "Mars/Base"}, "#/time_zone", "not_a_time_zone"),
        ({"attributes": {"a/b": "x"}}, "#/attributes/a~1b", "not_a_name"),
        ({"attributes": {"": "x"}}, "#/attributes/", "not_a_name"),
        ({"attributes": {"age": 5}}, "#/attributes/age", "string_type"),
        ({"first_name": "A" * 101}, "#/first_name", None),
    ],
)
def test_a_refused_client_says_which_field_and_why(system, said, place, code):
    answer = system.post("/clients", {**ANNA, **said})
    assert answer.status_code == 422
    ((pointer, told),) = faults(answer)
    assert pointer == place
    assert code in {None, told}
    assert not Client.objects.exists()


def test_clients_are_found_by_address_which_no_url_carries(system):
    system.post("/clients", ANNA)
    ContactPoint.objects.create(
        client=Client.objects.get(), channel="sms", address="+79160000000", state="removed"
    )

    def found(**wanted):
        return [one["core_id"] for one in system.post("/clients/search", wanted).json()["items"]]

    assert found(phone=["+79161234567"]) == found(email=["anna@example.com"]) == ["C-1"]
    assert found(phone=["+79160000000"]) == found(core_id=["C-2"]) == []


def test_the_addresses_of_a_client_are_read_with_their_state(system):
    system.post("/clients", ANNA)
    system.put("/clients/C-1", {"phone": "+79160000000"})
    told = system.get("/clients/C-1/contacts").json()["items"]
    assert {(one["channel"], one["address"], one["state"]) for one in told} == {
        ("sms", "+79161234567", "removed"),
        ("sms", "+79160000000", "valid"),
        ("email", "anna@example.com", "valid"),
    }


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/clients/C-1", {"consent_service": []}),
        ("/clients/C-1", {"consent_service": ["sms"], "consent_text": "1"}),
        (
            "/consents",
            {"core_id": "C-1", "purpose": "service", "channel": "email", "granted": False},
        ),
    ],
)
def test_a_withdrawal_that_repeats_a_files_stands_when_the_file_is_undone(system, path, body):
    system.post("/clients", ANNA)
    anna = Client.objects.get()
    of_file = ConsentRecord.objects.create(
        client=anna, purpose="service", channel="email", granted=False, text_version="2019-01",
        source="file:monthly.csv", recorded_at=clock.now(),
    )  # fmt: skip
    send = system.post if path == "/consents" else system.put
    assert send(path, body).json()["state"] == "changed"
    assert send(path, body).json()["state"] == "unchanged"
    last = ConsentRecord.objects.filter(channel="email").order_by("-recorded_at", "-pk").first()
    assert last != of_file  # which goes when its file is undone
    assert (last.granted, last.source) == (False, "file:api:core")


def test_too_many_changed_phones_at_once_are_refused(system, settings):
    settings.FILES_CONTACT_CHANGES = 2
    items = [{"core_id": f"C-{n}", "phone": f"+7916123450{n}"} for n in range(4)]
    assert system.post("/clients/batch", {"items": items}).json()["new"] == 4
    moved = [{**one, "phone": one["phone"].replace("345", "678")} for one in items]
    told = system.post("/clients/batch", {"items": [*moved[:3], {**items[3], "first_name": "D"}]})
    assert [one["state"] for one in told.json()["results"]] == [*["refused"] * 3, "changed"]
    assert told.json()["results"][0]["errors"][0]["code"] == "many_changes"
    assert system.post("/clients/batch", {"items": moved[:2]}).json()["changed"] == 2


def test_changed_phones_are_counted_over_the_requests_of_a_day(client, system, settings):
    settings.FILES_CONTACT_CHANGES = 2
    items = [{"core_id": f"C-{n}", "phone": f"+7916123450{n}"} for n in range(4)]
    system.post("/clients/batch", {"items": items})
    moved = [{**one, "phone": one["phone"].replace("345", "678")} for one in items]
    states = [
        system.put(f"/clients/C-{n}", {"phone": moved[n]["phone"]}).status_code for n in range(3)
    ]
    assert states == [200, 200, 422]
    assert system.put("/clients/C-2", {"first_name": "Ann"}).json()["state"] == "changed"
    other = System(client, "clients:write", name="another")
    assert other.put("/clients/C-2", {"phone": moved[2]["phone"]}).status_code == 200
    settings.CLOCK_OFFSET += timedelta(days=1)
    assert system.put("/clients/C-3", {"phone": moved[3]["phone"]}).status_code == 200


def test_who_may_be_erased_is_refused_by_a_call(system):
    address = {"channel": "sms", "address_hash": address_hash("sms", "+79161234567")}
    Suppression.objects.create(**address, hint="•••", reason="erased", source="x", made_at=AT)
    answer = system.post("/clients", ANNA)
    assert (answer.status_code, faults(answer)) == (422, [("#/phone", "erased_person")])
    assert "Bring it as a file" in answer.json()["errors"][0]["detail"]
    assert not Client.objects.exists()


def test_too_many_further_phones_at_once_are_refused(system, settings):
    settings.FILES_CONTACT_CHANGES = 2
    items = [{"core_id": f"C-{n}", "phone": f"+7916123450{n}"} for n in range(3)]
    system.post("/clients/batch", {"items": [*items, {"core_id": "C-3"}]})
    more = [{"core_id": f"C-{n}", "kind": "sms", "value": f"+7916678450{n}"} for n in range(4)]
    told = system.post("/contacts/batch", {"items": more}).json()["results"]
    assert [one["state"] for one in told] == [*["refused"] * 3, "new"]
    assert told[0]["errors"][0]["code"] == "many_changes"
    assert system.post("/contacts/batch", {"items": more[:2]}).json()["new"] == 2


@pytest.mark.parametrize("path", ["", "/contacts", "/consents", "/holdings"])
@pytest.mark.parametrize("core_id", ["C-9", "%00", "%ff", "x" * 300, "a%2Fb"])
def test_a_client_who_is_none_is_not_found(system, path, core_id):
    answer = system.get(f"/clients/{core_id}{path}")
    assert answer.status_code in {404, 422}
    assert answer["Content-Type"] == "application/problem+json"


def test_consents_are_read_by_a_right_of_their_own(client, system):
    other = System(client, "clients:read", name="other")
    assert other.get("/clients/C-1/consents").status_code == 403


def test_an_address_and_an_answer_are_brought_by_themselves(system):
    system.post("/clients", ANNA)
    more = {"core_id": "C-1", "kind": "sms", "value": "+7 916 000-00-00"}
    said = {
        "core_id": "C-1", "purpose": "digest", "channel": "sms", "granted": True,
        "text_version": "2020-01", "given_on": "2020-05-30",
    }  # fmt: skip
    for path, body in (("/contacts", more), ("/consents", said)):
        assert [system.post(path, body).json()["state"] for _ in range(2)] == ["new", "unchanged"]
        told = system.post(f"{path}/search", {"core_id": ["C-1"]}).json()["items"]
        assert len(told) == 3
        assert system.post(f"{path}/search", {"core_id": ["C-2"]}).json()["items"] == []
        unknown = system.post(path, {**body, "core_id": "C-2"})
        assert faults(unknown) == [("#/core_id", "unknown_client")]
    assert system.post("/consents", {**said, "granted": "yes"}).status_code == 422


def test_a_contract_of_two_clients_is_held_for_a_person(system):
    system.post("/clients/batch", {"items": [{"core_id": "C-1"}, {"core_id": "C-2"}]})
    system.post("/contacts", {"core_id": "C-1", "kind": "contract", "value": "K-1"})
    told = system.post("/contacts", {"core_id": "C-2", "kind": "contract", "value": "K-1"}).json()
    assert (told["state"], [one["pointer"] for one in told["remarks"]]) == ("held", ["#/value"])
