"""Personal links: the token is never stored, always the same, and dies when revoked."""

import hmac
import re
from base64 import urlsafe_b64encode
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from apps.messaging.actions import links
from apps.messaging.models.links import Link
from tests import factories
from tests.factories import NOON
from tests.messaging.world import planned

pytestmark = pytest.mark.django_db


@pytest.fixture
def client_row(db):
    return factories.client()


def test_a_token_has_128_bits_and_finds_its_link(client_row):
    link, token = links.make_link(client_row, subject="strategy:5", at=NOON)
    assert re.fullmatch(r"[A-Za-z0-9]{22}", token)
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


def test_a_link_of_a_key_before_is_written_the_same(client_row, settings):
    link, token = links.make_link(client_row, subject="", at=NOON)
    settings.LINK_KEY, before = "another", settings.LINK_KEY
    with pytest.raises(ImproperlyConfigured, match="LINK_KEY_FALLBACKS"):
        links.token_of(link)
    settings.LINK_KEY_FALLBACKS = [before]
    assert links.token_of(link) == token


def test_a_link_whose_key_is_gone_is_followed_and_another_one_is_sent(settings):
    (message,) = planned(factories.client())
    client, subject = message.notice.client, message.notice.subject
    before, token = links.make_link(client, subject=subject, at=NOON, message=message)
    settings.LINK_KEY = "another"
    sent = [links.links_for([message], at=NOON)[message.pk] for _ in range(2)]
    assert sent[0] == sent[1] != before
    assert links.find_link(links.token_of(sent[0])) == sent[0]
    assert links.find_link(token) == before


def test_a_link_that_was_spelt_in_base64_is_written_so_again(client_row):
    link, _ = links.make_link(client_row, subject="", at=NOON)
    token = urlsafe_b64encode(hmac.digest(settings.LINK_KEY.encode(), link.nonce, "sha256")[:16])
    token = token.decode().rstrip("=")
    Link.objects.update(token_hash=links.hash_token(token))
    assert links.token_of(Link.objects.get()) == token


def test_all_messages_to_an_address_about_a_subject_carry_one_link():
    client = factories.client()
    client.preferred_channel = "sms"
    client.save()
    messages = [*planned(client), *planned(client, code="coupon.saved")]
    client.preferred_channel = "email"
    client.save()
    messages += planned(client, code="strategy.called")
    made = links.links_for(messages, at=NOON)
    again = links.links_for(messages, at=NOON)
    assert [made[each.pk] for each in messages] == [again[each.pk] for each in messages]
    first, second, other = (made[each.pk] for each in messages)
    assert first == second != other
    assert {link.subject for link in made.values()} == {"strategy:5"}
    assert Link.objects.count() == 2


def test_after_a_link_is_revoked_the_next_message_carries_another():
    (message,) = planned(factories.client())
    (first,) = links.links_for([message], at=NOON).values()
    links.revoke_link(first.pk, at=NOON)
    (second,) = links.links_for([message], at=NOON).values()
    assert first != second
    assert links.find_link(links.token_of(first)) is None
    assert links.find_link(links.token_of(second)) == second


def test_a_message_that_had_a_link_of_its_own_keeps_it():
    (message,) = planned(factories.client())
    own, _token = links.make_link(message.notice.client, subject="", at=NOON)
    Link.objects.update(message=message)
    assert links.links_for([message], at=NOON) == {message.pk: own}


def test_a_link_ends_a_while_after_its_contract():
    strategy = factories.strategy(matures_on=NOON.date())
    client, later = factories.client(), NOON + links.AFTERWARDS * 3
    policy = factories.policy(client, strategy)
    for subject in (f"strategy:{strategy.pk}", f"policy:{policy.pk}", "month:2020-01", ""):
        links.make_link(client, subject=subject, at=NOON)
    assert links.end_links(at=NOON + links.AFTERWARDS - timedelta(days=1)) == 0
    with connection.cursor() as cursor:  # a plan that asks for the oldest row by row
        for way in ("hashjoin", "hashagg", "mergejoin", "material", "sort"):
            cursor.execute(f"SET LOCAL enable_{way} = off")
    assert links.end_links(at=later, limit=1) == 1
    assert links.end_links(at=later) == 1
    assert set(Link.objects.filter(revoked_at=None).values_list("subject", flat=True)) == {
        "month:2020-01", "",
    }  # fmt: skip


def test_on_a_short_domain_nothing_stands_before_the_token(settings):
    settings.SHORT_URL = "https://t.example"
    assert links.short_url("A" * 22) == "https://t.example/" + "A" * 22


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
