"""Received files are thrown away, but not from under a batch that is being made of the same."""

from datetime import UTC, datetime
from io import BytesIO
from threading import Thread

import pytest
from django.db import connection, transaction

from apps.files.actions.discarding import discard
from apps.files.actions.receiving import receive
from apps.files.models import Batch
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


def discarded(digest):
    discard([digest], unless=Batch.objects.all())
    connection.close()
