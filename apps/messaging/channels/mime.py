"""The bytes of an e-mail, from parts that are made once: Python's mail package takes 1.4 ms a letter."""

import time
from base64 import encodebytes
from binascii import b2a_qp
from email.header import Header
from email.utils import formataddr, formatdate, parseaddr
from functools import lru_cache

from apps.messaging.channels import Letter, Picture, unsubscribing

LONGEST_LINE = 998  # characters that a server takes (RFC 5322)


class Skeleton:
    """What all letters of one sender have in common."""

    def __init__(self, sender: str) -> None:
        name, mailbox = parseaddr(sender)
        self.sender = formataddr((name, mailbox)).encode("ascii")
        self.domain = domain_of(sender).encode("idna")

    def check(self, letter: Letter, recipient: str) -> None:
        """Raise ValueError for what cannot stand in a header."""
        if any(sign in letter.subject + recipient for sign in "\r\n\0"):
            raise ValueError

    def fill(self, letter: Letter, recipient: str) -> bytes:
        """Write a letter as it goes over the line, but for the dot that ends it."""
        key = letter.key.hex.encode()
        head = b"".join(
            (
                unsubscribing.lines(letter.key) if letter.may_unsubscribe else b"",
                b"From: ", self.sender,
                b"\r\nTo: ", recipient.encode("ascii"),
                b"\r\nSubject: ", subject(letter.subject),
                b"\r\nDate: ", date(int(time.time())),
                b"\r\nMessage-ID: <", str(letter.key).encode(), b"@", self.domain,
                b">\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n",
            )
        )  # fmt: skip
        page = text_part(b"html", letter.html)
        if letter.pictures:
            parts = [page, *(picture_part(picture) for picture in letter.pictures)]
            page = many(b"related", b"r" + key, parts)
        body = many(b"alternative", b"a" + key, [text_part(b"plain", letter.text), page])
        return stuffed(head + body)


def many(kind: bytes, boundary: bytes, parts: list[bytes]) -> bytes:
    start = b"--" + boundary + b"\r\n"
    head = b'Content-Type: multipart/%s; boundary="%s"\r\n\r\n' % (kind, boundary)
    return head + start + (b"\r\n" + start).join(parts) + b"\r\n--" + boundary + b"--\r\n"


def text_part(kind: bytes, text: str) -> bytes:
    """Write a text in seven bits, which every server takes: as it is, or readable where most is ASCII."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    lines = text.split("\n")
    encoded = "\r\n".join((*lines, "")).encode()
    if text.isascii() and len(max(lines, key=len)) <= LONGEST_LINE:
        way, written = b"7bit", encoded
    elif len(encoded) * 5 > (len(text) + len(lines) + 1) * 6:
        way, written = b"base64", crlf(encodebytes(encoded))
    else:
        way, written = b"quoted-printable", b2a_qp(encoded, istext=True)
    head = b'Content-Type: text/%s; charset="utf-8"\r\nContent-Transfer-Encoding: %s\r\n\r\n'
    return head % (kind, way) + written


@lru_cache(maxsize=100)
def picture_part(picture: Picture) -> bytes:
    head = (
        f"Content-Type: {picture.kind}\r\nContent-Transfer-Encoding: base64\r\n"
        f"Content-ID: <{picture.cid}>\r\nContent-Disposition: inline\r\n\r\n"
    )
    return head.encode("ascii") + crlf(encodebytes(picture.content))


def crlf(lines: bytes) -> bytes:
    return lines.replace(b"\n", b"\r\n")


def stuffed(content: bytes) -> bytes:
    """Double the dot that begins a line, which alone would end the letter."""
    return content.replace(b"\r\n.", b"\r\n..") if b"\r\n." in content else content


@lru_cache(maxsize=1_000)
def subject(text: str) -> bytes:
    """Write a header's text, folded and in encoded words where it is not ASCII."""
    if text.isascii() and len(text) < 60:
        return text.encode()
    return Header(text, "utf-8", header_name="Subject").encode(linesep="\r\n").encode("ascii")


@lru_cache(maxsize=2)
def date(second: int) -> bytes:
    return formatdate(second).encode()


def domain_of(sender: str) -> str:
    return mailbox_of(sender).rpartition("@")[2]


@lru_cache
def mailbox_of(sender: str) -> str:
    return parseaddr(sender)[1]
