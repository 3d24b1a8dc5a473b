"""Into a messenger: invited on the page, proven by the client's own number, told apart from others."""

import hmac
import json
import re
from datetime import timedelta
from hashlib import sha256

import pytest
from django.core.management import call_command
from django.urls import reverse

from apps.events.models import Event
from apps.messaging.actions.invitations import (
    VALID_FOR,
    ProofError,
    confirm,
    hook_secret,
    invite,
    join,
    leave,
    prove,
)
from apps.messaging.models.invitations import Invitation
from apps.messaging.models.providers import Provider
from apps.messaging.models.receipts import Receipt
from apps.messaging.models.replies import Reply
from apps.profiles.models import Channel, ConsentRecord, ContactPoint, Suppression
from tests import factories

pytestmark = pytest.mark.django_db
State = ContactPoint.State
PHONE = "+447700900123"


@pytest.fixture
def bot():
    return messenger("telegram", bot="IssuerBot")


def messenger(kind, **options):
    return Provider.objects.create(
        name=kind, channel="messenger", kind=kind, scheme=kind, options=options
    )


def someone(phone=PHONE):
    made = factories.client(consents=())
    ContactPoint.objects.filter(client=made, channel=Channel.SMS).update(address=phone)
    return made


def account_of(client):
    return ContactPoint.objects.get(client=client, channel=Channel.MESSENGER)


def test_a_client_joins_once_and_is_told_once_his_number_is_known(bot, today):
    client = someone()
    token = invite(client.pk, bot, at=today)
    assert join(bot, token, "77", at=today) == client
    assert join(bot, token, "78", at=today) is None
    assert (account_of(client).address, account_of(client).state) == (
        "telegram:77", State.UNCONFIRMED,
    )  # fmt: skip
    assert not ConsentRecord.objects.filter(client=client).exists()
    assert prove(bot, "77", PHONE, at=today) == (client, True)
    assert prove(bot, "77", PHONE, at=today) == (None, False)
    assert (account_of(client).state, account_of(client).verified_at) == (State.VALID, today)
    consent = ConsentRecord.objects.get(client=client)
    assert (consent.channel, consent.granted) == (Channel.MESSENGER, True)
    assert Event.objects.filter(client=client, kind="messenger.joined").count() == 1


def test_a_forwarded_invitation_proves_nothing(bot, today):
    client, other = someone(), someone("+447700900124")
    token = invite(client.pk, bot, at=today)
    join(bot, token, "77", at=today)
    assert prove(bot, "77", "+447700900124", at=today) == (client, False)
    assert prove(bot, "77", "", at=today) == (client, False)
    assert prove(bot, "78", PHONE, at=today) == (None, False)
    assert account_of(client).state == State.UNCONFIRMED
    assert not ContactPoint.objects.filter(client=other, channel=Channel.MESSENGER).exists()


def test_a_stopped_or_dead_number_proves_nothing(bot, today):
    client = someone()
    join(bot, invite(client.pk, bot, at=today), "77", at=today)
    point = ContactPoint.objects.get(client=client, channel=Channel.SMS)
    ContactPoint.objects.filter(pk=point.pk).update(state=State.UNREACHABLE)
    assert prove(bot, "77", PHONE, at=today) == (client, False)


def test_an_invitation_ends_after_half_an_hour(bot, today):
    client = someone()
    token = invite(client.pk, bot, at=today)
    assert join(bot, token, "77", at=today + VALID_FOR + timedelta(seconds=1)) is None
    assert join(messenger("viber", uri="issuer"), token, "77", at=today) is None


def test_whoever_blocks_us_is_left_alone(bot, today):
    client = someone()
    join(bot, invite(client.pk, bot, at=today), "77", at=today)
    prove(bot, "77", PHONE, at=today)
    assert leave(bot, "77", at=today) == 1
    assert leave(bot, "77", at=today) == 0
    assert account_of(client).state == State.UNREACHABLE
    assert Event.objects.filter(kind="messenger.left").count() == 1


def test_the_page_leads_into_the_messenger(client, world, bot):
    page = client.get(world.page).content.decode()
    assert "Be told in a messenger" not in page
    answer = client.post(f"{world.page}messenger/", {"messenger": "telegram"})
    assert answer.status_code == 303
    client.post(f"{world.page}show/")
    assert "Be told in a messenger" in client.get(world.page).content.decode()
    page = client.post(f"{world.page}messenger/", {"messenger": "telegram"}).content.decode()
    token = re.search(r"https://t\.me/IssuerBot\?start=([\w-]{22})", page)[1]
    answer = call(client, bot, telegram({"text": f"/start {token}"}))
    assert answer.json()["reply_markup"]["keyboard"][0][0]["request_contact"] is True
    phone = world.client.contact_points.get(channel=Channel.SMS).address
    answer = call(client, bot, telegram({"contact": {"user_id": 77, "phone_number": phone[1:]}}))
    assert "Done" in answer.json()["text"]
    assert account_of(world.client).state == State.VALID


def telegram(message):
    return {
        "message": {
            "message_id": 5, "from": {"id": 77}, "chat": {"id": 77, "type": "private"}, **message,
        }
    }  # fmt: skip


def call(client, bot, update, secret=None):
    header = {"X-Telegram-Bot-Api-Secret-Token": hook_secret(bot) if secret is None else secret}
    return client.post(
        f"/messengers/{bot.name}", json.dumps(update), content_type="application/json",
        headers=header,
    )  # fmt: skip


def test_nobody_else_is_believed(client, bot):
    for secret in ("", "wrong"):
        assert call(client, bot, telegram({"text": "STOP"}), secret).status_code == 401
    assert call(client, bot, []).status_code == 400
    assert client.post("/messengers/nobody").status_code == 404
    assert not Reply.objects.exists()


def test_stop_in_a_messenger_is_a_stop(client, bot, today):
    someone_else = someone()
    join(bot, invite(someone_else.pk, bot, at=today), "77", at=today)
    for _ in range(2):
        assert call(client, bot, telegram({"text": "СТОП"})).status_code == 200
    assert Reply.objects.get().meaning == Reply.Meaning.STOP
    assert Suppression.objects.get().channel == Channel.MESSENGER


def test_whatsapp_asks_for_the_address_and_tells_what_arrived(client, settings):
    provider = messenger("whatsapp", number="447700900000")
    settings.PROVIDER_SECRETS = {"whatsapp-hook": "app secret"}
    asked = {"hub.mode": "subscribe", "hub.challenge": "42"}
    right = client.get("/messengers/whatsapp", {**asked, "hub.verify_token": hook_secret(provider)})
    assert (right.status_code, right.content) == (200, b"42")
    for wrong in ("", "x", "подпись"):
        asked_wrongly = client.get("/messengers/whatsapp", {**asked, "hub.verify_token": wrong})
        assert asked_wrongly.status_code == 403
    status = {"id": "wamid.1", "status": "delivered", "biz_opaque_callback_data": "no key"}
    body = json.dumps({"entry": [{"changes": [{"value": {"statuses": [status]}}]}]})
    signature = hmac.digest(b"app secret", body.encode(), sha256).hex()
    for _ in range(3):
        answer = client.post(
            "/messengers/whatsapp", body, content_type="application/json",
            headers={"X-Hub-Signature-256": f"sha256={signature}"},
        )  # fmt: skip
        assert answer.status_code == 200
    assert Receipt.objects.get().provider_id == "wamid.1"


def test_operators_are_told_the_addresses_and_their_secrets(bot, capsys):
    call_command("messenger_hooks")
    said = capsys.readouterr().out
    assert f"http://localhost:8000/messengers/telegram  {hook_secret(bot)}" in said


def test_a_person_confirms_an_account_once_and_says_how_he_knows(today, admin_user):
    viber = messenger("viber", uri="issuer")
    client = someone()
    join(viber, invite(client.pk, viber, at=today), "u=", at=today)
    row = Invitation.objects.get()
    with pytest.raises(ProofError, match="how you know"):
        confirm(row.pk, proof=" ", by=admin_user, at=today)
    later = today + timedelta(days=2)
    given = [confirm(row.pk, proof="Called him.", by=admin_user, at=later) for _ in range(2)]
    assert given == [True, False]
    row.refresh_from_db()
    assert (row.proven_by, row.proven_at, row.proof) == (admin_user, later, "Called him.")
    assert (account_of(client).state, account_of(client).verified_at) == (State.VALID, later)
    assert ConsentRecord.objects.get(client=client).source == f"invitation:{row.pk}"
    joined = Event.objects.get(client=client, kind="messenger.joined")
    assert joined.properties["by"] == admin_user.username


def test_an_account_that_has_left_is_not_confirmed(today, admin_user):
    viber = messenger("viber", uri="issuer")
    client = someone()
    join(viber, invite(client.pk, viber, at=today), "u=", at=today)
    leave(viber, "u=", at=today)
    with pytest.raises(ProofError, match="left us"):
        confirm(Invitation.objects.get().pk, proof="Called him.", by=admin_user, at=today)
    assert account_of(client).state == State.UNREACHABLE


def test_the_desk_shows_both_facts_and_confirms_in_one_step(today, admin_client):
    viber = messenger("viber", uri="issuer")
    join(viber, invite(someone().pk, viber, at=today), "u=", at=today)
    page = reverse("admin:messaging_invitation_change", args=[Invitation.objects.get().pk])
    shown = admin_client.get(page).content.decode()
    assert "a key used once" in shown
    assert PHONE in shown
    said = admin_client.post(page, {"proof": "Called him."}, follow=True).content.decode()
    assert "From now on he is told there as well." in said
    assert Invitation.objects.get().proven_by is not None
    assert admin_client.post(page, {"proof": "Again."}).status_code == 403
