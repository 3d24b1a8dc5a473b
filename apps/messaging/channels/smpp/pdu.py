"""SMPP 3.4 as bytes: the units that a client of a message centre sends and reads.

Own instead of smpplib's: that reads a unit of any length the peer names (4 GB), loses its place in
the stream when a read times out amid a unit, matches no answer to what it sent, and tears escape
sequences when it cuts a long text.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum

HEADER = struct.Struct(">IIII")
TAG = struct.Struct(">HH")
RESPONSE = 0x8000_0000
VERSION = 0x34
LONGEST = 70_000  # bytes; the longest payload takes 65,535


class Command(IntEnum):
    GENERIC_NACK = 0x8000_0000
    BIND_RECEIVER = 0x01
    BIND_TRANSMITTER = 0x02
    SUBMIT_SM = 0x04
    DELIVER_SM = 0x05
    UNBIND = 0x06
    BIND_TRANSCEIVER = 0x09
    ENQUIRE_LINK = 0x15


class Status(IntEnum):
    OK = 0x00
    INVALID_COMMAND = 0x03
    SYSTEM_ERROR = 0x08
    BIND_FAILED = 0x0D
    WRONG_PASSWORD = 0x0E
    QUEUE_FULL = 0x14
    THROTTLED = 0x58
    TRY_LATER = 0x64  # "ESME receiver temporary app error"
    NEVER = 0x65  # "ESME receiver permanent app error"


class Tag(IntEnum):
    RECEIPTED_ID = 0x001E
    PARTS_REFERENCE = 0x020C
    PARTS_TOTAL = 0x020E
    PARTS_NUMBER = 0x020F
    MESSAGE_PAYLOAD = 0x0424
    MESSAGE_STATE = 0x0427


class BrokenError(Exception):
    """What came is no SMPP: nothing after it can be understood."""


@dataclass(frozen=True, slots=True)
class Pdu:
    """One unit; a response carries the sequence number of what it answers."""

    command: int
    sequence: int
    status: int = 0
    body: bytes = b""

    def to_bytes(self) -> bytes:
        size = HEADER.size + len(self.body)
        return HEADER.pack(size, self.command, self.status, self.sequence) + self.body

    @property
    def is_response(self) -> bool:
        return bool(self.command & RESPONSE)

    def response(self, status: int = Status.OK, body: bytes = b"") -> "Pdu":
        return Pdu(self.command | RESPONSE, self.sequence, status, body)


class Units:
    """Cuts a stream of bytes into units."""

    def __init__(self) -> None:
        self.rest = bytearray()

    def feed(self, read: bytes) -> Iterator[Pdu]:
        """Yield the units that are whole by now. Raises BrokenError."""
        self.rest += read
        while len(self.rest) >= HEADER.size:
            size, command, status, sequence = HEADER.unpack_from(self.rest)
            if not HEADER.size <= size <= LONGEST:
                raise BrokenError
            if len(self.rest) < size:
                return
            body = bytes(self.rest[HEADER.size : size])
            del self.rest[:size]
            yield Pdu(command, sequence, status, body)


@dataclass(frozen=True, slots=True)
class Address:
    """A number or a name, with what kind it is of (type of number, numbering plan)."""

    text: str
    ton: int = 1
    npi: int = 1

    def to_bytes(self) -> bytes:
        return bytes([self.ton, self.npi]) + c_string(self.text, 20)


@dataclass(frozen=True, slots=True)
class ShortMessage:
    """What submit_sm and deliver_sm carry alike."""

    source: Address
    destination: Address
    content: bytes
    esm_class: int = 0
    data_coding: int = 0
    registered_delivery: int = 0
    validity: str = ""
    as_payload: bool = False
    tags: dict[int, bytes] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        content, tags = self.content, self.tags
        if self.as_payload:
            content, tags = b"", {**tags, Tag.MESSAGE_PAYLOAD: content}
        return b"".join(
            [
                b"\0",  # service type
                self.source.to_bytes(),
                self.destination.to_bytes(),
                bytes([self.esm_class, 0, 0]),  # protocol, priority
                b"\0",  # at once
                c_string(self.validity, 16),
                bytes([self.registered_delivery, 0, self.data_coding, 0, len(content)]),
                content,
                *(TAG.pack(tag, len(value)) + value for tag, value in tags.items()),
            ]
        )

    @classmethod
    def read(cls, body: bytes) -> "ShortMessage":
        """Read what came. Raises BrokenError."""
        reader = Fields(body)
        reader.text()
        source, destination = reader.address(), reader.address()
        esm_class, _protocol, _priority = reader.take(3)
        reader.text()
        validity = reader.text()
        registered, _replace, data_coding, _default, size = reader.take(5)
        content = reader.take(size)
        tags = reader.tags()
        return cls(
            source,
            destination,
            content or tags.get(Tag.MESSAGE_PAYLOAD, b""),
            esm_class=esm_class,
            data_coding=data_coding,
            registered_delivery=registered,
            validity=validity,
            as_payload=not content and Tag.MESSAGE_PAYLOAD in tags,
            tags=tags,
        )


class Fields:
    """Reads the fields of a body one after another."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.at = 0

    def take(self, count: int) -> bytes:
        read = self.body[self.at : self.at + count]
        if len(read) < count:
            raise BrokenError
        self.at += count
        return read

    def text(self) -> str:
        end = self.body.find(b"\0", self.at)
        if end < 0:
            raise BrokenError
        read = self.body[self.at : end]
        self.at = end + 1
        return read.decode("latin-1")

    def address(self) -> Address:
        ton, npi = self.take(2)
        text = self.text()
        if not is_kept(text):
            raise BrokenError
        return Address(text, ton, npi)

    def tags(self) -> dict[int, bytes]:
        """Read the rest as far as it is whole: for a padding at its end nobody's STOP is lost."""
        found: dict[int, bytes] = {}
        while len(self.body) - self.at >= TAG.size:
            tag, size = TAG.unpack_from(self.body, self.at)
            if len(self.body) - self.at - TAG.size < size:
                break
            self.at += TAG.size
            found[tag] = self.take(size)
        return found


def c_string(text: str, most: int) -> bytes:
    """Write a text that ends with a zero. Raises ValueError where it cannot be written so."""
    written = text.encode("ascii")
    if len(written) > most or b"\0" in written:
        raise ValueError("There is no field for it.")
    return written + b"\0"


def bind(name: str, password: str, system_type: str = "") -> bytes:
    """Return the body that opens a session in both directions. Raises ValueError."""
    return b"".join(
        [
            # Longer than the standard's 15 and 8: some centres hand out such names.
            *(c_string(text, 64) for text in (name, password, system_type)),
            bytes([VERSION, 0, 0]),
            b"\0",  # any address
        ]
    )


def read_id(body: bytes) -> str:
    """Return the id that a centre gave a message; empty where it is none that can be kept."""
    found = body.partition(b"\0")[0].decode("latin-1")
    return found if is_kept(found) else ""


def is_kept(text: str) -> bool:
    """Say whether a name or an id can be stored: the standard allows 64 characters."""
    return len(text) <= 64 and (text.isprintable() or not text)
