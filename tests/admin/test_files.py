"""Files into the back office: looked at first, refused with their place, landed whole and once."""

import json
from datetime import time, timedelta

import pytest
from django.contrib.messages import get_messages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.core import clock
from apps.core.admin.display import page_url
from apps.core.imports.kinds import KINDS
from apps.files.actions.confirming import begin
from apps.files.actions.working import work
from apps.files.models import Batch, Folder, Record
from apps.products.models.holdings import Policy
from tests import factories
from tests.admin.test_pages import address, staff_who_may

pytestmark = pytest.mark.django_db

HEAD = "number,core_id,strategy,nominal,premium,currency,starts_on,ends_on\n"
GOOD = "P-1,core-1,harbour,1000.00,1000.00,USD,2020-01-01,2020-12-31\n"
BAD = "P-2,core-1,harbour,-5,1000.00,USD,2020-01-01,2020-12-31\n"
UPLOAD = reverse("admin:files_batch_add")


@pytest.fixture
def holder(db):
    factories.strategy(code="harbour")
    client = factories.client()
    client.identifiers.create(kind="core_id", value="core-1")
    return client


def bring(client, text, *, kind="policies", name="file.csv", **said):
    """Upload a file and have the worker look at it."""
    content = text if isinstance(text, bytes) else text.encode()
    response = client.post(
        UPLOAD, {"kind": kind, "file": SimpleUploadedFile(name, content), **said}
    )
    assert response.status_code == 302, response.context["form"].errors
    return worked(Batch.objects.latest("pk"))


def worked(batch):
    work(batch.pk, at=clock.now())
    batch.refresh_from_db()
    return batch


def seen(client, batch, **said):
    return client.get(page_url(batch), said).content.decode()


def decide(client, batch, verb):
    response = client.post(reverse("admin:files_batch_decide", args=[batch.pk, verb]))
    if response.status_code == 302:
        worked(batch)
    return response


def said(response):
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


def shares(*verbs, model="policy"):
    return [f"products.{verb}_{model}" for verb in verbs]


def test_every_list_that_takes_files_leads_to_the_upload(admin_client, subtests):
    for model in {kind.resource._meta.model for kind in KINDS.values()}:
        with subtests.test(model._meta.label):
            page = admin_client.get(address(model, "changelist")).content.decode()
            assert f"{UPLOAD}?kind=" in page


def test_a_list_shows_no_import_to_who_may_only_look(client):
    client.force_login(staff_who_may(*shares("view", "add")))
    assert UPLOAD not in client.get(address(Policy, "changelist")).content.decode()


def test_the_upload_offers_what_a_person_may_bring_and_no_more(client):
    client.force_login(staff_who_may(*shares("add", "change")))
    page = client.get(UPLOAD)
    assert [value for value, _title in page.context["form"].fields["kind"].choices] == [
        "", "policies",
    ]  # fmt: skip
    file = SimpleUploadedFile("clients.csv", b"core_id\nC-1\n")
    refused = client.post(UPLOAD, {"kind": "clients", "file": file})
    assert refused.status_code == 200
    assert not Batch.objects.exists()


def test_who_brings_no_file_sees_no_upload_and_no_decision(client, admin_client, holder):
    batch = bring(admin_client, HEAD + GOOD)
    client.force_login(staff_who_may("files.view_batch"))
    assert client.get(UPLOAD).status_code == 403
    assert "Confirm</button>" not in seen(client, batch)
    assert decide(client, batch, "confirm").status_code == 403
    assert client.get(reverse("admin:files_batch_layout", args=[batch.pk])).status_code == 403


def test_files_of_other_kinds_are_hidden_from_who_brings_some(client, admin_client, holder):
    batch = bring(admin_client, HEAD + GOOD)
    client.force_login(staff_who_may(*shares("add", "change", model="payment")))
    assert client.get(page_url(batch)).status_code == 404


def test_an_empty_file_of_a_kind_has_its_columns(admin_client):
    page = admin_client.get(reverse("admin:files_batch_empty", args=["policies"]))
    assert page.content.decode("utf-8-sig").startswith(HEAD.strip())


def test_a_file_is_shown_first_and_lands_once(admin_client, holder):
    batch = bring(admin_client, HEAD + GOOD)
    assert "new policy" in seen(admin_client, batch)
    assert not Policy.objects.exists()
    decide(admin_client, batch, "confirm")
    assert "It landed" in seen(admin_client, batch)
    assert Policy.objects.get().nominal == 1000_00
    again = bring(admin_client, HEAD + GOOD)
    assert "nothing that is not known already" in seen(admin_client, again)
    assert "looked at" not in said(decide(admin_client, batch, "confirm"))


def test_what_is_decided_twice_says_that_it_stands_otherwise(admin_client, holder):
    batch = bring(admin_client, HEAD + GOOD)
    decide(admin_client, batch, "confirm")
    assert "It stands otherwise by now" in said(decide(admin_client, batch, "confirm"))
    assert Policy.objects.count() == 1


def test_a_rejected_row_is_told_found_and_taken_away_to_be_mended(admin_client, holder):
    batch = bring(admin_client, HEAD + GOOD + BAD)
    page = seen(admin_client, batch)
    assert "is left out" in page
    assert "-5 must be above 0." in page
    assert "No row is like that." in seen(admin_client, batch, q="elsewhere")
    assert "-5 must be above 0." in seen(admin_client, batch, q="nominal")
    out = admin_client.get(reverse("admin:files_batch_rejected", args=[batch.pk]))
    lines = b"".join(out.streaming_content).decode("utf-8-sig").splitlines()
    assert lines[1].startswith(BAD.strip() + ",3,")
    decide(admin_client, batch, "confirm")
    assert Policy.objects.count() == 1


def test_the_report_has_an_entry_for_every_record(admin_client, holder):
    batch = bring(admin_client, HEAD + GOOD + BAD)
    out = admin_client.get(reverse("admin:files_batch_report", args=[batch.pk]))
    report = json.loads(b"".join(out.streaming_content))
    assert [entry["fate"] for entry in report["entries"]] == ["ok", "rejected"]
    assert report["totals"]["records"] == 2


def test_totals_that_the_source_told_are_compared(admin_client, holder):
    good = bring(admin_client, HEAD + GOOD, rows="1", sum_premium="1000.00")
    assert "The file is what the source counted" in seen(admin_client, good)
    lacks = bring(admin_client, HEAD + GOOD, rows="2")
    assert lacks.state == "refused"
    page = seen(admin_client, lacks)
    assert "The file is not what the source counted" in page
    assert "The file is what the source counted" not in page
    assert "Check it without the totals" in page
    decide(admin_client, lacks, "uncounted")
    assert lacks.state == "checked"


@pytest.mark.parametrize("text", [b"nonsense", b"a,b\n1\n", b'"', HEAD.encode(), b"%PDF-1.4"])
def test_nonsense_leads_to_words_and_lands_nothing(admin_client, holder, text):
    batch = bring(admin_client, text)
    assert batch.state in {"received", "refused"}
    assert admin_client.get(page_url(batch)).status_code == 200
    layout = reverse("admin:files_batch_layout", args=[batch.pk])
    assert admin_client.get(layout).status_code == 200


def test_a_file_that_is_too_large_is_refused_in_words(admin_client, settings):
    settings.FILES_MOST_BYTES = 10
    file = SimpleUploadedFile("file.csv", HEAD.encode())
    page = admin_client.post(UPLOAD, {"kind": "policies", "file": file})
    assert "split it" in page.content.decode()


def test_an_exported_list_can_be_taken_in_again(admin_client, holder):
    factories.policy(holder, factories.strategy(code="duo"))
    out = admin_client.post(address(Policy, "export"), {"format": "0", "resource": ""})
    batch = bring(admin_client, out.content)
    assert (batch.rejected, batch.unchanged, batch.state) == (0, 1, "unchanged")


def test_another_person_releases_what_is_large_and_not_who_brought_it(
    admin_client, client, holder, settings
):
    settings.FILES_ALONE = 0
    batch = bring(admin_client, HEAD + GOOD)
    decide(admin_client, batch, "confirm")
    assert "That cannot be you" in seen(admin_client, batch)
    assert decide(admin_client, batch, "release").status_code == 403
    client.force_login(staff_who_may("files.view_batch", "files.release_batch"))
    assert "Release</button>" in seen(client, batch)
    decide(client, batch, "release")
    assert batch.state == "landed"


def test_a_file_is_thrown_away_and_the_start_page_asks_no_more(admin_client, holder):
    batch = bring(admin_client, HEAD + GOOD + BAD)
    decide(admin_client, batch, "drop")
    assert "It was thrown away" in seen(admin_client, batch)
    assert "file.csv" not in admin_client.get(reverse("admin:index")).content.decode()


def test_a_landed_file_is_taken_back_as_long_as_nothing_stands_on_it(admin_client, holder):
    batch = bring(admin_client, HEAD + GOOD)
    decide(admin_client, batch, "confirm")
    asked = reverse("admin:files_batch_undo", args=[batch.pk])
    assert "Nothing stands on it" in admin_client.get(asked).content.decode()
    other = bring(admin_client, HEAD + GOOD.replace("1000.00,USD", "900.00,USD"))
    decide(admin_client, other, "confirm")
    page = admin_client.get(asked).content.decode()
    assert "other things stand on it" in page
    assert "Take it back</button>" not in page
    decide(admin_client, batch, "undo")
    assert "It cannot be undone" in seen(admin_client, worked(batch))
    decide(admin_client, other, "undo")
    assert "It was taken back" in seen(admin_client, worked(other))
    assert Policy.objects.get().premium == 1000_00


def test_who_may_not_see_people_reads_no_cell_of_another_persons_file(admin_client, client, holder):
    batch = bring(admin_client, HEAD + GOOD + BAD)
    client.force_login(staff_who_may("files.view_batch", *shares("add", "change")))
    page = seen(client, batch)
    assert "is left out" in page
    assert "Beyond its limits" in page
    assert "-5 must" not in page
    assert "core-1" not in page
    assert "No row is like that." in seen(client, batch, q="nominal")
    for name in ("rejected", "report", "layout"):
        page = client.get(reverse(f"admin:files_batch_{name}", args=[batch.pk]))
        assert page.status_code == 403


def test_who_may_not_see_people_works_with_his_own_file(client, holder):
    client.force_login(staff_who_may("files.view_batch", *shares("add", "change")))
    batch = bring(client, HEAD + GOOD + BAD)
    assert "-5 must be above 0." in seen(client, batch)


def test_progress_is_told_to_the_script_that_follows_it(admin_client, holder):
    batch = bring(admin_client, HEAD + GOOD)
    Batch.objects.filter(pk=batch.pk).update(state="checking")
    told = admin_client.get(reverse("admin:files_batch_progress", args=[batch.pk])).json()
    assert told["state"] == "checking"
    assert told["texts"]["spoken"].startswith("The file is being checked")
    assert 'role="status"' in seen(admin_client, batch)


def test_files_that_wait_and_files_with_trouble_stand_on_the_start_page(admin_client, holder):
    bring(admin_client, HEAD + GOOD + BAD)
    page = admin_client.get(reverse("admin:index")).content.decode()
    assert "Files that wait for your word" in page
    assert "1 left out" in page


def test_a_file_that_has_not_come_stands_on_the_start_page_and_in_its_list(admin_client):
    folder = Folder.objects.create(
        path="core/policies", kind="policies", expected_by=time(), on_weekends=True,
        made_at=clock.now() - timedelta(days=3),
    )  # fmt: skip
    page = admin_client.get(reverse("admin:index")).content.decode()
    assert "Files that have not come" in page
    late = admin_client.get(address(Folder, "changelist"), {"late": "1"}).content.decode()
    assert page_url(folder) in late
    assert "desk-bad" in late


def test_a_page_of_many_rejected_rows_costs_no_more_queries(admin_client, holder):
    batch = bring(admin_client, HEAD + GOOD + BAD)
    admin_client.get(page_url(batch))
    counts = []
    for more in (1, 200):
        Record.objects.bulk_create(
            Record(
                batch=batch, number=number, line=number, fate="rejected", code="empty",
                faults=[["empty", "premium", "This cell must not be empty.", ""]],
            )
            for number in range(10 * more, 11 * more)
        )  # fmt: skip
        with CaptureQueriesContext(connection) as captured:
            page = seen(admin_client, batch, page="2")
        counts.append(len(captured))
    assert counts[0] == counts[1]
    assert "51 to 100 of" in page


def test_why_a_file_is_refused_may_cite_it_and_is_told_to_who_may_read_it(admin_client, client):
    batch = bring(admin_client, "core_id,first_name\nC-1,Анна\n".encode("cp1251"), kind="clients")
    assert begin(batch.pk)
    assert worked(batch).state == "refused"
    assert "Анна" in seen(admin_client, batch)
    client.force_login(staff_who_may("files.view_batch"))
    page = seen(client, batch)
    assert "Mend the file" in page
    assert "Анна" not in page
