"""Fixtures that everybody needs; an app's own stand in its folder."""

from collections.abc import Iterator

import pytest
from django.core.cache import caches


@pytest.fixture(autouse=True)
def empty_caches() -> Iterator[None]:
    """Leave nothing in the caches that a test has touched; what it queued goes too."""
    yield
    for cache in caches.all(initialized_only=True):
        cache.clear()
