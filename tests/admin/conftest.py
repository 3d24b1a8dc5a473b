"""A back office with rows in every list."""

import pytest

from tests.admin.scene import world


@pytest.fixture
def clients(db):
    return world()
