"""Files by HTTP: kept as they come, checked by a worker, let land by who may, told by record."""

import gzip
from datetime import UTC, datetime

import pytest

from apps.core import clock
from apps.files.actions.working import work
from apps.files.models import Batch, Mapping
from apps.profiles.models import Client
from tests.calling import System, faults

pytestmark = pytest.mark.django_db

AT = datetime(2026, 11, 2, 9, tzinfo=UTC)
FILE = b"core_id,first_name,tier\nC-1,Ann,small\nC-2,Bob,huge\n"


@pytest.fixture(autouse=True)
def system(client, settings, tmp_path):
    settings.CLOCK_OFFSET = AT - clock.now()
    settings.FILES_DIR = tmp_path / "files"
    return System(client, "files:read", "files:write", "files:confirm", "clients:write")


@pytest.fixture
def send(client, system):
    def send(body=FILE, kind="clients", said="", content_type="text/csv"):
        return client.post(
            f"/api/v1/files/{kind}{said}", body, content_type=content_type,
            headers={"Authorization": f"Bearer {system.token}"},
        )  # fmt: skip

    return send


def test_a_file_is_checked_and_lands_once_it_is_confirmed(system, send):
    answer = send(said="?filename=daily.csv")
    sent = answer.json()
    assert (answer.status_code, sent["state"], sent["filename"]) == (202, "checking", "daily.csv")
    path = f"/files/{sent['id']}"
    assert system.post(f"{path}/confirm", "").status_code == 409
    assert work(sent["id"], at=AT)
    read = system.get(path).json()
    assert read["state"] == "checked"
    counts = ("records", "ok", "rejected", "skipped", "held")
    assert [read["records"][name] for name in counts] == [2, 1, 1, 0, 0]
    assert not Client.objects.exists()
    assert system.post(f"{path}/confirm", "").json()["state"] == "landing"
    assert system.post(f"{path}/confirm", "").json()["state"] == "landing"
    assert work(sent["id"], at=AT)
    assert system.get(path).json()["state"] == "landed"
    assert Client.objects.get().first_name == "Ann"
    assert system.get("/files").json()["items"] == [system.get(path).json()]


def test_the_records_that_did_not_land_say_why(system, send):
    sent = send().json()
    work(sent["id"], at=AT)
    (told,) = system.get(f"/files/{sent['id']}/records").json()["items"]
    assert (told["record"], told["line"], told["fate"]) == (2, 3, "rejected")
    (fault,) = told["faults"]
    assert (fault["column"], fault["value"]) == ("tier", "huge")


def test_the_same_file_again_changes_nothing(system, send):
    for state in ("landed", "unchanged"):
        sent = send(b"core_id\nC-1\n").json()
        work(sent["id"], at=AT)
        system.post(f"/files/{sent['id']}/confirm", "")
        work(sent["id"], at=AT)
        assert system.get(f"/files/{sent['id']}").json()["state"] == state


def test_a_file_may_name_its_mapping_and_its_totals(send):
    Mapping.objects.create(name="Core, daily", kind="clients")
    assert send(said="?mapping=Core, daily&control=rows=2").status_code == 202
    batch = Batch.objects.get()
    assert (batch.mapping.name, batch.controls) == ("Core, daily", {"rows": "2"})
    answer = send(said="?mapping=other")
    assert (answer.status_code, answer.json()["errors"][0]["parameter"]) == (422, "mapping")
    assert send(said="?control=rows").status_code == 422
    assert send(said="?filename=../x").status_code == 422
    assert send(kind="gossip").status_code == 422


@pytest.mark.parametrize(
    "body", [b"", b"\x00\xff", b"PK\x03\x04", gzip.compress(b"", mtime=0), b'a,"b']
)
def test_a_file_that_cannot_be_read_is_refused_in_its_report(system, send, body):
    sent = send(body, content_type="application/octet-stream").json()
    work(sent["id"], at=AT)
    read = system.get(f"/files/{sent['id']}").json()
    assert read["state"] == "refused"
    assert read["faults"][0]["detail"]


def test_a_file_that_is_too_large_or_broken_off_is_not_kept(client, system, settings, send):
    settings.FILES_MOST_BYTES = len(FILE) - 1
    assert send().status_code == 413
    settings.FILES_MOST_BYTES = len(FILE)
    answer = client.generic(
        "POST", "/api/v1/files/clients", FILE, "text/csv", CONTENT_LENGTH=str(len(FILE) - 9),
        headers={"Authorization": f"Bearer {system.token}"},
    )  # fmt: skip
    assert answer.status_code == 202  # what was promised has come
    assert Batch.objects.get().size == len(FILE) - 9


def test_sending_is_not_landing(client, send):
    sender = System(client, "files:write", "clients:write", name="sender")
    sent = send().json()
    work(sent["id"], at=AT)
    for path in (f"/files/{sent['id']}/confirm", "/files/clients"):
        assert System(client, "files:read", name=path).post(path, "").status_code == 403
    assert sender.post(f"/files/{sent['id']}/confirm", "").status_code == 403
    assert Batch.objects.get().state == "checked"


def test_a_key_for_prices_brings_and_sees_no_clients(client, system, send):
    sent = send().json()
    work(sent["id"], at=AT)
    scopes = ("files:read", "files:write", "files:confirm", "quotes:write")
    prices = System(client, *scopes, name="prices")
    path = f"/files/{sent['id']}"
    answers = [prices.post(one, "") for one in ("/files/clients", f"{path}/confirm")]
    answers += [prices.get(f"{path}/{what}") for what in ("records", "rejected")]
    assert [answer.status_code for answer in answers] == [403] * 4
    assert "clients:write" in answers[0].json()["detail"]
    assert prices.post("/files/quotes", "").status_code == 202
    assert prices.get(path).status_code == 200


def test_rejected_rows_are_read_to_be_mended(system, send):
    sent = send().json()
    path = f"/files/{sent['id']}/rejected"
    assert system.get(path).status_code == 404
    work(sent["id"], at=AT)
    rows = b"".join(system.get(path)).decode()
    assert "C-2,Bob,huge" in rows
    assert "C-1" not in rows
    Batch.objects.get().path.unlink()
    assert system.get(path).status_code == 404


@pytest.mark.parametrize("path", ["/files/0", "/files/99999999999999999999", "/files/7/records"])
def test_a_file_that_is_none_is_not_found(system, path):
    answer = system.get(path)
    assert (answer.status_code, faults(answer)) == (404, [])
