"""The supervisor over real processes and real signals."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from apps.demo import supervisor
from apps.demo.supervisor import Process
from config.servers import wait_for

ROOT = Path(__file__).parents[2]
IDLE = [sys.executable, "-c", "import signal; signal.pause()"]


def me(number=signal.SIGTERM):
    """Send ourselves the signal that a terminal or a service manager would send."""
    os.kill(os.getpid(), number)


def pids(folder):
    return [int(file.read_text()) for file in folder.glob("*.pid")]


def noted(folder, name, then="signal.pause()", first=""):
    """Return a program that writes its number into a file of its name."""
    code = f"""
import os, pathlib, signal, subprocess, sys
{first}
pathlib.Path({str(folder / name)!r} + ".pid").write_text(str(os.getpid()))
{then}
"""
    return [sys.executable, "-c", code]


def written(folder, *names):
    return lambda: all(
        (folder / f"{name}.pid").exists() and (folder / f"{name}.pid").read_text() for name in names
    )


def lives(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # gone, or going while we read
        return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_all_and_that_is_success(tmp_path, number):
    said = []
    children = [
        Process(name, noted(tmp_path, name), is_ready=written(tmp_path, name)) for name in "ab"
    ]
    code = supervisor.run(children, say=said.append, ready=lambda: me(number))
    assert code == 0
    assert said == [f"{number.name} received; stopping."]
    assert len(pids(tmp_path)) == 2
    assert not any(lives(pid) for pid in pids(tmp_path))


@pytest.mark.parametrize(
    ("end", "sentence"),
    [
        ("sys.exit(3)", "b ended with exit code 3"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "b was killed by SIGKILL"),
    ],
)
def test_when_one_ends_all_are_stopped_and_the_reason_is_said(tmp_path, end, sentence):
    said = []
    code = supervisor.run(
        [
            Process("a", noted(tmp_path, "a"), is_ready=written(tmp_path, "a")),
            Process("b", noted(tmp_path, "b", end), is_ready=lambda: False),
        ],
        say=said.append,
    )
    assert code == 1
    assert said == [f"{sentence}; stopping the rest."]
    assert not any(lives(pid) for pid in pids(tmp_path))


def test_the_children_of_a_child_are_stopped_too(tmp_path):
    grandchild = f"subprocess.Popen({noted(tmp_path, 'grandchild')!r}); signal.pause()"
    child = Process(
        "child",
        noted(tmp_path, "child", grandchild),
        is_ready=written(tmp_path, "child", "grandchild"),
    )
    supervisor.run([child], say=lambda _: None, ready=me)
    assert wait_for(lambda: not any(lives(pid) for pid in pids(tmp_path)), 60)


def test_who_ignores_the_polite_signal_is_killed_and_named(tmp_path, monkeypatch):
    monkeypatch.setattr(supervisor, "GRACE", 0.2)
    said = []
    deaf = noted(tmp_path, "deaf", first="signal.signal(signal.SIGTERM, signal.SIG_IGN)")
    child = Process("stubborn", deaf, is_ready=written(tmp_path, "deaf"))
    assert supervisor.run([child], say=said.append, ready=me) == 0
    assert said[-1] == "stubborn did not stop within 0 s and was killed."


def test_who_is_not_ready_in_time_ends_the_run(tmp_path):
    said = []
    never = Process("never", IDLE, is_ready=lambda: False)
    assert supervisor.run([Process("idle", IDLE), never], say=said.append, patience=0.3) == 1
    assert said == ["Not ready in time: never."]


def test_ready_is_reported_once_all_are(tmp_path):
    reports = []

    def report():
        reports.append(sorted(path.stem for path in tmp_path.glob("*.pid")))
        me()

    children = [
        Process(name, noted(tmp_path, name), is_ready=written(tmp_path, name)) for name in "abc"
    ]
    supervisor.run(children, say=lambda _: None, ready=report)
    assert reports == [["a", "b", "c"]]


def test_a_program_has_its_own_environment_and_log(tmp_path):
    log = tmp_path / "logs" / "told.log"
    command = [sys.executable, "-c", "import os; print(os.environ['WORD'])"]
    said = []
    supervisor.run([Process("told", command, {"WORD": "tidings"}, log=log)], say=said.append)
    assert log.read_text() == "tidings\n"
    assert said == [f"told ended with exit code 0; stopping the rest. Its log: {log}"]


def test_the_handlers_of_before_are_put_back():
    before = signal.getsignal(signal.SIGTERM)
    supervisor.run([Process("idle", IDLE)], say=lambda _: None, ready=me)
    assert signal.getsignal(signal.SIGTERM) is before


def test_the_programs_end_with_a_supervisor_who_was_killed(tmp_path):
    code = f"""
from apps.demo import supervisor
supervisor.run([supervisor.Process("a", {noted(tmp_path, "a")!r})], say=print)
"""
    owner = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)
    assert wait_for(written(tmp_path, "a"), 60)
    owner.kill()
    owner.wait()
    assert wait_for(lambda: not any(lives(pid) for pid in pids(tmp_path)), 60)


def test_a_free_port_is_taken_as_wished_and_a_busy_one_is_replaced_and_said():
    said = []
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        busy = holder.getsockname()[1]
        other = supervisor.free_port("127.0.0.1", busy, said.append)
    assert other != busy
    assert said == [f"Port {busy} is busy; taking {other}."]
    assert supervisor.free_port("127.0.0.1", other, said.append) == other
    assert len(said) == 1


def test_a_port_listens_only_while_somebody_does():
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        port = holder.getsockname()[1]
        assert not supervisor.listens("127.0.0.1", port)
        holder.listen()
        assert supervisor.listens("127.0.0.1", port)


@pytest.mark.parametrize(
    ("status", "expected"), [(200, True), (302, True), (404, True), (503, False)]
)
def test_a_page_answers_unless_the_server_fails(httpserver, status, expected):
    httpserver.expect_request("/here").respond_with_data("", status=status)
    assert supervisor.answers(httpserver.url_for("/here")) is expected


def test_nothing_answers_where_nobody_is():
    assert not supervisor.answers("http://127.0.0.1:9/")
