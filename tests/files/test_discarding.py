"""Received files are thrown away, but not from under a batch that is being made of the same."""

import os
from datetime import UTC, datetime
from io import BytesIO
from threading import Thread

import pytest
from django.db import connection, transaction

from apps.files.actions.discarding import discard
from apps.files.actions.receiving import BROKEN_OFF, receive
from apps.files.actions.resuming import purge
from apps.files.models import NAMELESS, Batch
from tests.products.waiting import somebody_waits

AT = datetime(2026, 11, 2, 9, tzinfo=UTC)
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.concurrency]


def came():
    return receive(BytesIO(b"x"), kind="clients", filename="x.csv", origin="upload", at=AT)


def test_what_comes_again_while_it_is_thrown_away_is_kept():
    with transaction.atomic():
        batch = came()
        other = Thread(target=discarded, args=[batch.sha256])
        other.start()
        while other.is_alive() and not somebody_waits():
            other.join(0.01)
        assert other.is_alive()  # it waits to hear of the batch
    other.join()
    assert batch.path.exists()


def test_what_no_batch_needs_is_thrown_away_once():
    batch = came()
    for _twice in range(2):
        discard([batch.sha256], unless=Batch.objects.none())
        assert not batch.path.exists()


def test_what_came_without_ever_being_known_goes_after_a_day():
    batch = came()
    Batch.objects.all().delete()
    purge(at=AT)
    assert batch.path.exists()  # somebody may be about to say what it is
    aged(batch.path)
    purge(at=AT)
    assert not batch.path.exists()


def test_what_a_batch_knows_stays_however_old_it_is():
    batch = came()
    aged(batch.path)
    purge(at=AT)
    assert batch.path.exists()


def test_an_erasure_that_was_killed_before_it_threw_files_away_is_finished():
    batch = came()
    Batch.objects.update(state="landed", filename=NAMELESS, landed_at=AT, purged_at=AT)
    purge(at=AT)
    assert not batch.path.exists()


def aged(path):
    long_ago = path.stat().st_mtime - 2 * BROKEN_OFF
    os.utime(path, (long_ago, long_ago))


def discarded(digest):
    discard([digest], unless=Batch.objects.all())
    connection.close()
