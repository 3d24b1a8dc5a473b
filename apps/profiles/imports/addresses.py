"""Columns of addresses: phones in E.164, e-mails in small letters."""

from collections.abc import Callable
from functools import cache

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata

from apps.core.imports.cells import RefusedCellError
from apps.core.imports.columns import Column
from apps.profiles.actions.spelling import normalise_email, normalise_phone

# Plain names at plain hosts, so short that no part of them can be too long.
_PART = "[a-z0-9]++(?:-[a-z0-9]++)*+"
EMAIL = rf"(?![^,;|\t\"]{{61}})[a-z0-9_]++(?:[.+-][a-z0-9_]++)*+@(?:{_PART}\.)++[a-z]{{2,20}}"


@cache
def phone_pattern() -> str:
    """Return the pattern of numbers that stay as they are, country by country.

    Where a number may begin like the prefix that is dialled within a country, it is read exactly.
    """
    ways: dict[str, list[str]] = {}
    for code, (region, *_others) in COUNTRY_CODE_TO_REGION_CODE.items():
        known = PhoneMetadata.metadata_for_region_or_calling_code(code, region)
        if not known or not known.general_desc:
            continue
        prefix = known.national_prefix_for_parsing or ""
        if "(" in prefix:
            continue
        digits = len(str(code))
        lengths = [each for each in known.general_desc.possible_length if 7 <= digits + each <= 15]
        if lengths:
            numbers = "|".join(f"[1-9][0-9]{{{each - 1}}}(?![0-9])" for each in lengths)
            own = f"(?!{prefix})(?:{numbers})" if prefix else f"(?:{numbers})"
            ways.setdefault(str(code)[0], []).append(f"{str(code)[1:]}{own}")
    branches = [f"{first}(?:{'|'.join(rest)})" for first, rest in ways.items()]
    return rf"\+(?:{'|'.join(branches)})"


class Contact(Column[str]):
    """An address, normalised."""

    normalise: Callable[[str], str]

    def parse(self, text: str) -> str:
        try:
            address = type(self).normalise(text)
        except ValidationError as error:
            raise RefusedCellError(error.code or self.code, " ".join(error.messages)) from error
        if len(address) > 200:  # what an identifier holds
            raise ValueError(_("Longer than %(most)d characters.") % {"most": 200})
        return address


class Phone(Contact):
    code = "not_a_phone"
    normalise = staticmethod(normalise_phone)

    def __init__(self) -> None:
        super().__init__()
        self.canonical = phone_pattern()


class Email(Contact):
    code = "not_an_email"
    canonical = EMAIL
    normalise = staticmethod(normalise_email)
