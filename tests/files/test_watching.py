"""Watched folders: whole files once, unfinished ones never, and an alarm where nothing came."""

import os
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest
from django.conf import settings

from apps.files.actions.resuming import purge
from apps.files.actions.watching import _claimed, _held, _take, take_files
from apps.files.actions.working import work
from apps.files.models import Batch, Folder
from apps.files.queries.folders import is_waiting_for_file, late_files
from apps.profiles.models import Client

MONDAY = datetime(2026, 11, 2, 4, tzinfo=UTC)  # 07:00 in the issuer's Moscow
TEXT = "core_id,first_name\nC-1,Ann\n"
pytestmark = pytest.mark.django_db


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "FILES_DROP", tmp_path)
    (tmp_path / "core").mkdir()
    return tmp_path / "core"


def folder(**fields):
    return Folder.objects.create(path="core", kind="clients", **fields)


def looks(count=2):
    return [pk for _ in range(count) for pk in take_files(at=MONDAY)]


def test_a_finished_file_is_taken_once_and_lies_there_no_longer(place):
    folder()
    (place / "clients.csv").write_text(TEXT)
    (batch_id,) = looks(3)
    batch = Batch.objects.get(pk=batch_id)
    assert (batch.filename, batch.state) == ("clients.csv", "checking")
    assert batch.path.read_text() == TEXT
    assert [path for path in place.rglob("*") if path.is_file()] == []
    assert not (place / "clients.csv").exists()


def test_a_file_that_still_grows_is_left_alone(place):
    folder()
    file = place / "clients.csv"
    file.write_text(TEXT)
    assert take_files(at=MONDAY) == []
    file.write_text(TEXT + "C-2,Bob\n")
    assert take_files(at=MONDAY) == []
    assert len(take_files(at=MONDAY)) == 1


def test_names_of_unfinished_files_and_links_are_never_taken(place, tmp_path):
    folder()
    (tmp_path / "secret.csv").write_text(TEXT)
    (place / "link.csv").symlink_to(tmp_path / "secret.csv")
    for name in ("clients.csv.part", ".clients.csv", "clients.filepart"):
        (place / name).write_text(TEXT)
    assert looks(3) == []


def test_what_is_no_file_by_the_time_it_is_read_is_put_aside(place, tmp_path):
    folder()
    (tmp_path / "secret.csv").write_text(TEXT)
    (place / ".taking" / "folder.csv").mkdir(parents=True)
    (place / ".taking" / "link.csv").symlink_to(tmp_path / "secret.csv")
    os.mkfifo(place / ".taking" / "pipe.csv")
    (place / "clients.csv").write_text(TEXT)
    assert len(looks(3)) == 1
    aside = {path.name for path in (place / "unreadable").iterdir()}
    assert aside == {"folder.csv", "link.csv", "pipe.csv"}


def test_a_link_put_in_the_place_of_what_is_ours_leads_nowhere(place, tmp_path):
    mine, theirs = place / ".taking", tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "b.csv").write_text("core_id\nC-9\n")
    mine.mkdir()
    for name in ("a.csv", "b.csv"):
        (mine / name).write_text(TEXT)
    with _held(folder()) as held:
        claimed = _claimed(held)
        assert _take(held, *next(claimed)[:1], was_claimed=True, at=MONDAY)
        mine.rename(place / "moved")
        mine.symlink_to(theirs)
        batch_id = _take(held, *next(claimed)[:1], was_claimed=True, at=MONDAY)
    assert Batch.objects.get(pk=batch_id).path.read_text() == TEXT
    assert (theirs / "b.csv").exists()


def test_a_folder_out_of_order_keeps_the_others_from_nothing(place, tmp_path):
    folder()
    (place / ".taking").symlink_to(tmp_path)
    Folder.objects.create(path="other", kind="clients")
    (tmp_path / "other").mkdir()
    Path(os.fsdecode(bytes(tmp_path / "other") + b"/\xff.csv")).write_text(TEXT)
    assert [Batch.objects.get(pk=pk).filename for pk in looks()] == ["?.csv"]


def test_a_file_whose_taking_was_killed_is_taken_once(place, monkeypatch):
    folder()
    (place / "clients.csv").write_text(TEXT)
    take_files(at=MONDAY)

    class KilledError(Exception):
        pass

    def die(*_args, **_options):
        raise KilledError

    with monkeypatch.context() as patched:
        patched.setattr(os, "unlink", die)
        with pytest.raises(KilledError):
            take_files(at=MONDAY)
    assert Batch.objects.count() == 1
    looks(2)
    assert Batch.objects.count() == 1
    assert [path for path in place.rglob("*") if path.is_file()] == []


def test_a_file_lands_by_itself_only_where_all_of_it_is_good(place):
    folder(lands_alone=True)
    (place / "good.csv").write_text(TEXT)
    (place / "half.csv").write_text("core_id,tier\nC-2,small\nC-3,giant\n")
    for batch_id in looks():
        work(batch_id, at=MONDAY)
    assert dict(Batch.objects.values_list("filename", "state")) == {
        "good.csv": "landed",
        "half.csv": "checked",
    }
    assert Client.objects.count() == 1


def test_a_file_that_changes_much_does_not_land_by_itself(place, settings):
    settings.FILES_ALONE = 1
    folder(lands_alone=True)
    (place / "large.csv").write_text("core_id\nC-1\nC-2\n")
    (batch_id,) = looks()
    work(batch_id, at=MONDAY)
    assert Batch.objects.get().state == "checked"


def test_a_missing_file_is_an_alarm_from_its_hour_on(place):
    watched = folder(expected_by=time(7, 30), made_at=MONDAY - timedelta(days=10))
    friday_came(watched)
    assert late_files(MONDAY) == []
    half_past = MONDAY + timedelta(minutes=30)
    assert late_files(half_past) == [watched]
    assert is_waiting_for_file("clients", half_past)
    assert not is_waiting_for_file("policies", half_past)


def friday_came(watched):
    friday = MONDAY - timedelta(days=3)
    Batch.objects.create(
        kind="clients", filename="x", size=1, origin="folder", folder=watched,
        state="landed", received_at=friday,
    )  # fmt: skip


def test_what_waits_for_a_file_waits_until_it_has_landed(place):
    folder(expected_by=time(6), made_at=MONDAY - timedelta(days=10))
    (place / "clients.csv").write_text(TEXT)
    (batch_id,) = looks()
    work(batch_id, at=MONDAY)
    assert late_files(MONDAY) == []
    assert is_waiting_for_file("clients", MONDAY)
    Batch.objects.update(state="landed")
    assert not is_waiting_for_file("clients", MONDAY)


def test_a_folder_that_is_new_or_rests_at_the_weekend_alarms_nobody(place):
    folder(expected_by=time(6), made_at=MONDAY)
    assert late_files(MONDAY) == []
    Folder.objects.update(made_at=MONDAY - timedelta(days=30))
    sunday = MONDAY - timedelta(days=1)
    assert [each.path for each in late_files(sunday)] == ["core"]  # Friday's is missing still
    Batch.objects.create(
        kind="clients", filename="x", size=1, origin="folder", folder=Folder.objects.get(),
        state="landed", received_at=MONDAY - timedelta(days=3),
    )  # fmt: skip
    assert late_files(sunday) == []


def test_a_folder_that_is_reached_by_a_link_is_not_looked_into(place, tmp_path):
    folder()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "clients.csv").write_text(TEXT)
    place.rmdir()
    place.symlink_to(tmp_path / "elsewhere")
    assert looks(3) == []
    assert [path.name for path in (tmp_path / "elsewhere").iterdir()] == ["clients.csv"]


def test_nothing_is_put_aside_behind_a_link(place, tmp_path):
    folder()
    (tmp_path / "elsewhere").mkdir()
    (place / "unreadable").symlink_to(tmp_path / "elsewhere")
    (place / ".taking" / "folder.csv").mkdir(parents=True)
    assert looks(2) == []
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_what_was_put_aside_goes_with_the_folder(place, tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "FILES_DIR", tmp_path / "files")
    watched = folder()
    for name in (".taking", "too_large"):
        (place / name).mkdir()
        (place / name / "clients.csv").write_text(TEXT)
    (place / "own.csv").write_text(TEXT)
    purge(at=MONDAY)
    assert len(list(place.rglob("*.csv"))) == 3
    watched.delete()
    purge(at=MONDAY)
    assert list(place.rglob("*.csv")) == [place / "own.csv"]


def test_what_broke_off_while_it_came_in_is_thrown_away(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "FILES_DIR", tmp_path)
    for name, age in ((".coming-old", 2 * 24 * 3600), (".coming-new", 0)):
        (tmp_path / name).write_text(TEXT)
        now = (tmp_path / name).stat().st_mtime
        os.utime(tmp_path / name, (now - age, now - age))
    purge(at=MONDAY)
    assert [path.name for path in tmp_path.iterdir()] == [".coming-new"]
