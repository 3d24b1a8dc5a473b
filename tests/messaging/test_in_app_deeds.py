"""The issuer's own site and app: what becomes of what clients do there, and its proof."""

from datetime import timedelta
from io import StringIO
from threading import Barrier, Thread

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.utils import IntegrityError
from django.urls import reverse

from apps.core import clock
from apps.events.models import Event
from apps.messaging.actions import in_app
from apps.messaging.actions.cascades import follow_up
from apps.messaging.models.outbox import Message
from apps.messaging.models.providers import Provider
from apps.messaging.models.reactions import Reaction
from apps.profiles.models import Channel, Purpose
from tests import factories
from tests.messaging.board import digest_of, get, hung, make_site, post, sent, someone, token
from tests.messaging.world import fresh

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def site(settings):
    return make_site(settings)


@pytest.fixture
def live(settings):
    settings.TEST_RECIPIENTS = ["C-*"]


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
    shown = admin_client.get(page).content.decode()
    assert digest_of(message) in shown.replace(" ", "")
    assert "I have read this" in shown


def test_the_archive_counts_proofs_and_finds_a_text_that_was_changed(client, live):
    message = hung(someone())
    post(client, f"notices/{message.key}/acknowledged", {"digest": digest_of(message)})
    said = StringIO()
    call_command("verify_archive", stdout=said)
    assert "1 acknowledged" in said.getvalue()
    Message.objects.filter(pk=message.pk).update(body="Something else.")
    with pytest.raises(CommandError):
        call_command("verify_archive", stdout=StringIO(), stderr=StringIO())


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
