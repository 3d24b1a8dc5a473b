"""The demo as its visitor starts it: killed while it loads, started again, stopped, started again."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("apps", "config", "locale", "manage.py", "static", "templates")
LIMIT = 900  # seconds; a quiet machine with two cores needs a twentieth of it
READY = "Ctrl-C stops it"


@pytest.fixture
def checkout(tmp_path):
    """A copy of the product: the demo of the one who runs the tests stays as it is."""
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():
            shutil.copy(source, tmp_path)
    return tmp_path


@pytest.fixture
def port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


@contextmanager
def demo(checkout, port):
    """Run the demo; it gets its end, whatever the test does."""
    own = {"DATABASE_URL", "REDIS_URL", "SECRET_KEY", "LINK_KEY", "TIDINGS_DEMO"}
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


@pytest.mark.slow
def test_killed_while_loading_it_starts_again_and_stops_when_asked(checkout, port):
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
        running.send_signal(signal.SIGINT)
        assert running.wait(LIMIT) == 0

    with demo(checkout, port) as running:
        again = said_until(running, READY)
        assert links(again) == links(said)
        assert "Living the past" not in again
        running.send_signal(signal.SIGINT)
        assert running.wait(LIMIT) == 0
