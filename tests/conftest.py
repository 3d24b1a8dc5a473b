"""Fixtures that everybody needs; an app's own stand in its folder."""

from collections.abc import Iterator

import pytest
from django.conf import settings
from django.core.cache import caches
from django.utils import translation
from redis import Redis


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
