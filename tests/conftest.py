"""Fixtures that everybody needs; an app's own stand in its folder."""

import os
from collections.abc import Iterator

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


@pytest.fixture(scope="session", autouse=True)
def brief_connections() -> None:
    """Let no thread of the live server keep its session: it would hold the test database."""
    connections.settings["default"]["CONN_MAX_AGE"] = 0


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
