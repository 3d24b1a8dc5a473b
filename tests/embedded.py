"""Pytest plugin: a throw-away PostgreSQL and broker for this run.

Loaded by `-p` in pyproject.toml, so that the environment stands before anything reads settings.
DATABASE_URL and REDIS_URL of the caller are used where he gives them; the tests empty that broker.
Where several processes share the tests, each has servers of its own, or its own part of the caller's.

The migrations are what a new database takes longest for. A cluster that has them is made once for
all runs that know the same ones (`python -m tests.embedded` makes it ahead) and copied.
"""

import atexit
import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import pytest

from config import embedded
from config.commandline import SERVERS
from config.servers import Postgres

ROOT = Path(__file__).resolve().parents[1]
PREFIX = "tidings-test-"
MIGRATED = "tidings-migrated-"
DAY = 24 * 60 * 60  # seconds that a migrated cluster is kept after its last use
OURS = "TIDINGS_TEST_SERVERS"  # the addresses that are ours and not the caller's


def sweep_leftovers() -> None:
    """Remove what killed runs left: folders of some age whose lock nobody holds."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        lock = folder / "var" / "lock"
        try:
            if time.time() - folder.stat().st_mtime < 60 or not lock.exists():
                continue
            with lock.open("a") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
        except (BlockingIOError, FileNotFoundError):
            continue  # somebody is at work there, or swept it before us


def part_of(redis_url: str, worker: int) -> str:
    """Return the address of a worker's own two databases of a broker, queue and cache."""
    if redis_url.startswith("unix:"):
        socket, _, query = redis_url.partition("?")
        asked = dict(parse_qsl(query))
        return f"{socket}?{urlencode({**asked, 'db': int(asked.get('db', 0)) + 2 * worker})}"
    parts = urlsplit(redis_url)
    database = int(parts.path.strip("/") or 0) + 2 * worker
    return urlunsplit(parts._replace(path=f"/{database}"))


def prepare() -> embedded.Stack | None:
    """Set the environment of the tests; return what must be started for it."""
    os.environ.update(
        TIDINGS_DEMO="1",
        TEST_RECIPIENTS="*",  # whoever writes to somebody is a peer of the test
        SECRET_KEY="a throw-away secret of the tests, good for nothing else",
        LINK_KEY="a throw-away key of the tests, good for nothing else",
        DJANGO_ALLOW_ASYNC_UNSAFE="1",  # playwright's loop runs in the thread of the tests
    )
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    if worker:  # it inherits what the process that hands out the tests had set
        for url in os.environ.get(OURS, "").split():
            os.environ.pop(url, None)
    missing = {url: server for url, server in SERVERS.items() if not os.environ.get(url)}
    os.environ[OURS] = " ".join(missing)
    if worker and "REDIS_URL" not in missing:
        os.environ["REDIS_URL"] = part_of(os.environ["REDIS_URL"], int(worker.removeprefix("gw")))
    if not missing:
        return None
    base = Path(tempfile.mkdtemp(prefix=PREFIX)).resolve()
    urls = {"DATABASE_URL": embedded.database_url(base), "REDIS_URL": embedded.redis_url(base)}
    os.environ.update({url: urls[url] for url in missing})
    return embedded.Stack(base, throwaway=True, servers=missing.values())


def migrated_cluster() -> Path:
    """Return a cluster whose database has these migrations; the first who asks makes it."""
    known = hashlib.sha256()
    for pattern in ("*.lock", "apps/*/migrations/*.py", "apps/core/audit.py"):
        for path in sorted(ROOT.glob(pattern)):
            known.update(path.read_bytes())
    home = Path(tempfile.gettempdir()).resolve()
    cluster = home / f"{MIGRATED}{os.geteuid()}-{known.hexdigest()[:16]}"
    with cluster.with_suffix(".lock").open("a") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not cluster.exists():
            make_cluster(cluster)
        os.utime(cluster)
    for old in home.glob(f"{MIGRATED}{os.geteuid()}-*"):
        if time.time() - old.stat().st_mtime > DAY:
            shutil.rmtree(old, ignore_errors=True)
    return cluster


def make_cluster(place: Path) -> None:
    base = Path(tempfile.mkdtemp(prefix=PREFIX)).resolve()
    with embedded.Stack(base, throwaway=True, servers=[Postgres]) as stack:
        subprocess.run(
            [sys.executable, "-m", "django", "migrate", "--verbosity", "0"],
            cwd=ROOT,
            env={
                **os.environ,
                "DATABASE_URL": embedded.database_url(base),
                "DJANGO_SETTINGS_MODULE": "config.settings",
                "PYTHONPATH": str(ROOT),
            },
            check=True,
        )
        (server,) = stack.servers
        server.process.send_signal(signal.SIGINT)
        server.process.wait()
        server.folder.rename(place)


stack = prepare()


def pytest_sessionstart(session: pytest.Session) -> None:
    hands_out = session.config.getoption("dist", "no") != "no"  # it runs no test itself
    if stack and not session.config.option.collectonly and not hands_out:
        sweep_leftovers()
        atexit.register(stack.stop)
        for server in stack.servers:
            if isinstance(server, Postgres):
                server.folder.parent.mkdir(parents=True)
                subprocess.run(["cp", "-a", migrated_cluster(), server.folder], check=True)
        stack.start()


def pytest_configure() -> None:
    from django.db import connections  # noqa: PLC0415 (reads settings)

    if stack and any(isinstance(server, Postgres) for server in stack.servers):
        connections.settings["default"]["TEST"]["TEMPLATE"] = "tidings"


def pytest_unconfigure() -> None:
    if stack:
        stack.stop()
        shutil.rmtree(stack.base, ignore_errors=True)  # it exists although nothing was started


if __name__ == "__main__":
    migrated_cluster()
    pytest_unconfigure()
