"""What a message centre brings: receipts for what was sent, and what clients wrote themselves."""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from apps.messaging import gsm
from apps.messaging.channels.smpp.pdu import BrokenError, ShortMessage, Status, Tag, is_kept

IS_RECEIPT = 0x3C  # bits of the message type; 0 is a message of a person
HAS_HEADER = 0x40
EIGHT_BIT_PARTS, SIXTEEN_BIT_PARTS = 0x00, 0x08  # elements of a header (3GPP TS 23.040)
UCS2 = 8
ALPHABETS = {1: "ascii", 3: "latin-1", 6: "iso8859-5", 7: "iso8859-8", UCS2: "utf-16-be"}
CLASSED, WIDE_GROUP, LAST_GROUP = 0x10, 0xE0, 0xF0
RECEIPT = re.compile(
    r"\bid:\s*(?P<id>\S+).*?\bstat:\s*(?P<stat>\w+)(?:.*?\berr:\s*(?P<err>\w+))?",
    re.IGNORECASE | re.DOTALL,
)
STATES = {
    1: "ENROUTE",
    2: "DELIVRD",
    3: "EXPIRED",
    4: "DELETED",
    5: "UNDELIV",
    6: "ACCEPTD",
    7: "UNKNOWN",
    8: "REJECTD",
}
# Statuses that are the message's own fault: its length, its number, what is in it.
NEVER = frozenset({0x01, 0x0B, 0x50, 0x51, 0x65})
TOO_FAST = frozenset({Status.THROTTLED, Status.QUEUE_FULL})


class Ids(StrEnum):
    """How a centre writes its ids; many answer in hexadecimal and send receipts in decimal."""

    TEXT = "text"
    HEX = "hex"
    DECIMAL = "decimal"


@dataclass(frozen=True)
class Style:
    """How one centre wants messages and writes what it says."""

    sender: str
    validity: str = "000002000000000R"  # two days: older news is none
    long_as_payload: bool = False
    default_alphabet: str = "gsm"
    answer_ids: Ids = Ids.TEXT
    receipt_ids: Ids = Ids.TEXT
    never: frozenset[int] = NEVER
    too_fast: frozenset[int] = field(default=TOO_FAST)

    def answered_id(self, text: str) -> str:
        return canonical(text, self.answer_ids)


@dataclass(frozen=True)
class Receipt:
    """What became of a message: `stat` as the centre writes it, `code` of the network.

    With a key it is the answer to a message that had been given up.
    """

    provider_id: str
    stat: str
    code: str = ""
    key: UUID | None = None


@dataclass(frozen=True)
class Part:
    """Which part of a long text something is; its phone gave all of them one reference."""

    reference: int
    count: int
    number: int


@dataclass(frozen=True)
class Reply:
    """What somebody wrote to us, or a part of it."""

    sender: str
    to: str
    text: str
    part: Part | None = None


Incoming = Receipt | Reply


def canonical(text: str, ids: Ids) -> str:
    """Write an id one way only: as decimal digits where it is a number."""
    try:
        match ids:
            case Ids.HEX:
                return str(int(text, 16))
            case Ids.DECIMAL:
                return str(int(text))
            case Ids.TEXT:
                return text
    except ValueError:
        return text


def read(body: bytes, style: Style) -> Incoming:
    """Read a deliver_sm. Raises BrokenError."""
    message = ShortMessage.read(body)
    text = text_of(message, style)
    if message.esm_class & IS_RECEIPT:
        return receipt(message, text, style)
    sender = message.source
    return Reply(
        sender=f"+{sender.text.removeprefix('+')}"
        if sender.text.isdigit() and sender.ton == 1
        else sender.text,
        to=message.destination.text,
        text=text,
        part=part_of(message),
    )


def receipt(message: ShortMessage, text: str, style: Style) -> Receipt:
    """Read a receipt: by its tags, which are typed, else by its text. Raises BrokenError."""
    found = RECEIPT.search(text)
    said = found.groupdict() if found else {}
    tagged = message.tags.get(Tag.RECEIPTED_ID, b"").rstrip(b"\0").decode("latin-1")
    state = STATES.get(int.from_bytes(message.tags.get(Tag.MESSAGE_STATE, b""), "big"), "")
    provider_id, stat = tagged or said.get("id"), state or (said.get("stat") or "").upper()
    if not provider_id or not stat or not is_kept(provider_id):
        raise BrokenError
    # A tagged id is that of the answer, in its spelling; the one of the text has its own.
    ids = style.answer_ids if tagged else style.receipt_ids
    return Receipt(canonical(provider_id, ids), stat, said.get("err") or "")


def text_of(message: ShortMessage, style: Style) -> str:
    """Read the text in its alphabet, without the header of a part."""
    content = message.content
    if message.esm_class & HAS_HEADER and content:
        content = content[1 + content[0] :]
    alphabet = alphabet_of(message.data_coding)
    if alphabet == "gsm" and style.default_alphabet == "gsm" and not message.esm_class & IS_RECEIPT:
        return gsm.decode(content)
    alphabet = "latin-1" if alphabet == "gsm" else alphabet
    return content.decode(alphabet, errors="replace").replace("\0", "")


def alphabet_of(coding: int) -> str:
    """Say in which alphabet a text is: by SMPP's own table, or as networks write it.

    Above the table come the networks' codings with the class of a message in them (3GPP TS 23.038):
    two bits, in the last group one, name the alphabet.
    """
    if coding < CLASSED:
        return ALPHABETS.get(coding, "gsm" if coding == 0 else "latin-1")
    if coding >= LAST_GROUP:
        return "latin-1" if coding & 0x04 else "gsm"
    if coding & 0xF0 == WIDE_GROUP:
        return "utf-16-be"
    return ("gsm", "latin-1", "utf-16-be", "latin-1")[coding >> 2 & 3]


def part_of(message: ShortMessage) -> Part | None:
    """Say which part of a long text a message is: by its header, else by its tags."""
    found = part_in_header(message) or part_in_tags(message)
    return found if found and 1 <= found.number <= found.count and found.count > 1 else None


def part_in_header(message: ShortMessage) -> Part | None:
    if not message.esm_class & HAS_HEADER or not message.content:
        return None
    header = message.content[1 : 1 + message.content[0]]
    while len(header) > 2:
        kind, size = header[:2]
        said, header = header[2 : 2 + size], header[2 + size :]
        if kind == EIGHT_BIT_PARTS and size == len(said) == 3:
            return Part(*said)
        if kind == SIXTEEN_BIT_PARTS and size == len(said) == 4:
            return Part(int.from_bytes(said[:2]), *said[2:])
    return None


def part_in_tags(message: ShortMessage) -> Part | None:
    tags = (Tag.PARTS_REFERENCE, Tag.PARTS_TOTAL, Tag.PARTS_NUMBER)
    if not all(tag in message.tags for tag in tags):
        return None
    return Part(*(int.from_bytes(message.tags[tag][-2:]) for tag in tags))
