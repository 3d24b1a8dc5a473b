"""Letters as the units of a message centre: alphabets, parts, sender, receipts."""

from dataclasses import dataclass
from uuid import UUID

from apps.messaging import gsm
from apps.messaging.channels import Letter
from apps.messaging.channels.smpp.incoming import Style
from apps.messaging.channels.smpp.pdu import Address, ShortMessage

ALPHANUMERIC, INTERNATIONAL, SHORT_CODE = 5, 1, 3
UNKNOWN_PLAN, TELEPHONE_PLAN = 0, 1
HAS_HEADER = 0x40
RECEIPT = 1
DEFAULT_ALPHABET, UCS2 = 0, 8
LONGEST_CODE = 8  # digits of a short code


@dataclass
class Shipment:
    """A letter on its way: its parts go out one after another, so that a refusal tears none apart."""

    key: UUID
    parts: list[ShortMessage]
    taken: int = 0
    retries: int = 0

    def unit(self) -> bytes:
        return self.parts[self.taken].to_bytes()


def ship(letter: Letter, style: Style) -> Shipment:
    """Write a letter's parts. Raises ValueError for one that cannot be written.

    Only the last part asks for a receipt: a phone shows nothing before it has all, and one message
    has one id.
    """
    is_wide, contents, headers = cut(letter, style)
    last = len(contents) - 1
    parts = [
        ShortMessage(
            source=sender_address(style.sender),
            destination=Address(letter.to.removeprefix("+")),
            content=header + content,
            esm_class=HAS_HEADER if header else 0,
            data_coding=UCS2 if is_wide else DEFAULT_ALPHABET,
            registered_delivery=RECEIPT if number == last and not letter.is_test else 0,
            validity=style.validity,
            as_payload=style.long_as_payload and len(content) > 140,
        )
        for number, (content, header) in enumerate(zip(contents, headers, strict=True))
    ]
    for part in parts:
        part.to_bytes()  # refused now, or not at all
    return Shipment(letter.key, parts)


def cut(letter: Letter, style: Style) -> tuple[bool, list[bytes], list[bytes]]:
    """Return the alphabet, the contents of the parts and their headers."""
    if style.long_as_payload:
        is_wide, content = gsm.whole(letter.text)
        return is_wide, [content], [b""]
    coded = gsm.split(letter.text)
    if len(coded.parts) == 1:
        return coded.is_wide, coded.parts, [b""]
    # The same for every attempt: a part that comes again takes its own place.
    return coded.is_wide, coded.parts, gsm.headers(len(coded.parts), letter.key.int & 0xFF)


def sender_address(sender: str) -> Address:
    """Say of what kind our own name is: a number, a short code or a word."""
    digits = sender.removeprefix("+")
    if not digits.isdigit():
        return Address(sender, ALPHANUMERIC, UNKNOWN_PLAN)
    if len(digits) <= LONGEST_CODE:
        return Address(digits, SHORT_CODE, UNKNOWN_PLAN)
    return Address(digits, INTERNATIONAL, TELEPHONE_PLAN)
