"""What providers of e-mail tell of letters over HTTP, believed where it is signed as theirs is.

Whoever knows how to sign must: then a password that somebody has read in a log is worth nothing.
Signatures are checked by django-anymail, but for Resend's, which are those of Standard Webhooks.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from importlib import import_module
from typing import Any
from uuid import UUID

from anymail.exceptions import AnymailError
from anymail.signals import EventType, RejectReason
from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured, SuspiciousOperation
from django.http import HttpRequest

from apps.messaging.channels import returned
from apps.messaging.channels.returned import Fate, Returned
from apps.webhooks.signing import is_secret, is_signed

# Who signs what it tells, and how anymail calls the key; the others are given user:password.
SIGNED = {
    "mailersend": "signing_secret",
    "mailgun": "webhook_signing_key",
    "mailtrap": "tracking_secret",
    "mandrill": "webhook_key",
    "postal": "webhook_key",
    "sendgrid": "tracking_webhook_verification_key",
    "unisender_go": "api_key",
}
# Resend signs each attempt anew. The others try again for hours with the signature of the first.
RESIGNED, TRIED_AGAIN = timedelta(minutes=5), timedelta(days=1)


class ForgedError(Exception):
    """What came is not the provider's, or none of its events."""


def events(esp: str, secret: str, request: HttpRequest, *, at: datetime) -> list[Returned]:
    """Read what a provider tells of letters, once it has shown the secret. Raises ForgedError.

    The secret is the key by which it signs, else user:password, as in the address that it is given.
    """
    try:
        module = import_module(f"anymail.webhooks.{esp}")
    except ImportError as error:
        raise ForgedError from error  # nobody who tells of letters
    kinds = [
        known
        for name, known in vars(module).items()
        if name.endswith("TrackingWebhookView") and known.__module__ == module.__name__
    ]
    try:
        (kind,) = kinds
        view = kind(**{SIGNED.get(esp, "webhook_secret"): secret})
        CHECKS.get(esp, run_validators)(view, secret, request, at)
        told = view.parse_events(request)
    except (SuspiciousOperation, AnymailError, ImproperlyConfigured) as error:
        raise ForgedError from error
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError) as error:
        raise ForgedError from error  # the library's readers trust what they are given
    return [returned_of(event) for event in told]


def run_validators(view: Any, _secret: str, request: HttpRequest, _at: datetime) -> None:
    view.run_validators(request)


def check_resend(_view: Any, secret: str, request: HttpRequest, at: datetime) -> None:
    message_id, second, signatures = (
        request.headers.get(f"svix-{name}", "") for name in ("id", "timestamp", "signature")
    )
    signed_at = young(second, RESIGNED, at)
    if not is_secret(secret) or not is_signed(
        [secret], message_id, signed_at, request.body, signatures
    ):
        raise ForgedError


def check_sendgrid(view: Any, _secret: str, request: HttpRequest, at: datetime) -> None:
    view.run_validators(request)
    young(request.headers["X-Twilio-Email-Event-Webhook-Timestamp"], TRIED_AGAIN, at)


def check_mailgun(view: Any, _secret: str, request: HttpRequest, at: datetime) -> None:
    """Believe a token of one event alone: Mailgun signs the token, and not what stands beside it."""
    view.run_validators(request)
    if request.content_type != "application/json":
        raise ForgedError
    told = json.loads(request.body)
    young(str(told["signature"]["timestamp"]), TRIED_AGAIN, at)
    said = sha256(json.dumps(told["event-data"], sort_keys=True).encode()).hexdigest()
    key = sha256(str(told["signature"]["token"]).encode()).hexdigest()
    # Twice as long, so that a clock that goes wrong leaves no gap.
    if cache.get_or_set(f"mailgun:{key}", said, 2 * TRIED_AGAIN.total_seconds()) != said:
        raise ForgedError


CHECKS: dict[str, Callable[[Any, str, HttpRequest, datetime], None]] = {
    "mailgun": check_mailgun,
    "resend": check_resend,
    "sendgrid": check_sendgrid,
}


def young(second: str, window: timedelta, at: datetime) -> datetime:
    """Return the moment at which something was signed. Raises ForgedError where that is no more."""
    if second.isascii() and second.isdecimal() and len(second) <= 11:
        signed_at = datetime.fromtimestamp(int(second), UTC)
        if abs(at - signed_at) <= window:
            return signed_at
    raise ForgedError


def returned_of(event: Any) -> Returned:
    """Say in our words what a provider tells of a letter."""
    try:
        key = UUID(str((event.metadata or {}).get("key", "")))
    except ValueError:
        return Returned(Fate.OTHER)
    said = f"{event.mta_response or ''} {event.description or ''}"
    status = returned.status_in(said)
    match event.event_type:
        case EventType.DELIVERED:
            return Returned(Fate.DELIVERED, key)
        case EventType.COMPLAINED | EventType.UNSUBSCRIBED:
            return Returned(Fate.COMPLAINT, key)
        case EventType.BOUNCED | EventType.REJECTED | EventType.FAILED:
            invalid = event.reject_reason == RejectReason.INVALID
            fate = Fate.HARD if invalid else returned.weighed(status)
            return Returned(fate, key, status)
    return Returned(Fate.OTHER)
