"""Where messengers call us: who joins, who leaves, who writes, what arrived."""

import hmac
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from apps.core import clock
from apps.core.api.bodies import read
from apps.core.api.problems import RefusedError
from apps.core.recipients import may_be_written_to
from apps.messaging import messengers
from apps.messaging.actions import inbound, invitations, receipts
from apps.messaging.messengers import Fact, Joined, Left, Said, Shared, Told
from apps.messaging.models.providers import Provider
from apps.profiles.models import Client

LARGEST = 1024 * 1024  # bytes


@csrf_exempt
@require_http_methods(["GET", "POST"])
def hear(request: HttpRequest, provider: str) -> HttpResponse:
    """Take in what a messenger tells; whatever cannot be read is answered and left out."""
    carrier = Provider.objects.filter(name=provider, kind__in=messengers.READERS).first()
    if carrier is None:
        raise Http404
    if request.method == "GET":
        return _challenge(request, carrier)
    try:
        body = read(request, LARGEST)
    except RefusedError as error:
        return HttpResponse(status=error.status)
    if not messengers.is_genuine(carrier.kind, request.headers, body, secret_of(carrier)):
        return HttpResponse(status=401)
    try:
        facts = messengers.read(carrier.kind, body)
    except ValueError:
        return HttpResponse(status=400)
    return JsonResponse(_take(carrier, facts))


def secret_of(provider: Provider) -> str:
    """Return what a messenger's calls are signed with.

    Telegram is told a secret of ours, Viber signs with the bot's token, WhatsApp with the app's
    own secret: PROVIDER_SECRET_<NAME>_HOOK.
    """
    if provider.kind == "telegram":
        return invitations.hook_secret(provider)
    name = provider.name if provider.kind == "viber" else f"{provider.name}-hook"
    return settings.PROVIDER_SECRETS.get(name, "")


def _challenge(request: HttpRequest, provider: Provider) -> HttpResponse:
    """Answer WhatsApp, which asks once whether the address is ours."""
    ours, given = invitations.hook_secret(provider), request.GET.get("hub.verify_token", "")
    if not ours or not hmac.compare_digest(ours.encode(), given.encode(errors="replace")):
        return HttpResponse(status=403)
    challenge = request.GET.get("hub.challenge", "")[:200]
    return HttpResponse(challenge, content_type="text/plain; charset=utf-8")


def _take(provider: Provider, facts: Sequence[Fact]) -> dict[str, Any]:
    """Note all facts; return what the messenger shows the person at once, if it can."""
    at, answer = clock.now(), {}
    for fact in facts:
        match fact:
            case Joined(account, token):
                client = invitations.join(provider, token, account, at=at)
                answer = ask_number(provider, account, client) if client else {}
            case Shared(account, phone):
                joined, proven = invitations.prove(provider, account, phone, at=at)
                answer = say_proven(provider, account, joined, proven=proven) if joined else {}
            case Left(account):
                invitations.leave(provider, account, at=at)
            case Said(account, text, message_id, occurred_at):
                sender = invitations.address_of(provider, account)
                said = inbound.Said(sender, text, message_id, occurred_at)
                inbound.receive(provider.name, provider.channel, [said], at=at)
    told = [word_of(fact) for fact in facts if isinstance(fact, Told)]
    if told:
        receipts.receive(provider.name, told, at=at)
    return answer if may_be_written_to(str(answer.get("chat_id", ""))) else {}


def word_of(told: Told) -> receipts.Word:
    try:
        key = UUID(told.key) if told.key else None
    except ValueError:
        key = None
    return receipts.Word(told.state, told.message_id[:120], key, told.at)


def ask_number(provider: Provider, account: str, client: Client) -> dict[str, Any]:
    """Ask for the person's own number, by a button of the messenger where it vouches for it."""
    if provider.kind != "telegram":
        return {}
    with translation.override(client.language):
        return {
            "method": "sendMessage",
            "chat_id": account,
            "text": _("One step is left: share your phone number, so that we know it is you."),
            "reply_markup": {
                "keyboard": [[{"text": _("Share my phone number"), "request_contact": True}]],
                "one_time_keyboard": True,
                "resize_keyboard": True,
            },
        }


def say_proven(provider: Provider, account: str, client: Client, *, proven: bool) -> dict[str, Any]:
    if provider.kind != "telegram":
        return {}
    with translation.override(client.language):
        text = (
            _("Done: news about your contracts comes here from now on. Write STOP to end it.")
            if proven
            else _("We do not know you by this number. Please ask us to add it to your data.")
        )
    return {
        "method": "sendMessage", "chat_id": account, "text": text,
        "reply_markup": {"remove_keyboard": True},
    }  # fmt: skip
