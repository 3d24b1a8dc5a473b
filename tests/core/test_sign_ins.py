"""Signing in to the back office: guessing is slow, and locks nobody out of his own browser."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.urls import reverse

from apps.core.actions import (
    FAILURES,
    REMEMBERED,
    WaitError,
    begin_sign_in,
    forget_sign_ins,
    note_sign_in,
)
from apps.core.models import SignIn

pytestmark = pytest.mark.django_db
AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
(MOST, WITHIN), (MOST_A_DAY, DAY) = FAILURES
PASSWORD = "correct horse"


@pytest.fixture(autouse=True)
def quick_hashes(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def anna():
    return get_user_model().objects.create_user("anna", password=PASSWORD, is_staff=True)


def guessed(browser, count=MOST, *, name="anna"):
    """Try wrong passwords; return what the last page says."""
    url = reverse("admin:login")
    for _ in range(count):
        answer = browser.post(url, {"username": name, "password": "wrong"})
    return answer.content.decode()


def signed_in(browser, *, name="anna"):
    said = {"username": name, "password": PASSWORD}
    return browser.post(reverse("admin:login"), said).status_code == 302


def test_after_five_wrong_passwords_even_the_right_one_waits(anna):
    browser = Client()
    with time_machine.travel(AT, tick=False) as clock:
        assert "Too many attempts" not in guessed(browser)
        clock.shift(timedelta(minutes=4))
        page = guessed(browser, 1)
        assert "Too many attempts" in page
        assert "in 11 minutes" in page
        assert not signed_in(browser)
        clock.shift(WITHIN - timedelta(minutes=4))
        assert signed_in(browser)
    states = SignIn.objects.order_by("pk").values_list("username", "state", "is_known")
    assert list(states) == [("anna", "failed", False)] * MOST + [("anna", "entered", False)]


def test_a_name_that_nobody_has_is_guarded_alike(client):
    assert "Too many attempts" in guessed(client, MOST + 1, name="nobody")


def test_who_guesses_elsewhere_locks_nobody_out_of_his_own_browser(anna):
    own, strange = Client(), Client()
    assert signed_in(own)
    guessed(strange)
    assert not signed_in(strange)
    assert not signed_in(Client())
    own.post(reverse("admin:logout"))
    assert signed_in(own)
    guessed(own)
    assert not signed_in(own)


def test_a_success_forgives_the_failures_of_that_browser(anna):
    own = Client()
    for _ in range(2):
        assert signed_in(own)
        guessed(own, MOST - 1)
    assert signed_in(own)


def test_one_bad_guesser_stops_no_other_name_from_the_same_address(anna):
    get_user_model().objects.create_user("boris", password=PASSWORD, is_staff=True)
    guessed(Client(), MOST + 1)
    assert signed_in(Client(), name="boris")


def test_a_cookie_that_somebody_made_up_or_took_from_another_person_counts_for_nothing(anna):
    get_user_model().objects.create_user("boris", password=PASSWORD, is_staff=True)
    shared, made_up = Client(), Client()
    assert signed_in(shared, name="boris")
    shared.post(reverse("admin:logout"))
    made_up.cookies["browser"] = "x" * 43
    guessed(made_up)
    assert not signed_in(shared)
    assert not signed_in(made_up)


def test_patience_does_not_help_either():
    at = AT
    for _ in range(MOST_A_DAY):
        begin_sign_in("anna", "", at=at)
        at += WITHIN / MOST
    with pytest.raises(WaitError) as refused:
        begin_sign_in("anna", "", at=at)
    assert refused.value.until == AT + DAY


def test_who_may_not_enter_is_noted_as_failed(client):
    get_user_model().objects.create_user("reader", password=PASSWORD)
    assert not signed_in(client, name="reader")
    assert SignIn.objects.get().state == "failed"


def test_an_attempt_is_right_once_and_forgotten_once():
    attempt = begin_sign_in("a\0nna" * 100, "", at=AT)
    assert [note_sign_in(attempt) for _ in range(2)] == [True, False]
    at = AT + REMEMBERED + timedelta(seconds=1)
    assert [forget_sign_ins(at=at) for _ in range(2)] == [1, 0]


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_of_many_attempts_at_once_no_more_than_five_are_looked_at():
    def trying(_):
        try:
            begin_sign_in("anna", "", at=AT)
        except WaitError:
            return False
        else:
            return True
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(trying, range(16))) == MOST
