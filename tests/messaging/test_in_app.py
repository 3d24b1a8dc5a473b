"""The issuer's own site and app: who is let in, what he is shown, what becomes of what he does."""

import json
from datetime import timedelta
from hashlib import sha256
from threading import Barrier, Thread

import jwt
import pytest
from django.db import connection, transaction
from django.db.utils import IntegrityError
from django.urls import reverse

from apps.core import clock
from apps.events.models import Event
from apps.messaging.actions import in_app
from apps.messaging.actions.cascades import follow_up
from apps.messaging.actions.delivery import deliver_due
from apps.messaging.models.content import Template, TemplateVersion
from apps.messaging.models.outbox import Message
from apps.messaging.models.providers import Provider
from apps.messaging.models.reactions import Reaction
from apps.messaging.models.stops import Stop
from apps.profiles.models import Channel, ConsentRecord, ContactPoint, Identifier, Purpose
from tests import factories
from tests.messaging.world import fresh, noticed

pytestmark = pytest.mark.django_db

SECRET = "a secret of the site that nobody can guess"
SITE = "https://issuer.example"


@pytest.fixture(autouse=True)
def site(settings):
    settings.PROVIDER_SECRETS = {"site": SECRET}
    return Provider.objects.create(
        name="site", channel="in_app", kind="in_app", settles="key",
        options={"origins": [SITE], "consent": "app-terms-3"},
    )  # fmt: skip


def someone(core_id="C-1", **fields):
    made = factories.client(consents=(), **fields)
    Identifier.objects.create(client=made, kind="core_id", value=core_id)
    return made


def token(core_id="C-1", *, key=SECRET, algorithm="HS256", **claims):
    said = {"aud": "site", "sub": core_id, "iat": soon(0), "exp": soon(600), **claims}
    kept = {name: value for name, value in said.items() if value is not None}
    return jwt.encode(kept, key, algorithm=algorithm)


def soon(seconds):
    return int(clock.now().timestamp()) + seconds


def get(client, bearer=None, **headers):
    signed = {"Authorization": f"Bearer {token() if bearer is None else bearer}"}
    return client.get("/in-app/site/notices", headers={**signed, "Origin": SITE, **headers})


def post(client, path, body=None, bearer=None, **headers):
    signed = {"Authorization": f"Bearer {token() if bearer is None else bearer}"}
    return client.post(
        f"/in-app/site/{path}", json.dumps(body) if body else "",
        content_type="application/json", headers={**signed, "Origin": SITE, **headers},
    )  # fmt: skip


def hung(person, display="blocking", code="coupon.accrued", *, state="sent", **options):
    """Hang a notice for somebody who uses the site, as one that was sent there."""
    at = clock.now()
    core_id = person.identifiers.get(kind="core_id").value
    in_app.present(Provider.objects.get(name="site"), core_id, at=at)
    point = ContactPoint.objects.get(client=person, channel="in_app")
    wording, _made = TemplateVersion.objects.get_or_create(
        template=Template.objects.get(code=code), channel="in_app", language=person.language,
        variant="plain", number=9, state="published", display=display, subject="{{ strategy }}",
        body="Hello {{ name }},\nit paid {{ amount }}.",
    )  # fmt: skip
    text = {"subject": "News", "body": f"A {display}."} if state == "sent" else {}
    return Message.objects.create(
        notice=noticed(person, code, at=at, contact_point=point, **options),
        channel="in_app", contact_point=point, language=person.language, wording=wording,
        queued_at=at, send_after=at, state=state, sent_at=at, **text,
    )  # fmt: skip


def sent(person, *args, **options):
    """Send a notice the whole way."""
    message = hung(person, *args, state="queued", **options)
    deliver_due(at=clock.now(), limit=10)
    return fresh(message)


def digest_of(message):
    return sha256(f"{message.subject}\n\n{message.body}".encode()).hexdigest()


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
    settings.DEMO = False
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


# --- what he does ---


def test_it_is_delivered_when_shown_and_seen_when_a_person_moved(client, live):
    message = hung(someone(), "banner")
    for _ in range(2):
        assert post(client, f"notices/{message.key}/shown").status_code == 204
    found = fresh(message)
    assert (found.state, bool(found.delivered_at), found.seen_at) == ("delivered", True, None)
    for _ in range(2):
        assert post(client, f"notices/{message.key}/seen").status_code == 204
    assert fresh(message).seen_at
    assert message.receipts.count() == 2


def test_a_blocking_notice_hangs_until_it_is_acknowledged(client, live):
    message = hung(someone())
    path, body = f"notices/{message.key}", {"digest": digest_of(message)}
    assert post(client, f"{path}/dismissed", body).status_code == 409
    assert post(client, f"{path}/acknowledged").status_code == 400
    assert post(client, f"{path}/acknowledged", {"digest": "0" * 64}).status_code == 409
    assert len(get(client).json()["notices"]) == 1
    for _ in range(2):
        assert post(client, f"{path}/acknowledged", body).status_code == 204
    assert get(client).json() == {"notices": []}
    proof = Reaction.objects.get()
    assert (proof.deed, proof.button, proof.language, proof.provider) == (
        "acknowledged", "I have read this", "en", "site",
    )  # fmt: skip
    assert bytes(proof.words).hex() == digest_of(message)
    assert fresh(message).seen_at
    assert Event.objects.filter(kind="message.acknowledged").count() == 1


@pytest.mark.parametrize("deed", ["dismissed", "followed"])
def test_a_banner_is_done_with_when_closed_or_followed(client, live, deed):
    message = hung(someone(), "banner")
    body = {"digest": digest_of(message)}
    assert post(client, f"notices/{message.key}/acknowledged", body).status_code == 409
    assert post(client, f"notices/{message.key}/{deed}", body).status_code == 204
    assert get(client).json() == {"notices": []}
    assert Reaction.objects.get().deed == deed


@pytest.mark.parametrize(
    "body",
    [None, [], {}, {"digest": 1}, {"digest": "x"}, {"digest": "A" * 64}, {"digest": "0" * 9000}],
)
def test_rubbish_is_refused_and_changes_nothing(client, live, body):
    message = hung(someone())
    answer = post(client, f"notices/{message.key}/acknowledged", body)
    assert answer.status_code in {400, 413, 422}
    assert post(client, f"notices/{message.key}/burnt", body).status_code == 404
    assert post(client, "notices/rubbish/seen", body).status_code == 404
    assert not Reaction.objects.exists()


def test_a_proof_is_never_changed_or_deleted(client, live):
    message = hung(someone())
    post(client, f"notices/{message.key}/acknowledged", {"digest": digest_of(message)})
    for change in (
        lambda: Reaction.objects.update(deed="dismissed"),
        Reaction.objects.all().delete,
    ):
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            change()


def test_a_get_of_what_is_done_changes_nothing(client, live):
    message = hung(someone())
    signed = {"Authorization": f"Bearer {token()}"}
    answer = client.get(f"/in-app/site/notices/{message.key}/seen", headers=signed)
    assert (answer.status_code, answer["Allow"]) == (405, "POST, OPTIONS")
    assert fresh(message).seen_at is None


@pytest.mark.django_db(transaction=True)
def test_two_tabs_that_acknowledge_at_once_leave_one_proof(live, site):
    message = hung(someone())
    barrier, known = Barrier(2), []

    def acknowledge():
        barrier.wait()
        known.append(
            in_app.react(
                site, "C-1", message.key, Reaction.Deed.ACKNOWLEDGED, digest_of(message),
                at=clock.now(),
            )
        )  # fmt: skip
        connection.close()

    threads = [Thread(target=acknowledge) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(known) == [False, True]
    assert (
        Reaction.objects.count() == Event.objects.filter(kind="message.acknowledged").count() == 1
    )


def test_who_does_not_come_by_in_time_is_told_another_way(client, live):
    person = someone()
    factories.consent(person, Purpose.SERVICE, Channel.SMS)
    message = hung(person, "banner")
    message.notice.contact_point = None
    message.notice.save()
    later = clock.now() + timedelta(hours=2)
    Message.objects.filter(pk=message.pk).update(follow_at=later)
    follow_up(at=later, limit=10)
    assert message.notice.messages.filter(channel="sms").count() == 1


def test_the_message_page_shows_the_proof(admin_client, client, live):
    message = hung(someone())
    page = reverse("admin:messaging_message_change", args=[message.pk])
    assert "Nothing was done with it there." in admin_client.get(page).content.decode()
    post(client, f"notices/{message.key}/acknowledged", {"digest": digest_of(message)})
    assert digest_of(message) in admin_client.get(page).content.decode()


@pytest.mark.parametrize(
    "options",
    [
        {"origins": ["*"]},
        {"origins": ["https://issuer.example/"]},
        {"origins": "https://issuer.example"},
        {"origins": [1]},
        {"origins": ["https://[broken"]},
        {"consent": 3},
        {"secret": "x"},
    ],
)
def test_a_site_that_is_misset_shows_nothing_and_says_why(client, live, site, options):
    person = someone()
    in_app.present(site, "C-1", at=clock.now())
    Provider.objects.update(options=options)
    message = sent(person)
    assert message.state == "queued"
    assert message.reason
    assert get(client).status_code == 403
