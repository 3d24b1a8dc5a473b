"""The issuer's own site and app: who is signed in there, what hangs there for him, what he did.

The issuer's backend vouches for the client by a token that it signs (HS256) and that is good for
minutes. A fetch changes nothing: it is the script that says what it showed, and the person's own
doing what he has seen.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from uuid import UUID

import jwt
from django.conf import settings
from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _

from apps.core.recipients import may_be_written_to
from apps.events.actions import Fact, record
from apps.messaging.actions.links import short_url, token_of
from apps.messaging.actions.providers import account_of, environments
from apps.messaging.actions.receipts import Word, receive
from apps.messaging.channels import in_app
from apps.messaging.channels.options import OptionsError
from apps.messaging.models.content import Display
from apps.messaging.models.outbox import Message
from apps.messaging.models.providers import Provider
from apps.messaging.models.reactions import Reaction
from apps.messaging.models.receipts import Receipt
from apps.messaging.queries.in_app import links_of, notices_waiting
from apps.profiles.actions.consents import Answer, record_consent
from apps.profiles.actions.locks import hold_identities, lock_clients
from apps.profiles.models import Channel, ConsentRecord, ContactPoint, Identifier, Purpose
from apps.profiles.queries.core_ids import client_of

KIND = "in_app"
LONGEST = timedelta(minutes=15)  # that a token is good for
LEEWAY = timedelta(seconds=30)  # by which the clocks of two servers may differ
LONGEST_ID = 200  # of the column
BATCH = 2_000

State = ContactPoint.State
Deed = Reaction.Deed
# What may be done with a notice so that it is not shown again.
DEEDS = {
    Display.BANNER: {Deed.DISMISSED, Deed.FOLLOWED},
    Display.POPUP: {Deed.DISMISSED, Deed.FOLLOWED},
    Display.BLOCKING: {Deed.ACKNOWLEDGED},
}


class ReactionError(Exception):
    """Why a reaction cannot be taken; a sentence for whoever builds the site."""


@dataclass(frozen=True)
class Hung:
    """A notice as it is shown: plain text, and what its buttons are called."""

    key: UUID
    display: str
    language: str
    title: str
    text: str
    link: str
    labels: Mapping[str, str]
    digest: str


def find_site(name: str) -> Provider | None:
    return Provider.objects.filter(name=name, kind=KIND).first()


def origins(site: Provider) -> list[str]:
    """Return the sites whose pages may ask; none where that is misset."""
    try:
        found: list[str] = in_app.options_of(account_of(site))["origins"]
    except OptionsError:
        return []
    return found


def signed_in(site: Provider, token: str, *, at: datetime) -> str:
    """Return the core-system id of whom the issuer vouches for; empty where he does for nobody.

    The moments are compared with our own clock, which every moment here comes from.
    """
    secret = settings.PROVIDER_SECRETS.get(site.name, "")
    if len(secret.encode()) < in_app.SHORTEST_SECRET:
        return ""
    try:
        claims = jwt.decode(
            token, secret, algorithms=["HS256"], audience=site.name,
            options={
                "verify_exp": False, "verify_iat": False, "verify_nbf": False,
                "strict_aud": True, "require": ["exp", "iat", "sub", "aud"],
            },
        )  # fmt: skip
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        return ""
    core_id, issued, expires = (claims[name] for name in ("sub", "iat", "exp"))
    whole = all(type(moment) is int for moment in (issued, expires))
    if not whole or not is_current(issued, expires, at):
        return ""
    return core_id if core_id.isprintable() and len(core_id) <= LONGEST_ID else ""


def is_current(issued: int, expires: int, at: datetime) -> bool:
    now, leeway = at.timestamp(), LEEWAY.total_seconds()
    is_brief = 0 < expires - issued <= LONGEST.total_seconds()
    return is_brief and issued <= now + leeway and now <= expires + leeway


def present(site: Provider, core_id: str, *, at: datetime) -> bool:
    """Note that a client uses the issuer's site or app; False where nothing is new.

    An address that a person removed stays removed: the client wants nothing there.
    """
    client_id = client_of(core_id)
    if client_id is None:
        return False
    point = ContactPoint.objects.filter(
        client=client_id, channel=Channel.IN_APP, address=core_id
    ).first()
    reached = point is not None and point.state in {State.VALID, State.REMOVED}
    terms = terms_of(site)
    agreed = not terms or ConsentRecord.objects.filter(
        client=client_id, purpose=Purpose.SERVICE, channel=Channel.IN_APP
    ).exists()  # fmt: skip
    return not (reached and agreed) and take_up(site, core_id, terms, at=at)


def terms_of(site: Provider) -> str:
    """Name the version of the terms by which whoever signs in there agrees to news; or nothing."""
    try:
        return str(in_app.options_of(account_of(site))["consent"])
    except OptionsError:
        return ""


@transaction.atomic
def take_up(site: Provider, core_id: str, terms: str, *, at: datetime) -> bool:
    """Make the client's address there, and record what he agreed to when he signed up.

    Whatever he, or a file, has answered before stands: nobody is asked again by signing in.
    """
    hold_identities()
    client_id = client_of(core_id)
    if client_id is None:
        return False
    lock_clients([client_id])
    point, is_new = ContactPoint.objects.get_or_create(
        client_id=client_id,
        channel=Channel.IN_APP,
        address=core_id,
        defaults={"state": State.VALID, "verified_at": at, "checked_at": at, "created_at": at},
    )
    # Where the id was another client's before, nobody can be presented as that one any more.
    same = ContactPoint.objects.filter(channel=Channel.IN_APP, address=core_id, state=State.VALID)
    same.exclude(client=client_id).update(state=State.UNREACHABLE)
    if not is_new:
        lapsed = ContactPoint.objects.filter(pk=point.pk).exclude(
            state__in=[State.VALID, State.REMOVED]
        )
        is_new = lapsed.update(state=State.VALID, verified_at=at) == 1
    asked = ConsentRecord.objects.filter(
        client=client_id, purpose=Purpose.SERVICE, channel=Channel.IN_APP
    )
    agreed = bool(terms) and not asked.exists() and record_consent(
        Answer(client_id, Purpose.SERVICE, Channel.IN_APP, granted=True, text_version=terms,
               source=f"in-app:{site.name}"),
        at=at,
    )  # fmt: skip
    return is_new or agreed


def hung(site: Provider, core_id: str, *, at: datetime) -> list[Hung]:
    """Return what a client is to be shown; nothing for one whom nobody knows."""
    client_id = client_of(core_id)
    if client_id is None or not is_served(site, core_id):
        return []
    messages = notices_waiting(client_id, at=at)
    links = links_of(messages) if messages else {}
    return [
        Hung(
            key=message.key,
            display=message.wording.display,
            language=message.language,
            title=message.subject,
            text=message.body,
            link=short_url(token_of(links[message.pk])) if message.pk in links else "",
            labels=labels(message.language),
            digest=words_of(message).hex(),
        )
        for message in messages
    ]


def is_served(site: Provider, core_id: str) -> bool:
    """Say whether notices are shown there: outside production only to who is on the test list."""
    is_ours = site.is_open and site.environment in environments()
    return is_ours and may_be_written_to(core_id)


@lru_cache
def labels(language: str) -> Mapping[str, str]:
    """Name the buttons in a language of a client."""
    with translation.override(language):
        return {
            "open": _("Open my page"),
            "close": _("Close"),
            "acknowledge": _("I have read this"),
            "failed": _("This could not be saved. Please try again."),
        }


BUTTONS = {Deed.DISMISSED: "close", Deed.FOLLOWED: "open", Deed.ACKNOWLEDGED: "acknowledge"}


def words_of(message: Message) -> bytes:
    """Hash title and text as they are shown, with an empty line between."""
    return sha256(f"{message.subject}\n\n{message.body}".encode()).digest()


def message_to(core_id: str, key: UUID) -> Message:
    """Find a notice that was sent to a client. Raises Message.DoesNotExist."""
    return Message.objects.select_related("wording", "notice__template").get(
        key=key,
        channel=Channel.IN_APP,
        notice__client__identifiers__kind=Identifier.Kind.CORE_ID,
        notice__client__identifiers__value=core_id,
        state__in=[Message.State.SENT, Message.State.DELIVERED],
    )


def note(site: Provider, core_id: str, key: UUID, state: Receipt.State, *, at: datetime) -> bool:
    """Note that a notice was shown, or seen by a person; False where that was known.

    Raises Message.DoesNotExist.
    """
    message = message_to(core_id, key)
    return receive(site.name, [Word(state, key=message.key)], at=at) == 1


@transaction.atomic
def react(
    site: Provider, core_id: str, key: UUID, deed: Reaction.Deed, digest: str, *, at: datetime
) -> bool:
    """Record what a client did with a notice; False where he was done with it before.

    `digest` is that of the text that he had before him. Raises Message.DoesNotExist and
    ReactionError.
    """
    message = message_to(core_id, key)
    if deed not in DEEDS[Display(message.wording.display)]:
        raise ReactionError(_("A notice of this kind is not done with in this way."))
    words = words_of(message)
    if digest != words.hex():
        raise ReactionError(_("This is not the text of the notice."))
    _reaction, is_new = Reaction.objects.get_or_create(
        message=message,
        defaults={
            "deed": deed,
            "provider": site.name,
            "language": message.language,
            "button": labels(message.language)[BUTTONS[deed]],
            "words": words,
            "reacted_at": at,
        },
    )
    if is_new:
        receive(site.name, [Word(Receipt.State.SEEN, key=message.key)], at=at)
        record([told(message, deed, at)])
    return is_new


def told(message: Message, deed: Reaction.Deed, at: datetime) -> Fact:
    notice = message.notice
    return Fact(
        client_id=notice.client_id,
        kind=f"message.{deed}",
        subject=notice.subject or f"notice:{notice.pk}",
        occurred_at=at,
        source_key=f"message:{message.pk}:{deed}",
        properties={
            "message": message.pk,
            "notice": notice.pk,
            "channel": message.channel,
            "template": notice.template.code,
        },
    )


def contradicted() -> Iterator[int]:
    """Name the messages whose text is not the one that was before the client; erased ones are not."""
    rows = Reaction.objects.exclude(message__body="").select_related("message")
    for row in rows.iterator(chunk_size=BATCH):
        if bytes(row.words) != words_of(row.message):
            yield row.message_id
