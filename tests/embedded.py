"""Pytest plugin: a throw-away PostgreSQL and broker for this run.

Loaded by `-p` in pyproject.toml, so that the environment stands before anything reads settings.
DATABASE_URL and REDIS_URL of the caller are used where he gives them; the tests empty that broker.
"""

import atexit
import fcntl
import os
import shutil
import tempfile
import time
from pathlib import Path

import pytest

from config import embedded
from config.commandline import SERVERS

PREFIX = "tidings-test-"


def sweep_leftovers() -> None:
    """Remove what killed runs left: folders of some age whose lock nobody holds."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        lock = folder / "var" / "lock"
        if time.time() - folder.stat().st_mtime < 60 or not lock.exists():
            continue
        with lock.open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            shutil.rmtree(folder, ignore_errors=True)


def prepare() -> embedded.Stack | None:
    """Set the environment of the tests; return what must be started for it."""
    os.environ.update(
        TIDINGS_DEMO="1",
        SECRET_KEY="a throw-away secret of the tests, good for nothing else",
        LINK_KEY="a throw-away key of the tests, good for nothing else",
        DJANGO_ALLOW_ASYNC_UNSAFE="1",  # playwright's loop runs in the thread of the tests
    )
    missing = {url: server for url, server in SERVERS.items() if not os.environ.get(url)}
    if not missing:
        return None
    base = Path(tempfile.mkdtemp(prefix=PREFIX)).resolve()
    urls = {"DATABASE_URL": embedded.database_url(base), "REDIS_URL": embedded.redis_url(base)}
    os.environ.update({url: urls[url] for url in missing})
    return embedded.Stack(base, throwaway=True, servers=missing.values())


stack = prepare()


def pytest_sessionstart(session: pytest.Session) -> None:
    if stack and not session.config.option.collectonly:
        sweep_leftovers()
        atexit.register(stack.stop)
        stack.start()


def pytest_unconfigure() -> None:
    if stack:
        stack.stop()
        shutil.rmtree(stack.base, ignore_errors=True)  # it exists although nothing was started
