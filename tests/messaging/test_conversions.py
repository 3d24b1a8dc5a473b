"""What links led to: of several followed before, the last one counts."""

from datetime import timedelta

from django.urls import reverse

from apps.events.actions import Fact, record
from apps.messaging.actions.hits import Seen, record_seen
from apps.messaging.actions.links import make_link
from apps.messaging.queries.conversions import conversions
from tests import factories
from tests.factories import NOON

DAY = timedelta(days=1)


def test_what_happens_within_a_week_of_a_visit_counts_for_the_last_link(db, admin_client):
    client = factories.client()
    first, second = (make_link(client, subject=f"strategy:{n}", at=NOON)[0] for n in (1, 2))
    record_seen(
        [
            Seen(bytes(first.token_hash), NOON + DAY, gesture="key"),
            Seen(bytes(second.token_hash), NOON + 3 * DAY, gesture="key"),
            Seen(bytes(first.token_hash), NOON + 4 * DAY),
        ]
    )
    record(
        [
            Fact(client.pk, kind, "order:1", NOON + after, f"{kind}:{after}")
            for kind, after in [
                ("purchase.made", DAY / 2), ("purchase.made", 2 * DAY), ("purchase.made", 5 * DAY),
                ("order.placed", 5 * DAY), ("purchase.made", 20 * DAY),
            ]
        ]
    )  # fmt: skip
    assert [event.occurred_at for event in conversions(first)] == [NOON + 2 * DAY]
    assert [event.occurred_at for event in conversions(second)] == [NOON + 5 * DAY]
    page = reverse("admin:messaging_link_change", args=[second.pk])
    assert "What it led to" in admin_client.get(page).content.decode()
