"""Who followed links: noted in files, in the database once each, a person's by a gesture alone."""

import os
import resource
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings as house

from apps.events.models import Event
from apps.messaging.actions import hits
from apps.messaging.actions.hits import Seen, drain_hits, forget_files, note, record_seen
from apps.messaging.actions.links import links_for, make_link
from apps.messaging.models.links import Hit, Opening, SpoolFile
from apps.messaging.models.outbox import Message
from tests import factories
from tests.factories import NOON
from tests.messaging.world import fresh, planned

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    settings.HITS_DIR = tmp_path / "hits"
    return settings.HITS_DIR


@pytest.fixture
def link(db):
    return make_link(factories.client(), subject="strategy:5", at=NOON)[0]


def seen(link, second=0, **what):
    return Seen(
        bytes(link.token_hash), NOON + timedelta(seconds=second), **{"agent": "Phone", **what}
    )


def verdicts():
    return list(
        Hit.objects.order_by("occurred_at", "pk").values_list("verdict", "gesture", "signs")
    )


def test_what_was_noted_is_drained_once_and_the_files_of_the_dead_go(link, folder, settings):
    for second in range(3):
        assert note(seen(link, second, campaign={"utm_source": "sms"}))
    assert drain_hits() == 3
    assert drain_hits() == 0
    assert note(seen(link, 4))
    assert drain_hits() == 1
    assert Hit.objects.count() == 4
    assert Hit.objects.first().campaign == {"utm_source": "sms"}
    (file,) = folder.iterdir()
    hits._spool._open()  # as a process that goes on to its next file
    drain_hits()
    assert file not in folder.iterdir()
    assert forget_files() == 1
    assert Hit.objects.count() == 4


def test_a_hit_is_a_machines_until_somebody_makes_a_gesture(link):
    record_seen([seen(link, signs=["head"]), seen(link, 1)])
    assert verdicts() == [("machine", "", ["head", "no_gesture"]), ("machine", "", ["no_gesture"])]
    assert not Event.objects.exists()
    record_seen([seen(link, 9, gesture="scroll"), seen(link, 10, gesture="key")])
    record_seen([seen(link, 11, gesture="press")])
    assert verdicts()[1] == ("human", "scroll", [])
    event = Event.objects.get()
    assert (event.kind, event.subject) == ("link.opened", "strategy:5")
    assert event.properties == {"link": link.pk, "gesture": "scroll"}


def test_a_program_that_names_itself_is_no_person_whatever_it_does(link):
    record_seen([seen(link, signs=["agent"])])
    record_seen([seen(link, 1, gesture="pointer", signs=["agent"])])
    assert [verdict for verdict, _gesture, _signs in verdicts()] == ["machine"]


def test_a_gesture_in_another_program_is_another_visit(link):
    record_seen([seen(link), seen(link, 5, agent="Desk", gesture="pointer")])
    assert [verdict for verdict, _gesture, _signs in verdicts()] == ["machine", "human"]


def test_who_comes_within_seconds_of_the_sending_has_that_sign_and_a_person_has_seen():
    (message,) = planned(factories.client())
    Message.objects.filter(pk=message.pk).update(state="sent", sent_at=NOON)
    (link,) = links_for([message], at=NOON).values()
    record_seen([seen(link, 2), seen(link, 60)])
    assert [signs for _verdict, _gesture, signs in verdicts()] == [
        ["soon", "no_gesture"], ["no_gesture"],
    ]  # fmt: skip
    assert fresh(message).seen_at is None
    record_seen([seen(link, 61, gesture="touch")])
    assert fresh(message).seen_at == NOON + timedelta(seconds=61)


def test_an_image_asked_for_is_recorded_and_changes_nothing_else():
    (message,) = planned(factories.client())
    record_seen([Seen(b"", NOON, "Mail", message_key=str(message.key))] * 2)
    assert Opening.objects.count() == 2
    assert fresh(message).seen_at is None
    assert not Hit.objects.exists()


def test_rubbish_in_a_file_and_unknown_tokens_are_passed_over(link, folder):
    note(seen(link))
    (file,) = folder.iterdir()
    with file.open("ab") as spool:
        spool.write(b'{"cut\n[]\n["zz",1,"","","",{},""]\n')
    note(Seen(b"unknown", NOON))
    note(seen(link, 1))
    assert drain_hits() == 6
    assert Hit.objects.count() == 2


def test_what_a_stranger_writes_into_an_address_holds_up_no_hits(link, client):
    note(seen(link, 1, campaign={"utm_source": "a\0b", "utm_term": "\ud800"}))
    client.get("/s/anything?utm_source=%00", headers={"user-agent": "Stranger"})
    note(seen(link, 2, signs=["beyond ten characters"]))  # of the column: nothing keeps it
    note(seen(link, 3))
    assert drain_hits() == 4
    assert drain_hits() == 0
    assert [hit.campaign for hit in Hit.objects.order_by("pk")] == [
        {"utm_source": "ab", "utm_term": "?"},
        {},
    ]


def test_a_file_that_cannot_be_read_keeps_no_other_back(link, folder):
    note(seen(link))
    (folder / "0").mkdir()
    assert drain_hits() == 1


def test_a_line_that_a_full_disk_tore_takes_no_other_with_it(link, folder):
    note(seen(link))
    (file,) = folder.iterdir()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (file.stat().st_size + 20, hard))
    try:
        assert not note(seen(link, 1))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert note(seen(link, 2))
    drain_hits()
    assert [hit.occurred_at.second for hit in Hit.objects.order_by("occurred_at")] == [0, 2]


def test_a_line_that_is_still_being_written_waits(link, folder):
    note(seen(link))
    (file,) = folder.iterdir()
    whole = file.read_bytes()
    with file.open("ab") as spool:
        spool.write(whole[:40])
        spool.flush()
        assert drain_hits() == 1
        spool.write(whole[40:])
    assert drain_hits() == 1
    assert Hit.objects.count() == 2


def test_a_full_disk_keeps_nobody_from_his_page(link, settings, tmp_path):
    settings.HITS_DIR = tmp_path / "file" / "below"
    (tmp_path / "file").write_text("no folder")
    assert not note(seen(link))


def test_what_a_killed_process_noted_is_not_lost(link, folder):
    said = (
        "import os, signal, sys, django; django.setup();"
        "from apps.messaging.actions.hits import Seen, note;"
        "from datetime import datetime, UTC;"
        "[note(Seen(bytes.fromhex(sys.argv[1]), datetime.fromtimestamp(n, UTC))) for n in range(500)];"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run(
        [sys.executable, "-c", said, bytes(link.token_hash).hex()],
        env={**os.environ, "HITS_DIR": str(folder), "SECRET_KEY": "x", "DJANGO_SETTINGS_MODULE": "config.settings"},
        cwd=Path(house.BASE_DIR), check=False,
    )  # fmt: skip
    assert killed.returncode == -signal.SIGKILL
    assert drain_hits() == 500
    assert Hit.objects.count() == 500
    assert list(folder.iterdir()) == []
    assert SpoolFile.objects.count() == forget_files() == 1
