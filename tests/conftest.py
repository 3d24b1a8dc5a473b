"""Fixtures that everybody needs; an app's own stand in its folder."""

import os
from collections.abc import Iterator
from importlib import import_module

import pytest
from django.apps import apps
from django.conf import settings
from django.core.cache import caches
from django.db import connections
from django.utils import translation
from hypothesis import settings as properties
from redis import Redis

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


@pytest.fixture(scope="session", autouse=True)
def private_files(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep received files, and look for watched folders, in folders of this run alone."""
    for name in ("FILES_DIR", "FILES_DROP"):
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


SEEDS = {
    ("messaging", "Template"): (
        "apps.messaging.migrations.0003_first_wordings",
        "apps.messaging.migrations.0006_corrections_worded",
        "apps.messaging.migrations.0007_contracts_worded",
        "apps.messaging.migrations.0008_moves_worded",
    ),
    ("messaging", "Provider"): ("apps.messaging.migrations.0010_first_providers",),
    ("products", "Milestone"): ("apps.products.migrations.0015_milestones",),
}


@pytest.fixture(autouse=True)
def seeds(request: pytest.FixtureRequest) -> None:
    """Put back what migrations seeded: a test with real transactions empties every table."""
    asked = {"db", "transactional_db", "live_server"}.intersection(request.fixturenames)
    for database in sorted(asked):
        request.getfixturevalue(database)
    if asked or request.node.get_closest_marker("django_db"):
        for model, migrations in SEEDS.items():
            if not apps.get_model(*model).objects.exists():
                for migration in migrations:
                    import_module(migration).publish(apps, None)
