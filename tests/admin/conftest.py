"""A back office with rows in every list."""

import pytest

from tests.admin.scene import world
from tests.messaging.conftest import gateway

__all__ = ["clients", "gateway"]


@pytest.fixture
def clients(db):
    return world()
