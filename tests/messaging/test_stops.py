"""The kill switch: one person stops, two persons let go."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import connection
from django.urls import reverse

from apps.messaging.actions.providers import working
from apps.messaging.actions.stops import StopError, ask_release, keep_stopped, release, stop
from apps.messaging.models.stops import Stop
from apps.messaging.queries.stops import standing_stops

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
Scope = Stop.Scope


def person(name, **fields):
    return get_user_model().objects.create_superuser(name, **fields)


@pytest.fixture
def anna(db):
    return person("anna")


@pytest.fixture
def boris(db):
    return person("boris")


def stopped(by, scope=Scope.GLOBAL, value=""):
    assert stop(scope, value, reason="A wrong text.", by=by, at=AT)
    return Stop.objects.get(released_at=None, scope=scope, value=value).pk


def test_the_same_is_stopped_once(anna):
    stopped(anna)
    assert not stop(Scope.GLOBAL, reason="Again.", by=anna, at=AT)
    assert stop(Scope.CHANNEL, "sms", reason="A wrong sender.", by=anna, at=AT)
    assert Stop.objects.count() == 2


@pytest.mark.parametrize(("scope", "value"), [("global", "sms"), ("channel", ""), ("all", "")])
def test_a_stop_says_what_it_stops(anna, scope, value):
    with pytest.raises(ValidationError):
        stop(scope, value, reason="A wrong text.", by=anna, at=AT)
    with pytest.raises(ValidationError):
        stop(Scope.GLOBAL, reason="", by=anna, at=AT)


def test_two_persons_let_go_once_and_it_can_be_stopped_again(anna, boris):
    number = stopped(anna)
    assert ask_release(number, by=anna, at=AT)
    assert not ask_release(number, by=boris, at=AT)
    assert release(number, by=boris, at=AT)
    assert not release(number, by=boris, at=AT)
    assert not release(number, by=anna, at=AT)
    row = Stop.objects.get()
    assert (row.asked_by, row.released_by, row.released_at) == (anna, boris, AT)
    assert stopped(boris) != number


def test_nobody_lets_go_alone(anna, boris):
    number = stopped(anna)
    with pytest.raises(StopError, match="First somebody"):
        release(number, by=boris, at=AT)
    ask_release(number, by=boris, at=AT)
    with pytest.raises(StopError, match="second person"):
        release(number, by=boris, at=AT)
    assert Stop.objects.get().released_at is None


def test_whoever_declines_leaves_it_stopped(anna, boris):
    number = stopped(anna)
    assert not keep_stopped(number)
    ask_release(number, by=anna, at=AT)
    assert keep_stopped(number)
    with pytest.raises(StopError, match="First somebody"):
        release(number, by=boris, at=AT)


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_of_many_who_let_go_at_once_one_does():
    anna, others = person("anna"), [person(f"other{number}") for number in range(4)]
    number = stopped(anna)
    ask_release(number, by=anna, at=AT)

    def let_go(by):
        try:
            return release(number, by=by, at=AT)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(others)) as pool:
        assert sorted(pool.map(let_go, others)) == [False, False, False, True]


def do(client, number, name):
    url = reverse("admin:messaging_stop_do", args=[number, name])
    return client.post(url, follow=True).content.decode()


def test_the_back_office_stops_and_lets_go_by_two(client, anna, boris):
    client.force_login(anna)
    said = {"scope": "channel", "value": "sms", "reason": "A wrong sender."}
    client.post(reverse("admin:messaging_stop_add"), said)
    row = Stop.objects.get()
    assert (row.value, row.set_by) == ("sms", anna)
    assert "Messages are stopped" in client.get(reverse("admin:index")).content.decode()
    page = client.get(reverse("admin:messaging_stop_change", args=[row.pk])).content.decode()
    assert "Ask to go on" in page
    do(client, row.pk, "ask")
    assert "second person must let" in do(client, row.pk, "let_go")
    client.force_login(boris)
    assert "Messages go out again" in do(client, row.pk, "let_go")
    assert "Messages are stopped" not in client.get(reverse("admin:index")).content.decode()


@pytest.mark.parametrize(
    ("scope", "value"), [("global", "sms"), ("channel", ""), ("channel", "Nobody"), ("issuer", "")]
)
def test_the_form_says_what_does_not_fit(client, anna, scope, value):
    client.force_login(anna)
    said = {"scope": scope, "value": value, "reason": "A wrong text."}
    answer = client.post(reverse("admin:messaging_stop_add"), said)
    assert answer.status_code == 200
    assert not Stop.objects.exists()


def test_who_may_only_look_neither_stops_nor_lets_go(client, anna):
    number = stopped(anna)
    viewer = get_user_model().objects.create_user("viewer", is_staff=True)
    client.force_login(viewer)
    said = {"scope": "global", "value": "", "reason": "x"}
    assert client.post(reverse("admin:messaging_stop_add"), said).status_code == 403
    url = reverse("admin:messaging_stop_do", args=[number, "ask"])
    assert client.post(url).status_code == 403


@pytest.mark.django_db
def test_an_issuers_stop_outlasts_a_new_spelling_of_its_name(anna, settings):
    settings.ISSUER_NAME = "Ivolga"
    stopped(anna, Scope.ISSUER, "Ivolga")
    settings.ISSUER_NAME = "Ivolga & Co"
    assert standing_stops().everything
    assert working(at=AT) == []
