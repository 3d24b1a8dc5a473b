"""Two people merge one pair at once; a file lands while two clients are merged."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier, Event

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, transaction

from apps.profiles.actions import locks
from apps.profiles.actions.locks import hold_identities
from apps.profiles.actions.merging import MergeError, follow_merges, propose_merge
from apps.profiles.models import Client, Identifier, Merge
from apps.profiles.queries.merging import preview
from tests.products.waiting import wait_for_lock

AT = datetime(2020, 3, 2, 12, tzinfo=UTC)
pytestmark = [pytest.mark.concurrency, pytest.mark.django_db(transaction=True)]


def pair():
    kept, dropped = Client.objects.create(), Client.objects.create()
    Identifier.objects.create(client=dropped, kind="core_id", value="C-1")
    return kept, dropped


def merge(kept, dropped, by):
    seen = preview(kept, dropped).seen
    return propose_merge(kept.pk, dropped.pk, reason="one passport", by=by, seen=seen, at=AT)


def test_two_people_merge_one_pair_at_once_and_in_both_directions_once():
    people = [get_user_model().objects.create_user(name) for name in ("anna", "bob", "cleo")]
    kept, dropped = pair()
    start = Barrier(3)

    def run(n):
        one, other = (kept, dropped) if n % 2 else (dropped, kept)
        seen = preview(one, other).seen
        start.wait()
        try:
            return propose_merge(one.pk, other.pk, reason="so", by=people[n], seen=seen, at=AT)
        except MergeError as refusal:
            return str(refusal)
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(run, range(3)))
    assert sum(isinstance(answer, Merge) for answer in answers) == 1
    assert sum("already" in str(answer) for answer in answers) == 2
    assert Merge.objects.count() == Client.objects.exclude(merged_into=None).count() == 1


def test_a_merge_waits_for_the_file_that_lands_and_takes_its_rows_along():
    anna = get_user_model().objects.create_user("anna")
    kept, dropped = pair()
    held = Event()

    def land():
        try:
            with transaction.atomic():
                hold_identities()
                found = Identifier.objects.get(value="C-1").client_id
                held.set()
                wait_for_lock()  # the merge is asked for meanwhile, and has to wait
                Identifier.objects.create(client_id=found, kind="contract", value="K-1")
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        landed = pool.submit(land)
        held.wait()
        with pytest.raises(MergeError, match="has changed since"):
            merge(kept, dropped, anna)  # the preview did not show the row that landed
        landed.result()
    merge(kept, dropped, anna)
    assert set(kept.identifiers.values_list("value", flat=True)) == {"C-1", "K-1"}


def test_a_person_is_told_where_a_file_lands_for_longer_than_he_waits(monkeypatch):
    monkeypatch.setattr(locks, "PATIENCE", "100ms")
    anna = get_user_model().objects.create_user("anna")
    kept, dropped = pair()
    held, done = Event(), Event()

    def land():
        try:
            with transaction.atomic():
                hold_identities()
                held.set()
                done.wait(60)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        landed = pool.submit(land)
        held.wait()
        with pytest.raises(MergeError, match="A file is landing just now"):
            merge(kept, dropped, anna)
        done.set()
        landed.result()
    assert not Merge.objects.exists()


def test_a_row_written_by_somebody_who_knew_the_old_client_alone_follows_him():
    anna = get_user_model().objects.create_user("anna")
    kept, dropped = pair()
    known = Identifier.objects.get(value="C-1").client_id
    merge(kept, dropped, anna)
    Identifier.objects.create(client_id=known, kind="contract", value="K-1")
    assert follow_merges(at=AT) == 1
    assert set(kept.identifiers.values_list("value", flat=True)) == {"C-1", "K-1"}
