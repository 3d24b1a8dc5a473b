from datetime import UTC, datetime

import pytest

from tests import peers

REAL = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def real():
    return REAL


@pytest.fixture
def mailbox(transactional_db, settings, real):
    with peers.mailbox(settings, at=real) as running:
        yield running
