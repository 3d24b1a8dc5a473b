"""The two alphabets of SMS, and long texts in parts (3GPP TS 23.038, 23.040)."""

from dataclasses import dataclass

ALPHABET = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
ESCAPE = 0x1B
EXTENSION = dict(
    zip(
        (0x0A, 0x14, 0x28, 0x29, 0x2F, 0x3C, 0x3D, 0x3E, 0x40, 0x65),
        "\f^{}\\[~]|€",
        strict=True,
    )
)
CODES = {
    **{letter: bytes([code]) for code, letter in enumerate(ALPHABET) if code != ESCAPE},
    **{letter: bytes([ESCAPE, code]) for code, letter in EXTENSION.items()},
}
OURS = frozenset(CODES)
MOST_PARTS = 255  # the header counts them in one byte


@dataclass(frozen=True)
class Coded:
    """A text as an SMS carries it: one septet a byte, or UTF-16 in its big-endian form."""

    is_wide: bool
    parts: list[bytes]


def encode(text: str) -> tuple[bool, list[bytes]]:
    """Return whether the text needs UTF-16, and the bytes of each character.

    Raises UnicodeEncodeError for half a surrogate pair.
    """
    if OURS.issuperset(text):
        return False, [CODES[letter] for letter in text]
    return True, [letter.encode("utf-16-be") for letter in text]


def split(text: str) -> Coded:
    """Cut a text into parts; no escape sequence and no surrogate pair is torn.

    Raises ValueError for a text of more than 255 parts, or one that cannot be written.
    """
    is_wide, letters = encode(text)
    single, part = (140, 134) if is_wide else (160, 153)
    whole = b"".join(letters)
    if len(whole) <= single:
        return Coded(is_wide, [whole])
    parts, current = [], bytearray()
    for letter in letters:
        if len(current) + len(letter) > part:
            parts.append(bytes(current))
            current.clear()
        current += letter
    parts.append(bytes(current))
    if len(parts) > MOST_PARTS:
        raise ValueError(f"A text of {len(parts)} parts.")
    return Coded(is_wide, parts)


def headers(count: int, reference: int) -> list[bytes]:
    """Return the header of each of so many parts, by which the phone joins them again."""
    return [bytes([5, 0, 3, reference & 0xFF, count, number]) for number in range(1, count + 1)]


def whole(text: str) -> tuple[bool, bytes]:
    """Return a text in one piece for a centre that cuts it itself. Raises UnicodeEncodeError."""
    is_wide, letters = encode(text)
    return is_wide, b"".join(letters)


def decode(septets: bytes) -> str:
    """Read one septet a byte; what the alphabet does not know is shown as such."""
    read, escaped = [], False
    for code in septets:
        if code == ESCAPE and not escaped:
            escaped = True
            continue
        plain = ALPHABET[code] if code < len(ALPHABET) else "�"
        read.append(EXTENSION.get(code, plain) if escaped else plain)
        escaped = False
    return "".join(read)
