from datetime import UTC, datetime

import pytest

from tests import peers


@pytest.fixture
def mailbox(transactional_db, settings):
    with peers.mailbox(settings, at=datetime(2026, 3, 2, 12, tzinfo=UTC)) as running:
        yield running
