"""Every notice that is queued is found by whoever plans, however it came to be queued."""

import pytest
from django.db import connection

from apps.messaging.actions.planning import begin_round, plan_batch, plan_messages
from apps.messaging.models.outbox import Message, Notice
from apps.messaging.models.queue import DraftedNotice, QueuedNotice
from tests import factories
from tests.messaging.world import DAY, noticed

pytestmark = pytest.mark.django_db


def waiting():
    return [
        list(table.objects.order_by("pk").values_list("pk", flat=True))
        for table in (QueuedNotice, DraftedNotice)
    ]


def born(state):
    """Make two notices in one statement, as whoever queues a million does."""
    pattern = noticed(factories.client())
    twins = [
        Notice(
            client=pattern.client, template=pattern.template, dedupe_key=f"{pattern.pk}-{n}",
            values=pattern.values, state=state, reason="x", created_at=DAY,
        )
        for n in range(2)
    ]  # fmt: skip
    Notice.objects.filter(pk=pattern.pk).delete()
    return [notice.pk for notice in Notice.objects.bulk_create(twins)]


@pytest.mark.parametrize("state", Notice.State.values)
def test_a_notice_waits_in_the_table_of_its_state(state):
    pks = born(state)
    assert waiting() == [pks if state == "queued" else [], pks if state == "drafted" else []]


@pytest.mark.parametrize("before", ["drafted", "planned", "done", "skipped", "failed"])
def test_what_comes_to_be_queued_is_planned(before):
    pks = born(before)
    assert plan_messages(at=DAY, limit=10) == 0
    Notice.objects.filter(pk__in=pks).update(state="queued")
    assert waiting() == [pks, []]
    assert plan_messages(at=DAY, limit=10) == 2
    assert waiting() == [[], []]


@pytest.mark.parametrize("after", ["queued", "skipped"])
def test_a_draft_waits_for_approval_no_longer_than_that(after):
    pks = born("drafted")
    Notice.objects.filter(pk__in=pks).update(state=after)
    assert waiting() == [pks if after == "queued" else [], []]
    Notice.objects.filter(pk__in=pks).update(state="drafted")
    assert waiting()[1] == pks


def test_what_is_no_longer_queued_leaves_the_queue_and_keeps_nobody_from_his_turn():
    gone, later = born("queued"), born("queued")
    Notice.objects.filter(pk__in=gone).update(state="skipped")
    assert plan_messages(at=DAY, limit=2) == 2
    assert waiting() == [[], []]
    assert set(Message.objects.values_list("notice", flat=True)) == set(later)


def test_a_round_counts_only_what_was_queued():
    gone, _later = born("queued"), born("queued")
    Notice.objects.filter(pk__in=gone).update(state="skipped")
    size, rest = plan_batch(begin_round(), at=DAY, limit=2)
    assert (size, rest.after) == (0, max(gone))
    assert plan_batch(rest, at=DAY, limit=2)[0] == 2


def test_what_was_taken_back_and_is_queued_again_is_planned():
    pks = born("queued")
    for state in ("skipped", "queued"):
        Notice.objects.filter(pk__in=pks).update(state=state)
    assert plan_messages(at=DAY, limit=10) == 2


def test_deleted_notices_leave_nothing_behind():
    Notice.objects.filter(pk__in=born("queued") + born("drafted")).delete()
    assert waiting() == [[], []]


def test_planning_a_notice_writes_no_index_of_it():
    noticed(factories.client())
    noticed(factories.client(consents=()))
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_get_xact_tuples_hot_updated('messaging_notice'::regclass)")
        (before,) = cursor.fetchone()
        assert plan_messages(at=DAY, limit=10) == 2
        cursor.execute("SELECT pg_stat_get_xact_tuples_hot_updated('messaging_notice'::regclass)")
        assert cursor.fetchone() == (before + 2,)


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_what_is_queued_again_just_now_is_not_thrown_out_as_no_longer_queued():
    pks = born("queued")
    Notice.objects.filter(pk__in=pks).update(state="skipped")
    other = connection.copy()
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("UPDATE messaging_notice SET state = 'queued'")
            assert plan_messages(at=DAY, limit=10) == 0  # they are locked, and passed by
        other.commit()
    finally:
        other.close()
    assert plan_messages(at=DAY, limit=10) == 2
