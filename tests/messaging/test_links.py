"""Personal links: the token is never stored, always the same, and dies when revoked."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from apps.events.models import Event
from apps.messaging.actions import links
from apps.messaging.models.links import Hit, Link
from tests import factories
from tests.factories import NOON


@pytest.fixture
def client_row(db):
    return factories.client()


def test_a_token_has_128_bits_and_finds_its_link(client_row):
    link, token = links.make_link(client_row, subject="strategy:5", at=NOON)
    assert re.fullmatch(r"[A-Za-z0-9_-]{22}", token)
    found = links.find_link(token)
    assert found == link
    assert found.client == client_row
    assert found.subject == "strategy:5"


def test_the_table_gives_nobody_the_token(client_row):
    link, token = links.make_link(client_row, subject="", at=NOON)
    stored = Link.objects.values_list().get(pk=link.pk)
    assert all(token.encode() not in bytes(v) for v in stored if isinstance(v, memoryview | bytes))
    assert token not in "".join(map(str, stored))


def test_a_token_can_be_written_again(client_row):
    link, token = links.make_link(client_row, subject="", at=NOON)
    assert links.token_of(Link.objects.get(pk=link.pk)) == token


def test_two_links_of_a_client_differ(client_row):
    tokens = {links.make_link(client_row, subject="", at=NOON)[1] for _ in range(20)}
    assert len(tokens) == 20


def test_another_key_writes_another_token(client_row, settings):
    link, token = links.make_link(client_row, subject="", at=NOON)
    settings.LINK_KEY = "another"
    assert links.token_of(link) != token


def test_without_a_key_no_link_is_made(client_row, settings):
    settings.LINK_KEY = ""
    with pytest.raises(ImproperlyConfigured):
        links.make_link(client_row, subject="", at=NOON)


@pytest.mark.parametrize("token", ["", "x", "A" * 22, "A" * 5000, "нет", "\udcff", "' OR 1=1 --"])
def test_an_unknown_token_finds_nothing(db, token):
    assert links.find_link(token) is None


def test_an_unknown_and_a_revoked_token_cost_the_same(client_row, django_assert_num_queries):
    link, token = links.make_link(client_row, subject="", at=NOON)
    assert links.revoke_link(link.pk, at=NOON)
    for wrong in (token, "A" * 22):
        with django_assert_num_queries(1):
            assert links.find_link(wrong) is None


def test_revoking_twice_keeps_the_first_moment(client_row):
    link, _ = links.make_link(client_row, subject="", at=NOON)
    assert links.revoke_link(link.pk, at=NOON)
    assert not links.revoke_link(link.pk, at=NOON + timedelta(days=1))
    link.refresh_from_db()
    assert link.revoked_at == NOON


def test_a_person_is_on_the_timeline_and_a_machine_is_not(client_row):
    link, _ = links.make_link(client_row, subject="strategy:5", at=NOON)
    links.record_hit(link, verdict=Hit.Verdict.MACHINE, agent="bot", at=NOON)
    hit = links.record_hit(link, verdict=Hit.Verdict.HUMAN, agent="x" * 900, at=NOON)
    assert [h.verdict for h in link.hits.order_by("pk")] == ["machine", "human"]
    assert len(hit.agent) == 200
    event = Event.objects.get(kind="link.opened")
    assert (event.client_id, event.subject) == (client_row.pk, "strategy:5")
    assert event.properties == {"link": link.pk, "message": None}


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_two_who_revoke_at_once_revoke_once():
    link, _ = links.make_link(factories.client(), subject="", at=NOON)
    start = Barrier(4)

    def revoke(_):
        start.wait()
        try:
            return links.revoke_link(link.pk, at=NOON)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(revoke, range(4))) == 1
