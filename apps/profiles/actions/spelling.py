"""The one form of a phone number or an e-mail address, in which they are stored and compared.

A file brings a million of them: what is written as most are is decided by a pattern, and the libraries
are asked for the rest. A test shows that both agree.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import idna
import phonenumbers
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from phonenumbers import PhoneMetadata, PhoneNumber, PhoneNumberFormat, ValidationResult

from apps.profiles.scripts import Odd, imitates_latin, mixed

# --- phones ---------------------------------------------------------------------------------------

_INTERNATIONAL = re.compile(r"\+[0-9 \xa0().\-]+")
_DIALLED = re.compile(r"\+[1-9][0-9]{6,14}")  # what E.164 allows, and the database's check as well
_BETWEEN_DIGITS = {ord(sign): None for sign in "+ \xa0().-"}


def normalise_phone(text: str) -> str:
    """Return an international phone number in E.164; raise ValidationError where it is none.

    Numbers that no carrier has assigned yet pass: the ranges reserved for fiction are among them. A
    number without its country, or without its area, is not completed: it would be somebody's.
    """
    if _DIALLED.fullmatch(text):
        number = text
    elif _INTERNATIONAL.fullmatch(text):
        number = "+" + text.translate(_BETWEEN_DIGITS)
    else:
        raise _not_a_phone(text)
    country = _country(number[1:4])
    if country is not None:
        if not country.may_begin(number):
            number = _parsed(text)
        if len(number) in country.lengths and _DIALLED.fullmatch(number):
            return number
    raise _not_a_phone(text)


@dataclass(frozen=True)
class Country:
    """What of a country's numbers counts here; lengths and beginnings are of the whole +number."""

    lengths: frozenset[int]
    prefixed: re.Pattern[str]

    def may_begin(self, number: str) -> bool:
        """Tell whether nothing but digits stands between a number and its E.164 form.

        Within a country a number may begin with what is dialled before it: +44 (0) 7700 900123.
        """
        return not self.prefixed.match(number)


@cache
def _country(digits: str) -> Country | None:
    """Find the country whose code the digits begin with."""
    for length in (1, 2, 3):
        code = int(digits[:length] or 0)
        if code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
            region = phonenumbers.region_code_for_country_code(code)
            rules = PhoneMetadata.metadata_for_region_or_calling_code(code, region)
            prefix = (rules and rules.national_prefix_for_parsing) or "0"
            return Country(
                frozenset(n + length + 1 for n in range(1, 15) if _is_possible(code, n)),
                re.compile(rf"\+{code}(?:0|(?:{prefix}))"),
            )
    return None


def _is_possible(code: int, digits: int) -> bool:
    """Tell whether numbers of a country may have so many digits; nothing else counts for that."""
    number = PhoneNumber(country_code=code, national_number=int("2" * digits))
    possible = phonenumbers.is_possible_number_with_reason(number)
    return bool(possible == ValidationResult.IS_POSSIBLE)


def _parsed(text: str) -> str:
    try:
        number = phonenumbers.parse(text)
    except phonenumbers.NumberParseException:
        return ""
    return str(phonenumbers.format_number(number, PhoneNumberFormat.E164))


def _not_a_phone(text: str) -> ValidationError:
    sentence = _(
        "“%(phone)s” is no phone number; write it with its country code, like +79161234567."
    ) % {"phone": text}
    if readings := " / ".join(_readings(text)):
        sentence += " " + _("It may mean %(readings)s.") % {"readings": readings}
    return ValidationError(sentence, code="not_a_phone")


def _readings(text: str) -> Iterator[str]:
    """Yield the numbers that somebody may mean who left out the country; none is taken."""
    if text.startswith("+") or not re.fullmatch(r"[0-9 \xa0().\-]+", text):
        return
    digits = text.translate(_BETWEEN_DIGITS)
    guesses = [digits, digits.removeprefix("00")]
    if len(digits) == 11 and digits.startswith("8"):
        guesses.append(f"7{digits[1:]}")  # 8 is dialled before a number in Russia and Kazakhstan
    for guess in dict.fromkeys(guesses):
        number, country = f"+{guess}", _country(guess[:3])
        if country and len(number) in country.lengths and country.may_begin(number):
            yield number


# --- e-mail ---------------------------------------------------------------------------------------

_WORD = r"[a-z0-9!#$%&'*+/=?^_`{|}~\-]+"
_LABEL = r"[a-z0-9](?:[a-z0-9\-]{0,61}[a-z0-9])?"
_EMAIL = re.compile(rf"{_WORD}(?:\.{_WORD})*@(?:{_LABEL}\.)+[a-z](?:[a-z0-9\-]{{0,61}}[a-z0-9])")
_LONGEST, _LONGEST_LOCAL = 254, 64  # RFC 5321


def normalise_email(text: str) -> str:
    """Return an e-mail address in small letters, its domain as DNS knows it; else ValidationError.

    The part before the @ keeps dots and +tags, which are other mailboxes with some providers, and
    loses capitals, which are the same one with all. Quoted parts and letters beyond ASCII before the
    @ are refused: hardly a mailbox has them, and a slip or a trick looks the same.
    """
    if text.isascii():
        address = text.lower()
        if _EMAIL.fullmatch(address) and "xn--" not in address:
            return _of_length(address, text)
    local, at, domain = text.rpartition("@")
    if not (local and at and domain and text.isprintable()):
        raise _not_an_email(text)
    _check_local(local, text)
    address = f"{local.lower()}@{_ascii_domain(domain, text)}"
    if not _EMAIL.fullmatch(address):
        raise _not_an_email(text)
    return _of_length(address, text)


def _of_length(address: str, text: str) -> str:
    if len(address) > _LONGEST or address.index("@") > _LONGEST_LOCAL:
        raise _not_an_email(text)
    return address


def _check_local(local: str, text: str) -> None:
    if local.startswith('"'):
        raise ValidationError(
            _("“%(email)s” has quotation marks before the @; write the address without them.")
            % {"email": text},
            code="quoted_email",
        )
    if odd := mixed(local):
        raise _mixed(odd, text)
    if not local.isascii():
        raise ValidationError(
            _("“%(email)s” has letters before the @ that are not Latin; mail does not reach them.")
            % {"email": text},
            code="not_latin_email",
        )


def _ascii_domain(domain: str, text: str) -> str:
    """Write a domain as DNS knows it; one that imitates another is refused."""
    try:
        spoken = idna.decode(domain.lower(), uts46=True, std3_rules=True)
        written = idna.encode(spoken, uts46=True, std3_rules=True).decode()
    except (idna.IDNAError, UnicodeError) as error:
        if odd := next(filter(None, map(mixed, domain.split("."))), None):
            raise _mixed(odd, text) from error
        raise _not_an_email(text) from error
    labels = spoken.split(".")
    for label in labels:
        if odd := mixed(label):
            raise _mixed(odd, text)
        if labels[-1].isascii() and (script := imitates_latin(label)):
            raise ValidationError(
                _("In “%(email)s” all letters of “%(label)s” are %(script)s, and look Latin.")
                % {"email": text, "label": label, "script": script},
                code="mixed_scripts",
            )
    return written


def _mixed(odd: Odd, text: str) -> ValidationError:
    return ValidationError(
        _(
            "In “%(email)s” letter %(number)d of “%(word)s”, “%(letter)s”, is %(script)s, while"
            " “%(other)s” is %(rest)s: they only look alike. Type the address anew."
        )
        % {
            "email": text,
            "number": odd.number,
            "word": odd.word,
            "letter": odd.letter,
            "script": odd.script,
            "other": odd.other,
            "rest": odd.rest,
        },
        code="mixed_scripts",
    )


def _not_an_email(text: str) -> ValidationError:
    return ValidationError(
        _("“%(email)s” is no e-mail address; write it like name@example.com.") % {"email": text},
        code="not_an_email",
    )
