"""The demo as its visitor starts it: killed while it loads, started again, stopped.

Once for all that only the whole demo can show, since its past takes long to live.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from contextlib import contextmanager, suppress
from datetime import date
from io import StringIO
from pathlib import Path

import pytest
from django.db import connections
from django_celery_beat.models import PeriodicTask

from apps.core import clock
from apps.demo.actions.history import begin_world
from apps.demo.management.commands.demo import Command
from apps.demo.models import World
from apps.demo.world import timeline
from apps.products.models.holdings import Payment
from apps.products.models.strategies import Observation, ObservationResult, Strategy
from config import embedded
from config.celery import app
from config.servers import wait_for
from tests.embedded import migrated_cluster

Outcome = ObservationResult.Outcome
ROOT = Path(__file__).resolve().parents[2]
PARTS = ("apps", "config", "locale", "manage.py", "static", "templates")
LIMIT = 900  # seconds; a quiet machine with two cores needs a twentieth of it
READY = "Ctrl-C stops it"


@pytest.fixture
def checkout(tmp_path):
    """A copy of the product: the demo of the one who runs the tests stays as it is.

    Its database knows the migrations already, as that of all tests does.
    """
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, tmp_path / part)
        elif source.exists():
            shutil.copy(source, tmp_path)
    (tmp_path / "var").mkdir()
    subprocess.run(["cp", "-a", migrated_cluster(), tmp_path / "var" / "postgres"], check=True)
    return tmp_path


@pytest.fixture
def port():
    """A free one below those that systems hand out: the demo opens it a minute later, and again."""
    for port in range(20_000 + os.getpid() % 10_000, 32_000):
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    pytest.fail("No port is free.")


@contextmanager
def demo(checkout, port):
    """Run the demo; it gets its end, whatever the test does."""
    own = {
        "DATABASE_URL", "REDIS_URL", "SECRET_KEY", "LINK_KEY", "TIDINGS_DEMO", "TEST_RECIPIENTS",
    }  # fmt: skip
    environment = {name: value for name, value in os.environ.items() if name not in own}
    with subprocess.Popen(
        [sys.executable, "manage.py", "demo", "--port", str(port)],
        cwd=checkout,
        env={**environment, "TIDINGS_NO_BOOTSTRAP": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as running:
        watchdog = threading.Timer(LIMIT, running.kill)
        watchdog.start()
        try:
            yield running
        finally:
            watchdog.cancel()
            running.kill()


def said_until(running, words):
    """Read what the demo says up to a line with these words."""
    lines = []
    for line in running.stdout:
        lines.append(line)
        if words in line:
            return "".join(lines)
    pytest.fail("The demo ended early:\n" + "".join(lines))


def get(url):
    with urllib.request.urlopen(url, timeout=120) as response:
        return response.read().decode()


def links(said):
    return re.findall(r"http://127\.0\.0\.1:\d+/s/[\w-]{22}", said)


@contextmanager
def database(checkout, blocker):
    """Open the database of the running demo under its name."""
    default = connections.settings["default"]
    host = str(embedded.run_dir(checkout))
    connections.settings["demo"] = {**default, "NAME": "tidings", "HOST": host}
    try:
        with blocker.unblock():
            yield
    finally:
        connections["demo"].close()
        del connections["demo"]
        del connections.settings["demo"]


def shows_every_outcome():
    """Every outcome that the demo promises is in its history."""

    def outcomes(code):
        results = ObservationResult.objects.using("demo").filter(observation__strategy__code=code)
        return list(results.order_by("observation__number").values_list("outcome", flat=True))

    assert outcomes("first-quartet-2004") == [Outcome.ACCRUED] * 8
    assert outcomes("quartet-75-2012") == [Outcome.ACCRUED] * 3
    assert outcomes("newcomer-65-2012") == [Outcome.GUARANTEED, Outcome.SAVED, Outcome.ACCRUED]
    assert outcomes("social-80-2012") == [Outcome.SAVED, Outcome.ACCRUED]
    assert outcomes("corridor-90-110-2012") == [Outcome.ACCRUED, Outcome.SAVED]
    assert outcomes("apple-trio-80-2012") == [Outcome.ACCRUED] * 2 + [Outcome.SAVED] * 2
    assert outcomes("no-memory-70-2012").count(Outcome.LOST) == 2
    states = dict(Strategy.objects.using("demo").values_list("code", "state"))
    assert states["first-quartet-2004"] == states["shield-year-2012"] == Strategy.State.MATURED
    assert states["early-bird-2012"] == Strategy.State.CALLED
    residual = Payment.objects.using("demo").filter(kind=Payment.Kind.RESIDUAL)
    assert {payment.due_on for payment in residual} == {date(2014, 6, 29)}
    hurricane = Observation.objects.using("demo").filter(valuation_on=date(2012, 10, 31))
    assert hurricane.exclude(moved_because="").count() == 2
    ahead = Observation.objects.using("demo").filter(state=Observation.State.PLANNED)
    assert ahead.order_by("valuation_on").first().valuation_on == date(2013, 2, 21)
    assert World.objects.using("demo").get().reached_at == timeline.PRESENT


def schedules_are_known():
    return PeriodicTask.objects.using("demo").count() >= len(app.conf.beat_schedule)


@pytest.mark.slow(60)
def test_killed_while_loading_it_starts_again_and_stops_when_asked(
    checkout, port, django_db_blocker
):
    with demo(checkout, port) as running:
        said_until(running, "28 Feb 2005")
        running.kill()

    with demo(checkout, port) as running:
        said = said_until(running, READY)
        assert "30 Nov 2004" not in said  # it went on from where it was
        assert len(links(said)) == 3
        assert "login demo" in said
        start = get(f"http://127.0.0.1:{port}/")
        assert all(link in start for link in links(said))
        mailbox = get(f"http://127.0.0.1:{port}/demo/mailbox/")
        assert f"http://127.0.0.1:{port}/s/" in mailbox
        assert "Quartet 75" in get(links(said)[0])
        assert get(f"http://127.0.0.1:{port}/admin/login/")
        with database(checkout, django_db_blocker):
            shows_every_outcome()
            assert wait_for(schedules_are_known, LIMIT)  # beat writes them
        running.send_signal(signal.SIGINT)
        assert running.wait(LIMIT) == 0


@pytest.mark.django_db
def test_a_past_that_was_lived_is_not_lived_again(monkeypatch):
    monkeypatch.setattr(os, "environ", os.environ.copy())  # it tells its programs what they share
    begin_world(port=0)
    World.objects.update(loaded_at=clock.now())
    said = StringIO()
    command = Command(stdout=said)
    command.began = 0
    command.prepare(None)
    command.door.close()
    assert "Preparing the database" in said.getvalue()
    assert "Living the past" not in said.getvalue()
