"""Acting on what comes back by mail: an address that is no good, a letter that nobody wanted."""

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _

from apps.messaging.actions.providers import environments
from apps.messaging.actions.receipts import Word, receive
from apps.messaging.actions.unsubscribing import unsubscribe
from apps.messaging.channels import mail_events, mailbox, returned
from apps.messaging.channels.returned import Fate, Returned
from apps.messaging.models.outbox import Message
from apps.messaging.models.providers import Provider
from apps.messaging.models.receipts import Receipt
from apps.profiles.actions.suppressions import suppress
from apps.profiles.models import Channel, ConsentRecord, ContactPoint, Purpose, Suppression
from apps.profiles.models.suppressions import address_hash

MOST_SOFT, SOFT_WITHIN = 5, timedelta(days=30)
UNKNOWN_PROVIDER = "mail"  # of a letter that we do not know, or whose provider is not noted
ASKED_FOR = {Purpose.DIGEST, Purpose.MARKETING}
STATES = {
    Fate.HARD: Receipt.State.FAILED,
    Fate.SOFT: Receipt.State.FAILED,
    Fate.DELIVERED: Receipt.State.DELIVERED,
}
log = logging.getLogger(__name__)


def read_mailbox(*, at: datetime) -> int:
    """Look at the letters that came back; return how many told of ours.

    Those are thrown away, the others marked and left to a person. A letter that is looked at twice,
    as after a death amid the work, changes nothing more.
    """
    if not settings.BOUNCE_MAILBOX:
        return 0
    count = 0
    with mailbox.opened(settings.BOUNCE_MAILBOX) as box:
        for number, raw in box.letters():
            if take_returned(returned.read(raw), at=at):
                box.throw_away(number)
                count += 1
            else:
                box.mark(number)
    return count


@transaction.atomic
def take_returned(found: Returned, *, at: datetime) -> bool:
    """Note what a letter says of one of ours; False where it says nothing, or of none."""
    if found.key is None or found.fate == Fate.OTHER:
        return False
    letters = Message.objects.select_related("notice__template", "contact_point", "carried_by")
    letter = letters.filter(key=found.key, channel=Channel.EMAIL).first()
    is_new = True
    if state := STATES.get(found.fate):
        carrier = letter.carried_by if letter else None
        word = Word(state, key=found.key, reason=reason_of(found))
        is_new = receive(carrier.name if carrier else UNKNOWN_PROVIDER, [word], at=at) > 0
    if letter is None:
        log.warning("A letter came back of which nobody knows: %s", found.key)
        return found.fate != Fate.COMPLAINT  # kept as a receipt, or for a person to see
    if found.fate == Fate.COMPLAINT:
        heed_complaint(letter, at=at)
        return True
    hopeless = found.fate == Fate.HARD or is_hopeless(letter.contact_point, at=at)
    if hopeless and (is_new or not is_overruled(letter)):
        give_up(letter, at=at)
    return True


def reason_of(found: Returned) -> str:
    if found.fate == Fate.DELIVERED:
        return ""
    return _("The letter came back: %(status)s.") % {"status": found.status or "?"}


def is_hopeless(point: ContactPoint, *, at: datetime) -> bool:
    """Say whether too many letters to an address came back, none of them for good."""
    since = at - SOFT_WITHIN
    came_back = Receipt.objects.filter(
        message__contact_point=point, state=Receipt.State.FAILED, received_at__gt=since
    )
    return came_back.count() >= MOST_SOFT


def is_overruled(letter: Message) -> bool:
    """Say whether a person lets an address be written to again since a letter to it came back."""
    point, heard = letter.contact_point, letter.receipts.order_by("received_at").first()
    lifted = Suppression.objects.filter(
        address_hash=address_hash(point.channel, point.address),
        reason=Suppression.Reason.BOUNCED,
    )
    return heard is not None and lifted.filter(lifted_at__gt=heard.received_at).exists()


def give_up(letter: Message, *, at: datetime) -> None:
    """Write to an address no more, whoever has it."""
    point, bounced = letter.contact_point, ContactPoint.State.BOUNCED
    points = ContactPoint.objects.filter(channel=point.channel, address=point.address)
    living = points.exclude(state__in=[ContactPoint.State.REMOVED, bounced])
    living.update(state=bounced, checked_at=at)
    source, reason = f"message:{letter.pk}", Suppression.Reason.BOUNCED
    suppress(point.channel, point.address, reason=reason, source=source, at=at)


def heed_complaint(letter: Message, *, at: datetime) -> None:
    """Stop what was complained of: letters that are asked for, or else every e-mail to the address.

    A letter is complained of once: whoever agrees anew is not silenced by a copy of his old word.
    """
    source = f"message:{letter.pk}"
    if letter.notice.template.purpose in ASKED_FOR:
        said = ConsentRecord.objects.filter(client=letter.notice.client_id, source=source)
        purposes = ASKED_FOR - set(said.values_list("purpose", flat=True))
        if purposes:
            unsubscribe(letter, at=at, purposes=sorted(purposes))
        return
    point, reason = letter.contact_point, Suppression.Reason.COMPLAINT
    if not Suppression.objects.filter(reason=reason, source=source).exists():
        suppress(point.channel, point.address, reason=reason, source=source, at=at)


def hear_provider(name: str, request: HttpRequest, *, at: datetime) -> int | None:
    """Take what an e-mail provider tells of letters; None where it is not the provider that speaks."""
    known = Provider.objects.filter(name=name, kind="anymail", environment__in=environments())
    secret = settings.PROVIDER_SECRETS.get(f"{name}-webhook", "")
    if not secret or (provider := known.first()) is None:
        return None
    try:
        told = mail_events.events(provider.options.get("esp", ""), secret, request, at=at)
    except mail_events.ForgedError:
        return None
    return sum(take_returned(one, at=at) for one in told)
