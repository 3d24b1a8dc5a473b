"""Changing what is known of clients: their addresses, and what they agreed to."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

import phonenumbers
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils.translation import gettext as _

from apps.profiles.models import Channel, Client, ConsentRecord, ContactPoint, Identifier

SOFT_IDENTIFIERS = {Channel.SMS: Identifier.Kind.PHONE, Channel.EMAIL: Identifier.Kind.EMAIL}


def normalise_phone(text: str) -> str:
    """Return an international phone number in E.164; raise ValidationError where it is none.

    Numbers that no carrier has assigned yet pass: the ranges reserved for fiction are among them.
    """
    refusal = ValidationError(
        _("“%(phone)s” is no phone number; write it with its country code, like +79161234567.")
        % {"phone": text}
    )
    if not re.fullmatch(r"\+[0-9 \xa0().\-]+", text):
        raise refusal
    try:
        number = phonenumbers.parse(text)
    except phonenumbers.NumberParseException as error:
        raise refusal from error
    if not phonenumbers.is_possible_number(number):
        raise refusal
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def normalise_email(text: str) -> str:
    """Return an e-mail address in small letters; raise ValidationError where it is none."""
    address = text.lower()
    try:
        validate_email(address)
    except ValidationError as error:
        raise ValidationError(
            _("“%(email)s” is no e-mail address; write it like name@example.com.") % {"email": text}
        ) from error
    return address


@dataclass(frozen=True)
class Address:
    """Where a client is reached in a channel; the value is normalised."""

    client_id: int
    channel: str
    value: str


@transaction.atomic
def replace_addresses(addresses: Iterable[Address], *, at: datetime) -> int:
    """Give clients the addresses that a source now names; return how many were new to them.

    In the same channel a new address takes the place of those nobody confirmed; one that the
    client confirmed himself stays beside it.
    """
    wanted = {(address.client_id, address.channel): address.value for address in addresses}
    _lock({client_id for client_id, _channel in wanted})
    points = [
        point
        for point in ContactPoint.objects.filter(client_id__in={key[0] for key in wanted})
        if (point.client_id, point.channel) in wanted
    ]
    here = {(point.client_id, point.channel, point.address): point for point in points}
    State = ContactPoint.State  # noqa: N806 (an enumeration)
    old = [
        point
        for point in points
        if point.address != wanted[point.client_id, point.channel]
        and point.verified_at is None
        and point.state != State.REMOVED
    ]
    back = [
        point
        for key, value in wanted.items()
        if (point := here.get((*key, value))) and point.state == State.REMOVED
    ]
    new = [
        ContactPoint(client_id=key[0], channel=key[1], address=value, created_at=at)
        for key, value in wanted.items()
        if (*key, value) not in here
    ]
    ContactPoint.objects.filter(pk__in=[point.pk for point in old]).update(state=State.REMOVED)
    ContactPoint.objects.filter(pk__in=[point.pk for point in back]).update(state=State.VALID)
    ContactPoint.objects.bulk_create(new, batch_size=1000)
    _follow_in_identifiers(old, [*new, *back], at=at)
    return len(new) + len(back)


def _follow_in_identifiers(
    old: list[ContactPoint], new: list[ContactPoint], *, at: datetime
) -> None:
    """Keep phone and e-mail as identifiers; an address of two clients stays the first one's."""
    gone = {
        (point.client_id, str(SOFT_IDENTIFIERS[Channel(point.channel)]), point.address)
        for point in old
        if point.channel in SOFT_IDENTIFIERS
    }
    kept = Identifier.objects.filter(client_id__in={client_id for client_id, *_rest in gone})
    Identifier.objects.filter(
        pk__in=[each.pk for each in kept if (each.client_id, each.kind, each.value) in gone]
    ).delete()
    Identifier.objects.bulk_create(
        [
            Identifier(
                client_id=point.client_id,
                kind=SOFT_IDENTIFIERS[Channel(point.channel)],
                value=point.address,
                created_at=at,
            )
            for point in new
            if point.channel in SOFT_IDENTIFIERS
        ],
        batch_size=1000,
        ignore_conflicts=True,
    )


@dataclass(frozen=True)
class Answer:
    """What a client said to one question; `source` is the form, the call or the file.

    `given_on` is the day of the answer where a file says so. `weighed` is the id of the answer that
    whoever read the file compared this one with (0: there was none); without it the client himself
    is asked just now.
    """

    client_id: int
    purpose: str
    channel: str
    granted: bool
    text_version: str
    source: str
    given_on: date | None = None
    weighed: int | None = None


@transaction.atomic
def record_consents(answers: Iterable[Answer], *, at: datetime) -> int:
    """Record the answers that differ from the client's last one; return how many did.

    A withdrawal that came in since an answer was weighed stands against it.
    """
    given = {(each.client_id, each.purpose, each.channel): each for each in answers}
    client_ids = {each.client_id for each in given.values()}
    _lock(client_ids)
    last = {
        (record.client_id, record.purpose, record.channel): record
        for record in ConsentRecord.objects.filter(client_id__in=client_ids)
        .order_by("client_id", "purpose", "channel", "-recorded_at", "-pk")
        .distinct("client_id", "purpose", "channel")
    }
    fresh = [
        ConsentRecord(
            client_id=each.client_id,
            purpose=each.purpose,
            channel=each.channel,
            granted=each.granted,
            text_version=each.text_version,
            source=each.source,
            given_on=each.given_on,
            recorded_at=at,
        )
        for key, each in given.items()
        if _is_news(each, last.get(key))
    ]
    ConsentRecord.objects.bulk_create(fresh, batch_size=1000)
    return len(fresh)


def _is_news(answer: Answer, last: ConsentRecord | None) -> bool:
    if last is None:
        return True
    if answer.weighed not in {None, last.pk} and not last.granted:
        return False
    said = (answer.granted, answer.text_version)
    again = answer.given_on and (last.given_on is None or answer.given_on > last.given_on)
    return bool(again) or (last.granted, last.text_version) != said


def record_consent(answer: Answer, *, at: datetime) -> bool:
    """Record one answer; False where the client's last one was the same."""
    return record_consents([answer], at=at) == 1


def _lock(client_ids: set[int]) -> None:
    """Let only one writer at a time add to what is known of these clients."""
    locked = Client.objects.filter(pk__in=client_ids).order_by("pk").select_for_update(no_key=True)
    list(locked.values_list("pk", flat=True))
