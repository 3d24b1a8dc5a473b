"""What nobody takes ends at its deadline, with its reason, and its notice with it."""

from datetime import timedelta

import pytest
from django.db import connection

from apps.messaging.actions.reaping import LATE, UNTAKEN, end_late
from apps.messaging.models.outbox import Message, Notice
from tests import factories
from tests.messaging.world import DAY, fresh, planned

pytestmark = pytest.mark.django_db
DEADLINE = DAY + timedelta(hours=1)
OVER = DEADLINE + UNTAKEN + timedelta(seconds=1)


@pytest.fixture
def message():
    (made,) = planned(factories.client())
    Notice.objects.filter(pk=made.notice_id).update(deadline_at=DEADLINE)
    return made


def test_what_nobody_took_is_skipped_once_with_its_notice(message):
    assert end_late(at=DEADLINE) == 0
    assert end_late(at=OVER) == 1
    assert end_late(at=OVER) == 0
    message = fresh(message)
    assert (message.state, message.reason, message.ended_at) == ("skipped", "too_late", OVER)
    assert message.notice.state == Notice.State.SKIPPED


@pytest.mark.parametrize(
    "state", [{"state": "claimed", "leased_until": DAY}, {"handed_at": DAY}, {"state": "held"}]
)
def test_what_somebody_has_or_may_have_sent_is_left(message, state):
    Message.objects.filter(pk=message.pk).update(**state)
    assert end_late(at=OVER) == 0


def test_notices_are_looked_up_from_what_is_due(message):
    asked = {"before": OVER, "until": OVER, "limit": 1}
    with connection.cursor() as cursor:
        # What is left needs the due messages first, whatever the statistics say.
        cursor.execute("SET LOCAL enable_indexscan = off; SET LOCAL enable_bitmapscan = off")
        cursor.execute(f"EXPLAIN {LATE}", asked)
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "Seq Scan on messaging_notice" in plan  # of one notice, for each message
    assert "Filter: (id = message.notice_id)" in plan


def test_what_has_no_deadline_waits(message):
    Notice.objects.filter(pk=message.notice_id).update(deadline_at=None)
    assert end_late(at=OVER + timedelta(days=9)) == 0
