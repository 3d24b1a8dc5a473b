"""A file from its bytes to its rows: what it would change, what lands, and what does not."""

import json
from datetime import UTC, datetime

import pytest
import structlog

from apps.core.imports import landing
from apps.core.imports.kinds import KINDS, of_people
from apps.core.models import Change
from apps.files.actions import reading, working
from apps.files.actions.bringing import bring
from apps.files.actions.confirming import begin, confirm, drop
from apps.files.actions.resuming import resume
from apps.files.actions.working import work
from apps.files.models import Batch, Record
from apps.files.queries import downloads
from apps.files.queries.reports import entries, report_head, totals
from apps.profiles.models import Client, ConsentRecord

AT = datetime(2026, 11, 2, 9, tzinfo=UTC)
pytestmark = pytest.mark.django_db
HEAD = "core_id,first_name,last_name,tier\n"


def clients(count, start=1, name="Ann"):
    return "".join(f"C-{n},{name},Example,small\n" for n in range(start, start + count))


@pytest.fixture(params=["in memory", "staged"])
def way(request, monkeypatch):
    """Have every test run the small file's way and the large one's."""
    if request.param == "staged":
        monkeypatch.setattr(reading, "SMALL", 0)
        monkeypatch.setattr(landing, "BATCH", 2)


def brought(text, **options):
    options = {"kind": "clients", "filename": "clients.csv", "at": AT, **options}
    return bring(text.encode(), **options)


def fates(batch):
    return [(entry["record"], entry["fate"], entry.get("code")) for entry in entries(batch)]


def test_a_check_tells_all_and_stores_nothing(way):
    batch = brought(HEAD + clients(5))
    assert batch.state == Batch.State.CHECKED
    assert (batch.records, batch.new, batch.ok) == (5, 5, 5)
    assert Client.objects.count() == 0
    assert fates(batch) == [(n, "ok", None) for n in range(1, 6)]


def test_what_was_checked_lands_when_it_is_confirmed_and_once(way):
    batch = brought(HEAD + clients(5))
    assert confirm(batch.pk, by=None, at=AT)
    assert not confirm(batch.pk, by=None, at=AT)
    assert work(batch.pk, at=AT)
    assert not work(batch.pk, at=AT)
    batch.refresh_from_db()
    assert batch.state == Batch.State.LANDED
    assert Client.objects.count() == 5


def test_what_a_file_is_called_is_copied_into_no_row(way):
    text = "core_id,first_name,consent_service,consent_text\nC-1,Ann,sms,v1\nC-2,Bob,sms,v1\n"
    batch = brought(text, filename="complaint of Ann.csv", confirmed=True)
    assert set(ConsentRecord.objects.values_list("source", flat=True)) == {
        f"file:clients-{batch.pk}"
    }
    assert set(Change.objects.values_list("reason", flat=True)) == {f"clients-{batch.pk}"}


def test_every_file_names_people_but_those_that_tell_of_the_market():
    market = {"quotes", "corporate_actions", "strategies", "underlyings", "trading_days", "funds"}
    assert set(KINDS) - set(of_people()) == market


def test_the_same_file_again_reads_unchanged(way):
    first = brought(HEAD + clients(5), confirmed=True)
    again = brought(HEAD + clients(5), confirmed=True)
    assert (first.state, again.state) == ("landed", "unchanged")
    assert (again.unchanged, again.ok, again.skipped) == (5, 0, 5)
    assert fates(again)[0] == (1, "skipped", None)


def test_rejected_records_keep_no_good_ones_out(way):
    text = HEAD + "C-1,Ann,Example,small\nC-2,Bob,Example,giant\nC-3,Eve,Example\nC-4,Ida,E,small\n"
    batch = brought(text, confirmed=True)
    assert batch.state == "landed"
    assert (batch.records, batch.ok, batch.rejected) == (4, 2, 2)
    assert fates(batch)[1][:2] == (2, "rejected")
    assert Client.objects.count() == 2
    assert Record.objects.filter(batch=batch).count() == 2


def test_a_key_that_is_there_twice_is_refused_both_times(way):
    batch = brought(HEAD + clients(3) + clients(1, start=2, name="Other"))
    assert fates(batch) == [
        (1, "ok", None),
        (2, "rejected", "duplicate_key"),
        (3, "ok", None),
        (4, "rejected", "duplicate_key"),
    ]


def test_a_row_that_repeats_another_in_every_cell_is_skipped(way):
    again = clients(1) + clients(1, start=3) + "C-3, Ann ,Example,small\n"
    batch = brought(HEAD + clients(3) + again, confirmed=True, controls={"rows": "6"})
    assert batch.state == "landed"
    assert fates(batch)[3:] == [
        (4, "skipped", "repeated"),
        (5, "skipped", "repeated"),
        (6, "skipped", "repeated"),
    ]
    assert (batch.records, batch.ok, batch.skipped, batch.rejected) == (6, 3, 3, 0)
    assert "Line 2 says the same" in Record.objects.get(batch=batch, number=4).faults[0][2]


def test_of_repeated_rows_that_one_contradicts_none_counts(way):
    batch = brought(HEAD + clients(2) + clients(1) + clients(1, name="Other"))
    assert [fate for _number, fate, _code in fates(batch)] == ["rejected", "ok", *["rejected"] * 2]


def test_a_check_tells_what_changes_by_column(way):
    brought(HEAD + clients(5), confirmed=True)
    batch = brought(HEAD + clients(3, name="Anna") + clients(2, start=5))
    assert (batch.new, batch.changed, batch.unchanged) == (1, 3, 1)
    assert batch.diff["columns"] == {"first_name": 3}
    assert batch.diff["examples"][0]["changes"] == {"first_name": ["Ann", "Anna"]}


def test_what_no_longer_does_what_was_shown_is_shown_again(way):
    brought(HEAD + clients(5), confirmed=True)
    batch = brought(HEAD + clients(5, name="Anna"))
    confirm(batch.pk, by=None, at=AT)
    Client.objects.filter(identifiers__value="C-1").update(first_name="Anna")
    work(batch.pk, at=AT)
    batch.refresh_from_db()
    assert (batch.state, batch.changed, batch.unchanged) == ("checked", 4, 1)
    assert "Look again" in batch.note
    assert Client.objects.filter(first_name="Anna").count() == 1


def test_every_total_is_the_sum_of_its_fates(way):
    batch = brought(HEAD + clients(4) + "C-9,Ann,Example,giant\n\nTotal,5,,\n")
    said = totals(batch)
    assert said["records"] == said["ok"] + said["rejected"] + said["skipped"] + said["held"]
    assert len(fates(batch)) == said["records"]


def test_a_control_total_that_does_not_agree_refuses_the_file(way):
    batch = brought(HEAD + clients(4), controls={"rows": "5"}, confirmed=True)
    assert batch.state == "refused"
    assert "control total says 5" in batch.faults[0][1]
    assert brought(HEAD + clients(4), controls={"rows": "4"}).state == "checked"


def test_a_file_that_is_no_table_is_refused(way):
    batch = brought("\x00\x01", confirmed=True)
    assert batch.state == "refused"
    assert batch.faults


def test_a_file_is_thrown_away_once_and_can_no_longer_be_confirmed(django_user_model):
    boss = django_user_model.objects.create_user("boss")
    batch = brought(HEAD + clients(1))
    assert drop(batch.pk, by=boss, at=AT)
    assert not drop(batch.pk, by=boss, at=AT)
    assert not confirm(batch.pk, by=boss, at=AT)
    assert Client.objects.count() == 0


def test_a_file_that_was_confirmed_a_moment_before_is_not_thrown_away(django_user_model):
    boss = django_user_model.objects.create_user("boss")
    batch = brought(HEAD + clients(1))
    assert confirm(batch.pk, by=boss, at=AT)
    assert not drop(batch.pk, by=boss, at=AT)
    assert work(batch.pk, at=AT)
    assert not drop(batch.pk, by=boss, at=AT)
    assert Client.objects.count() == 1


def test_work_that_always_fails_ends_with_a_reason_and_may_begin_anew(monkeypatch):
    batch = brought(HEAD + clients(2))
    with structlog.testing.capture_logs() as logs, monkeypatch.context() as broken:
        broken.setattr(working, "read", lambda *_: 1 / 0)
        begin(batch.pk)
        assert sum(resume(at=AT) for _ in range(working.ATTEMPTS + 2)) == 1
    batch.refresh_from_db()
    assert (batch.state, batch.faults[0][0]) == ("refused", "keeps_failing")
    assert len(logs) == working.ATTEMPTS
    assert {(each["why"], "exception" in each) for each in logs} == {("ZeroDivisionError", False)}
    begin(batch.pk)
    assert resume(at=AT) == 1
    batch.refresh_from_db()
    assert (batch.state, batch.attempts) == ("checked", 0)


def test_the_page_and_the_command_tell_the_same_report(way):
    batch = brought(HEAD + clients(2) + "C-9,Ann,Example,giant\n")
    told = json.loads("".join(downloads.report(batch)))
    assert told.pop("entries") == list(entries(batch))
    assert told == json.loads(json.dumps(report_head(batch)))
