"""Phones and e-mails are compared in one form; what only looks right is refused with the reason."""

import random

import phonenumbers
import pytest
from django.core.exceptions import ValidationError
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.profiles.actions.spelling import normalise_email, normalise_phone


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("+7 916 123-45-67", "+79161234567"),
        ("+7 (916) 123.45.67", "+79161234567"),
        ("+44 7700 900123", "+447700900123"),  # reserved for fiction
        ("+44 (0) 7700 900123", "+447700900123"),
        ("+1 202 555 0143", "+12025550143"),
        ("+39 06 1234 5678", "+390612345678"),  # the zero of Rome is dialled from abroad as well
        ("+54 9 11 1234 5678", "+5491112345678"),
    ],
)
def test_phones_are_kept_in_one_form(text, normal):
    assert normalise_phone(text) == normal


@pytest.mark.parametrize(
    "text",
    [
        "", "+", "89161234567", "+7", "+7916", "+999123456789", "+7916123456789012",
        "+7916CALLNOW", "+1 5550143", "+٧٩١٦١٢٣٤٥٦٧", "+49 123456789012345",
    ],
)  # fmt: skip
def test_what_is_no_phone_is_refused(text):
    with pytest.raises(ValidationError, match="no phone number"):
        normalise_phone(text)


@pytest.mark.parametrize(
    ("text", "readings"),
    [
        ("8 (916) 123-45-67", r"It may mean \+79161234567\."),
        ("79161234567", r"It may mean \+79161234567\."),
        ("00447700900123", r"It may mean \+447700900123\."),
        ("12345", r"like \+79161234567\.'"),
    ],
)
def test_a_phone_without_its_country_is_shown_as_it_may_be_meant_and_never_taken(text, readings):
    with pytest.raises(ValidationError, match=readings):
        normalise_phone(text)


def by_library(text):
    """Normalise as the library alone would."""
    try:
        number = phonenumbers.parse(text)
    except phonenumbers.NumberParseException:
        return None
    possible = phonenumbers.is_possible_number_with_reason(number)
    dialled = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    fits = possible == phonenumbers.ValidationResult.IS_POSSIBLE and 8 <= len(dialled) <= 16
    return dialled if fits else None


def by_us(text):
    try:
        return normalise_phone(text)
    except ValidationError:
        return None


@settings(max_examples=200, deadline=None)
@given(st.from_regex(r"\+[0-9]{1,4}[ (]?[0-9]{2,8}[) -]?[0-9]{1,7}", fullmatch=True))
def test_the_quick_way_says_what_the_library_says(text):
    assert by_us(text) == by_library(text)


def test_the_quick_way_says_what_the_library_says_in_every_country():
    dice = random.Random(1)
    for code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
        for _ in range(8):
            digits = "".join(dice.choices("0123456789", k=dice.randint(4, 13)))
            assert by_us(f"+{code}{digits}") == by_library(f"+{code}{digits}"), f"+{code}{digits}"


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("Anna.Test@Example.COM", "anna.test@example.com"),
        ("anna+news@example.com", "anna+news@example.com"),  # another mailbox, with some
        ("o'neil@example.co.uk", "o'neil@example.co.uk"),
        ("info@Почта.РФ", "info@xn--80a1acny.xn--p1ai"),
        ("info@xn--80a1acny.xn--p1ai", "info@xn--80a1acny.xn--p1ai"),
        ("info@bücher.example", "info@xn--bcher-kva.example"),
        ("info@例え.jp", "info@xn--r8jz45g.jp"),
    ],
)
def test_emails_are_kept_in_one_form(text, normal):
    assert normalise_email(text) == normal


@pytest.mark.parametrize(
    "text",
    [
        "", "anna", "anna@", "@example.com", "a b@example.com", "a@b@example.com", "anna@example",
        "anna@[127.0.0.1]", "anna@127.0.0.1", "anna@-example.com", ".anna@example.com",
        "an..na@example.com", "a" * 65 + "@example.com", "a@" + "b" * 63 + ".c" * 100 + ".com",
        "anna@exa\u200bmple.com", "anna@example.com\u202e", "anna@xn--a.com", "a@ex_ample.com",
    ],
)  # fmt: skip
def test_what_is_no_email_is_refused(text):
    with pytest.raises(ValidationError, match="no e-mail address"):
        normalise_email(text)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("аnna@example.com", "letter 1 of “аnna”, “а”, is Cyrillic, while “n” is Latin"),
        ("annа@example.com", "letter 4 of “annа”, “а”, is Cyrillic"),
        ("anna@exаmple.com", "letter 3 of “exаmple”, “а”, is Cyrillic, while “e” is Latin"),
        ("anna@xn--exmple-4nf.com", "letter 3 of “exаmple”, “а”, is Cyrillic"),
        ("anna@αpple.com", "letter 1 of “αpple”, “α”, is Greek, while “p” is Latin"),
        ("anna@аррӏе.com", "all letters of “аррӏе” are Cyrillic, and look Latin"),
        ("\N{KELVIN SIGN}ate@example.com", "letter 1 of “\N{KELVIN SIGN}ate”"),
        ("анна@example.com", "before the @ that are not Latin"),
        ('"anna b"@example.com', "quotation marks"),
    ],
)
def test_an_email_that_only_looks_right_is_refused_letter_by_letter(text, sentence):
    with pytest.raises(ValidationError) as refusal:
        normalise_email(text)
    assert sentence in refusal.value.messages[0]
    assert refusal.value.code in {"mixed_scripts", "not_latin_email", "quoted_email"}
