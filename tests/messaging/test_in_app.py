"""The issuer's own site and app: who is let in, who is reached, what he is shown."""

from datetime import timedelta

import jwt
import pytest

from apps.core import clock
from apps.messaging.models.outbox import Message
from apps.messaging.models.providers import Provider
from apps.messaging.models.stops import Stop
from apps.profiles.models import Channel, ConsentRecord, ContactPoint, Identifier, Purpose
from tests import factories
from tests.messaging.board import (
    SECRET,
    SITE,
    digest_of,
    get,
    hung,
    make_site,
    post,
    sent,
    someone,
    soon,
    token,
)
from tests.messaging.world import fresh

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def site(settings):
    return make_site(settings)


@pytest.fixture
def live(settings):
    settings.TEST_RECIPIENTS = ["C-*"]


# --- who is let in ---


@pytest.mark.parametrize(
    "made",
    [
        lambda: "",
        lambda: "x",
        lambda: "a.b.c",
        lambda: token(key="another secret that nobody can guess either"),
        lambda: token(key=SECRET * 2, algorithm="HS512"),
        lambda: jwt.encode({"aud": "site", "sub": "C-1"}, "", algorithm="none"),
        lambda: token(aud="app"),
        lambda: token(aud=["site", "app"]),
        lambda: token(aud=None),
        lambda: token(sub=None),
        lambda: token(sub=""),
        lambda: token("C-1\0"),
        lambda: token("x" * 201),
        lambda: token(exp=None),
        lambda: token(iat=None),
        lambda: token(exp=soon(-60)),
        lambda: token(exp=soon(7200)),
        lambda: token(iat=soon(120)),
        lambda: token(iat=1.5),
        lambda: token()[:-2],
        lambda: token() + "x",
    ],
)
def test_a_token_that_is_not_as_it_must_be_lets_nobody_in(client, live, made):
    bearer = made()
    for answer in (get(client, bearer), post(client, "here", bearer=bearer)):
        assert answer.status_code == 401
        assert answer["Content-Type"] == "application/problem+json"
        assert answer["Access-Control-Allow-Origin"] == SITE  # so that the script may read it
        assert "notices" not in answer.json()


def test_the_token_of_the_documentation_is_good(client, settings):
    settings.CLOCK_OFFSET = timedelta(0)  # its program reads the clock of the machine
    page = (settings.BASE_DIR / "docs" / "in_app.md").read_text()
    known = {}
    exec(page.partition("```python token")[2].partition("```")[0], known)
    assert get(client, known["token"](SECRET, "site", "C-1")).status_code == 200


def test_a_secret_that_can_be_guessed_is_none(client, settings):
    settings.PROVIDER_SECRETS = {"site": "short"}
    with pytest.warns(jwt.InsecureKeyLengthWarning):
        weak = token(key="short")
    answer = client.get("/in-app/site/notices", headers={"Authorization": f"Bearer {weak}"})
    assert answer.status_code == 401


def test_pages_of_other_origins_are_not_answered(client, live):
    hung(someone())
    for origin in ("https://evil.example", "null", SITE + ".evil.example", "http://issuer.example"):
        answer = get(client, Origin=origin)
        assert answer.status_code == 403
        assert "Access-Control-Allow-Origin" not in answer
        asked = client.options("/in-app/site/notices", headers={"Origin": origin})
        assert "Access-Control-Allow-Origin" not in asked


def test_a_page_of_the_site_may_ask_and_an_app_needs_no_origin(client):
    asked = client.options("/in-app/site/here", headers={"Origin": SITE})
    assert (asked.status_code, asked["Access-Control-Allow-Origin"]) == (204, SITE)
    assert asked["Access-Control-Allow-Methods"] == "POST"
    assert "authorization" in asked["Access-Control-Allow-Headers"]
    answer = client.get("/in-app/site/notices", headers={"Authorization": f"Bearer {token()}"})
    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")
    assert "Origin" in answer["Vary"]


def test_no_site_that_nobody_knows_lets_anybody_in(client):
    answer = client.get("/in-app/other/notices", headers={"Authorization": f"Bearer {token()}"})
    assert answer.status_code == 401


def test_one_client_asks_only_so_often(client, monkeypatch):
    monkeypatch.setattr("apps.messaging.views.in_app.REQUESTS_A_MINUTE", 2)
    moment = clock.now()
    monkeypatch.setattr("apps.core.clock.now", lambda: moment)
    assert [get(client).status_code for _ in range(3)] == [200, 200, 429]
    assert get(client, token("C-2")).status_code == 200


# --- who is reached there ---


def test_an_unknown_client_gets_the_answer_of_one_without_news(client):
    someone()
    known, unknown = get(client), get(client, token("C-404"))
    assert known.content == unknown.content == b'{"notices": []}'
    assert post(client, "here").status_code == 204
    assert post(client, "here", bearer=token("C-404")).status_code == 204


def test_whoever_signs_in_is_reached_there_once(client):
    person = someone()
    for _ in range(2):
        assert post(client, "here").status_code == 204
    point = ContactPoint.objects.get(client=person, channel="in_app")
    assert (point.address, point.state) == ("C-1", "valid")
    consent = ConsentRecord.objects.get(client=person)
    assert (consent.purpose, consent.channel, consent.granted) == ("service", "in_app", True)
    assert (consent.text_version, consent.source) == ("app-terms-3", "in-app:site")


def test_signing_in_takes_back_no_answer_and_no_removal(client):
    person = someone()
    post(client, "here")
    ContactPoint.objects.filter(client=person, channel="in_app").update(state="removed")
    factories.consent(person, Purpose.SERVICE, Channel.IN_APP, granted=False, at=clock.now())
    post(client, "here")
    assert ContactPoint.objects.get(client=person, channel="in_app").state == "removed"
    assert ConsentRecord.objects.filter(client=person, granted=True).count() == 1


def test_a_site_that_names_no_terms_records_no_consent(client, site):
    Provider.objects.update(options={"origins": [SITE]})
    post(client, "here", bearer=token())
    person = someone()
    post(client, "here")
    assert person.contact_points.filter(channel="in_app").exists()
    assert not person.consents.exists()


def test_an_id_that_went_to_another_client_reaches_him_alone(client):
    first, second = someone(), someone("C-2")
    post(client, "here")
    Identifier.objects.filter(value="C-1").update(client=second)
    post(client, "here")
    states = {
        point.client_id: point.state for point in ContactPoint.objects.filter(channel="in_app")
    }
    assert states == {first.pk: "unreachable", second.pk: "valid"}


# --- what he is shown ---


def test_a_notice_hangs_there_with_its_own_link_and_words(client, live):
    message = sent(someone(first_name="Anna"))
    assert message.state == "sent"
    (shown,) = get(client).json()["notices"]
    assert (shown["title"], shown["text"]) == ("US Technology", "Hello Anna,\nit paid $25.00.")
    assert (shown["display"], shown["digest"]) == ("blocking", digest_of(message))
    assert shown["labels"]["acknowledge"] == "I have read this"
    assert client.get(shown["link"], headers={"User-Agent": "x"}).status_code in {200, 302}
    assert fresh(message).delivered_at is None  # a fetch changes nothing


def test_buttons_speak_the_clients_language(client, live):
    hung(someone(language="ru"))
    (shown,) = get(client).json()["notices"]
    assert shown["language"] == "ru"


def test_what_must_be_acknowledged_comes_first(client, live):
    person = someone()
    for place, display in enumerate(("banner", "popup", "blocking")):
        hung(person, display, ("coupon.accrued", "coupon.saved", "payment.paid")[place])
    shown = [each["display"] for each in get(client).json()["notices"]]
    assert shown == ["blocking", "popup", "banner"]


def test_nobody_is_shown_the_notices_of_another(client, live):
    message = hung(someone())
    someone("C-2")
    other = token("C-2")
    assert get(client, other).json() == {"notices": []}
    assert post(client, f"notices/{message.key}/shown", bearer=other).status_code == 404
    assert fresh(message).delivered_at is None


def stopped(_message):
    Stop.objects.create(scope="channel", value="in_app", reason="a test")


def withdrawn(message):
    factories.consent(
        message.notice.client, Purpose.SERVICE, Channel.IN_APP, granted=False, at=clock.now()
    )


def late(message):
    message.notice.deadline_at = clock.now() - timedelta(seconds=1)
    message.notice.save()


def removed(message):
    ContactPoint.objects.filter(pk=message.contact_point_id).update(state="removed")


def closed(_message):
    Provider.objects.update(is_open=False, reason="a test")


def elsewhere(_message):
    Provider.objects.update(environment="production")


def erased(message):
    Message.objects.filter(pk=message.pk).update(subject="", body="")


@pytest.mark.parametrize("change", [stopped, withdrawn, late, removed, closed, elsewhere, erased])
def test_what_may_not_be_told_any_more_hangs_there_no_longer(client, live, change):
    message = hung(someone())
    assert len(get(client).json()["notices"]) == 1
    change(message)
    assert get(client).json() == {"notices": []}


def test_outside_production_nobody_but_the_test_list_is_shown_anything(client, settings):
    settings.TEST_RECIPIENTS = []
    message = sent(someone())
    assert fresh(message).state == "failed"
    settings.TEST_RECIPIENTS = ["C-1"]
    message = sent(someone("C-11"), code="coupon.saved")
    assert get(client, token("C-11")).json() == {"notices": []}


def test_who_was_told_otherwise_is_spared_all_but_what_he_must_acknowledge(client, live):
    person = someone()
    banner, blocking = hung(person, "banner"), hung(person, "blocking", "coupon.saved")
    for message in (banner, blocking):
        Message.objects.create(
            notice=message.notice, number=2, channel="sms", state="delivered",
            contact_point=person.contact_points.get(channel="sms"), language="en",
            wording=message.wording, send_after=clock.now(), seen_at=clock.now(),
        )  # fmt: skip
    assert [each["key"] for each in get(client).json()["notices"]] == [str(blocking.key)]
