"""The one form of a phone number or an e-mail address, in which they are stored and compared."""

import re

import phonenumbers
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _


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
