"""Fixtures that everybody needs; an app's own stand in its folder."""

import gc
import os
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest
from django.conf import settings
from django.core.cache import caches
from django.db import connections
from django.utils import translation
from hypothesis import settings as properties
from pytest_django import DjangoDbBlocker
from redis import Redis

from tests import emptying

# The same examples in every run and on every machine, however slow it is just then.
properties.register_profile("alike", derandomize=True, deadline=None, database=None)


def pytest_configure() -> None:
    properties.load_profile("alike")
    # Argon2 is slow on purpose, and most tests of the back office make a user.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    # Each test's client would look through all static files when it begins.
    settings.WHITENOISE_AUTOREFRESH = True


@pytest.fixture(scope="session", autouse=True)
def brief_connections() -> None:
    """Let no thread of the live server keep its session: it would hold the test database."""
    connections.settings["default"]["CONN_MAX_AGE"] = 0


@pytest.hookimpl(trylast=True)  # after pytest-django's own order
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where processes share the tests, let each begin with the longest of its share.

    Nobody waits at the end for a long one that another has just begun; short ones change hands. The
    browser comes last: what follows it in its process runs inside of its loop.
    """
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if processes == 1:
        return
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    shares: list[list[pytest.Item]] = [[] for _ in range(processes)]
    for file in sorted(files.values(), key=place):
        min(shares, key=len).extend(file)
    items[:] = chain.from_iterable(shares)


def pytest_collection_finish() -> None:
    """Keep the collector from what all tests share, of which nothing ever goes."""
    gc.collect()
    gc.freeze()


def place(file: list[pytest.Item]) -> tuple[bool, float]:
    marks = [mark for item in file for mark in item.iter_markers("slow")]
    seconds = [mark.args[0] if mark.args else 1 for mark in marks]
    return any(item.get_closest_marker("browser") for item in file), -max(seconds, default=0)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """Keep what the migrations brought, for all tests that commit what they write."""
    with django_db_blocker.unblock():
        emptying.install()


@pytest.fixture(scope="session", autouse=True)
def private_files(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep received files, and look for watched folders, in folders of this run alone."""
    for name in ("FILES_DIR", "FILES_DROP", "HITS_DIR"):
        folder = tmp_path_factory.mktemp(name.lower())
        os.environ[name] = str(folder)  # of processes that tests start
        setattr(settings, name, folder)


@pytest.fixture(scope="session")
def queue() -> Iterator[Redis]:
    with Redis.from_url(settings.REDIS_URL) as queue:
        yield queue


@pytest.fixture(autouse=True)
def empty_redis(queue: Redis) -> Iterator[None]:
    """Leave nothing in the caches that a test has touched, nor in the queue."""
    yield
    for cache in caches.all(initialized_only=True):
        cache.clear()
    queue.flushdb()


@pytest.fixture(autouse=True)
def own_language() -> Iterator[None]:
    """Begin every test in the language of the settings, whatever page the last one opened."""
    with translation.override(settings.LANGUAGE_CODE):
        yield
