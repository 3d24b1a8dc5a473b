import re
from datetime import date, timedelta
from uuid import uuid4

import pytest
import time_machine
from django.apps import apps
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.events.models import Event
from apps.landing.views import access
from apps.messaging.actions.hits import drain_hits
from apps.messaging.actions.links import make_link, revoke_link
from apps.messaging.models.links import Hit
from apps.products.models.markets import CorporateAction
from tests import factories
from tests.landing.conftest import CLOSES, closes, evaluate, lived

PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0"
PRIVATE = ("Vera", "Testperson", "P-0", "12,300", "12,400", "307.50", "$")


def counted():
    return {model._meta.label: model.objects.count() for model in apps.get_models()}


def shown(client, world):
    client.post(f"{world.page}show/")
    return client.get(world.page).content.decode()


@pytest.fixture(autouse=True)
def hits_dir(settings, tmp_path):
    settings.HITS_DIR = tmp_path / "hits"


def test_a_short_link_leads_to_the_page_and_asks_no_database(client, world):
    for address in (f"/s/{world.token}", f"/{world.token}"):
        with CaptureQueriesContext(connection) as queries:
            answer = client.get(address, headers={"User-Agent": PHONE, "Accept-Language": "en"})
        assert (answer.status_code, answer["Location"], len(queries)) == (302, world.page, 0)
    assert drain_hits() == 2
    assert set(Hit.objects.values_list("link", "verdict")) == {(world.link.pk, "machine")}
    assert Hit.objects.first().signs == ["no_gesture"]


def test_a_gesture_on_the_page_makes_a_person(client, world):
    client.get(f"/s/{world.token}", headers={"User-Agent": PHONE})
    gesture = {"path": f"{world.page}gesture/", "headers": {"User-Agent": PHONE}}
    assert client.post(**gesture, data={"gesture": "touch"}).status_code == 204
    for wrong in ("", "press", "x" * 99):
        assert client.post(**gesture, data={"gesture": wrong}).status_code == 400
    assert client.get(f"{world.page}gesture/").status_code == 405
    drain_hits()
    assert Hit.objects.get().gesture == "touch"
    assert Event.objects.filter(kind="link.opened").count() == 1


def test_who_presses_to_see_figures_is_a_person_without_scripts_too(client, world):
    client.get(f"/s/{world.token}", headers={"User-Agent": PHONE})
    client.post(f"{world.page}show/", headers={"User-Agent": PHONE})
    drain_hits()
    assert Hit.objects.get().gesture == "press"


def test_what_an_address_says_of_a_campaign_is_noted_and_passed_on(client, world):
    answer = client.get(f"/s/{world.token}?utm_source=sms&utm_campaign=a%26b&next=//evil&lang=ru")
    assert answer["Location"] == f"{world.page}?utm_source=sms&utm_campaign=a%26b&lang=ru"
    drain_hits()
    assert Hit.objects.get().campaign == {"utm_source": "sms", "utm_campaign": "a&b"}


def test_a_short_domain_leads_to_the_pages_own(client, world, settings):
    settings.SHORT_URL, settings.PUBLIC_URL = "https://t.example", "https://page.example"
    answer = client.get(f"/{world.token}")
    assert answer["Location"] == f"https://page.example{world.page}"


def test_an_image_in_a_letter_is_given_to_everybody(client, db):
    answer = client.get(f"/o/{uuid4()}.gif")
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/gif")
    assert drain_hits() == 1


@pytest.mark.parametrize("method", ["get", "head"])
def test_a_scanner_is_noted_as_a_machine(client, world, method):
    getattr(client, method)(f"/s/{world.token}", headers={"User-Agent": "LinkScan/1.0"})
    client.post(f"{world.page}gesture/", {"gesture": "key"}, headers={"User-Agent": "LinkScan/1.0"})
    drain_hits()
    assert Hit.objects.get().verdict == Hit.Verdict.MACHINE
    assert not Event.objects.filter(kind="link.opened").exists()


@pytest.mark.parametrize(
    "address",
    ["/p/{}/", "/p/{}/chart/1/", "/p/{}/chart/1/table/", "/e/{}"],
)
def test_unknown_and_revoked_tokens_are_answered_alike(client, world, today, address):
    revoke_link(world.link.pk, at=today)
    answers = []
    for token in (world.token, "A" * 22):
        with CaptureQueriesContext(connection) as queries:
            answer = client.get(address.format(token))
        answers.append((answer.status_code, answer.content, len(queries), answer.headers["Vary"]))
    assert answers[0] == answers[1]
    assert answers[0][0] == 404
    assert not Hit.objects.exists()


@pytest.mark.parametrize("action", ["show", "hide", "subscribe"])
def test_a_revoked_link_does_nothing(client, world, today, action):
    revoke_link(world.link.pk, at=today)
    before = counted()
    answer = client.post(f"{world.page}{action}/", {"address": "v@example.com"})
    assert answer.status_code == 404
    assert not answer.cookies
    assert counted() == before


def test_every_answer_stays_out_of_caches_indexes_and_referrers(client, world):
    addresses = [f"/s/{world.token}", world.page, "/p/unknown/", "/e/unknown"]
    addresses.append(f"{world.page}chart/{world.strategy.pk}/table/")
    for address in addresses:
        headers = client.get(address).headers
        assert headers["Cache-Control"] == "no-store"
        assert "noindex" in headers["X-Robots-Tag"]
        assert headers["Referrer-Policy"] == "no-referrer"
        assert "script-src 'self';" in headers["Content-Security-Policy"] + ";"
        assert "unsafe" not in headers["Content-Security-Policy"]


def test_no_page_has_inline_styles_or_scripts(client, world):
    for text in (client.get(world.page).content.decode(), shown(client, world)):
        assert " style=" not in text
        assert "<style" not in text
        assert not re.search(r"<script(?![^>]* src=)", text)
        assert not re.search(r"\son\w+=", text)


def test_a_get_changes_nothing(client, world):
    before = counted()
    client.get(world.page)
    client.get(f"{world.page}chart/{world.strategy.pk}/")
    client.get(f"{world.page}chart/{world.strategy.pk}/table/")
    client.head(world.page)
    assert counted() == before


def test_before_the_button_there_are_levels_and_dates_but_no_names_and_no_money(client, world):
    text = client.get(world.page).content.decode()
    for word in ("Evergreen Memory", "72.00%", "28 Feb 2020".replace(" ", "\xa0"), "Saved"):
        assert word in text
    body = text[text.index("<main") :]
    # Prices of shares are public; everything about the client's own money is not.
    without_prices = re.sub(r"<ul class=\"shares\".*?</ul>\n<p", "", body, flags=re.DOTALL)
    for word in PRIVATE:
        assert word not in without_prices
    for word in PRIVATE[:-1]:
        assert word not in text


def test_after_the_button_the_client_sees_his_figures(client, world):
    text = shown(client, world)
    for word in ("Vera Testperson", world.policy.number, "$12,300.00", "$12,400.00"):
        assert word in text
    assert text.count("$307.50") >= 3  # 2.5 % accrued and 2.5 % remembered
    assert "paid on 2\xa0Mar\xa02020" in text


def test_the_cookie_is_bound_to_the_link_and_its_path(client, world, today):
    cookie = client.post(f"{world.page}show/").cookies[access.COOKIE]
    assert cookie["httponly"]
    assert (cookie["samesite"], cookie["path"]) == ("Lax", world.page)
    _, token = make_link(world.client, subject="", at=today)
    client.cookies[access.COOKIE] = cookie.value
    client.cookies[access.COOKIE]["path"] = "/"
    assert "Vera" not in client.get(f"/p/{token}/").content.decode()
    assert "Vera" in client.get(world.page).content.decode()


def test_the_cookie_ends_after_some_hours_and_cannot_be_made_up(client, world):
    cookie = client.post(f"{world.page}show/").cookies[access.COOKIE]
    client.cookies.clear()
    client.cookies[access.COOKIE] = f"{world.link.pk}:made:up"
    assert "Vera" not in client.get(world.page).content.decode()
    with time_machine.travel(access.SHOWN_FOR + timedelta(minutes=1)):
        client.cookies[access.COOKIE] = cookie.value
        assert "Vera" not in client.get(world.page).content.decode()


def test_hiding_takes_the_figures_off_again(client, world):
    assert "Vera" in shown(client, world)
    client.post(f"{world.page}hide/")
    assert "Vera" not in client.get(world.page).content.decode()


def test_looking_twice_on_a_day_is_one_event(client, world):
    for _ in range(2):
        answer = client.post(f"{world.page}show/")
        assert (answer.status_code, answer["Location"]) == (303, world.page)
    event = Event.objects.get(kind="page.figures_shown")
    assert (event.client, event.subject) == (world.client, f"strategy:{world.strategy.pk}")


def test_forms_work_without_a_csrf_token_and_with_origin_null(world):
    strict = Client(enforce_csrf_checks=True)
    answer = strict.post(f"{world.page}show/", headers={"Origin": "null"})
    assert answer.status_code == 303


def test_the_page_speaks_the_clients_language_or_the_one_asked_for(client, world):
    world.client.language = "ru"
    world.client.save()
    assert '<html lang="ru">' in client.get(world.page).content.decode()
    asked = client.get(f"{world.page}?lang=en").content.decode()
    assert '<html lang="en">' in asked
    assert f"{world.page}show/?lang=en" in asked
    assert '<html lang="ru">' in client.get(f"{world.page}?lang=xx").content.decode()
    answer = client.post(f"{world.page}show/?lang=en")
    assert answer["Location"] == f"{world.page}?lang=en"


def test_the_subject_of_the_link_comes_first(client, world, today):
    other = lived(name="Younger One", struck_on=date(2019, 12, 2))
    policy = factories.policy(world.client, other, starts_on=date(2019, 11, 1))
    names = re.findall(r"<h2 id=\"name-\d+\">(.+?)</h2>", client.get(world.page).content.decode())
    assert names == ["Evergreen Memory", "Younger One"]
    _, token = make_link(world.client, subject=f"policy:{policy.pk}", at=today)
    names = re.findall(
        r"<h2 id=\"name-\d+\">(.+?)</h2>", client.get(f"/p/{token}/").content.decode()
    )
    assert names == ["Younger One", "Evergreen Memory"]


def test_the_number_of_policies_costs_no_query(client, world, django_assert_max_num_queries):
    with CaptureQueriesContext(connection) as one:
        client.get(world.page)
    for _ in range(4):
        factories.policy(world.client, lived())
    evaluate()
    with CaptureQueriesContext(connection) as many:
        client.get(world.page)
    assert len(many) == len(one) <= 17


def test_a_share_without_a_close_says_so(client, db, today):
    holder = factories.client()
    strategy = lived(fixings=[("AAPL", "100"), ("MSFT", "50")])
    factories.policy(holder, strategy)
    closes({date(2020, 2, 3): CLOSES[date(2020, 2, 28)]})
    _, token = make_link(holder, subject="", at=today)
    text = client.get(f"/p/{token}/").content.decode()
    assert "No closing price is known" in text
    assert "This cannot be said: no closing price of MSFT is known." in text


def test_a_strategy_that_cannot_be_read_does_not_hide_the_others(client, world):
    broken = lived(name="Broken One", fixings=[("MSFT", "50")])
    factories.policy(world.client, broken)
    CorporateAction.objects.create(
        underlying=factories.underlying("MSFT"),
        kind=CorporateAction.Kind.SPECIAL_DIVIDEND,
        ex_on=date(2020, 3, 2),
        amount=3,  # and no close of the day before, which the fixing would need
        source="test",
    )
    text = client.get(world.page).content.decode()
    assert "Evergreen Memory" in text
    assert "Broken One" in text
    assert "cannot be shown right now" in text
    for address in ("", "table/"):
        assert client.get(f"{world.page}chart/{broken.pk}/{address}").status_code == 404


def test_a_client_without_policies_is_told_so(client, db, today):
    _, token = make_link(factories.client(), subject="", at=today)
    assert "Nothing here yet" in client.get(f"/p/{token}/").content.decode()


def test_a_called_strategy_shows_its_end(client, called_world):
    text = client.get(called_world.page).content.decode()
    assert "Called early on 28 February 2020" in text
    assert "100% of the nominal is paid back." in text
    assert "with everything remembered before" not in text
    assert "3 later observations did not take place" in text
    assert "If the next observation were today" not in text


def test_the_chart_comes_compressed_and_once(client, world):
    address = f"{world.page}chart/{world.strategy.pk}/"
    answer = client.get(address)
    assert answer["Content-Encoding"] == "gzip"
    again = client.get(address, headers={"If-None-Match": answer["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    factories.quote("AAPL", date(2020, 6, 10), "75")
    changed = client.get(address, headers={"If-None-Match": answer["ETag"]})
    assert changed.status_code == 200
    assert changed["ETag"] != answer["ETag"]
    world.strategy.observations.filter(number=3).update(valuation_on=date(2020, 9, 1))
    assert client.get(address)["ETag"] != changed["ETag"]


def test_only_the_holder_of_a_strategy_gets_its_chart(client, world, today):
    _, token = make_link(factories.client(), subject="", at=today)
    for address in ("", "table/"):
        answer = client.get(f"/p/{token}/chart/{world.strategy.pk}/{address}")
        assert answer.status_code == 404
        assert answer["Referrer-Policy"] == "no-referrer"


def test_the_chart_is_there_as_a_table(client, world):
    text = client.get(f"{world.page}chart/{world.strategy.pk}/table/").content.decode()
    assert "<caption" in text
    assert text.index("9\xa0Jun\xa02020") < text.index("28\xa0Feb\xa02020")
    assert "72.0" in text
