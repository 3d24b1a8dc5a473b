"""The bytes of an e-mail: whatever it says comes out of a mail program as it was written."""

from email import message_from_bytes, policy
from uuid import UUID

import pytest

from apps.messaging.channels import Letter
from apps.messaging.channels.mime import LONGEST_LINE, Skeleton

KEY = UUID("12345678-1234-4234-8234-123456789abc")


def read(text):
    letter = Letter(key=KEY, to="a@example.com", subject="News", text=text, html=f"<p>{text}</p>")
    content = Skeleton("Ivolga <x@y.z>").fill(letter, letter.to)
    lines = content.split(b"\r\n")
    assert content.isascii()
    assert max(map(len, lines)) <= LONGEST_LINE
    assert b"." not in lines  # alone it would end the letter
    unstuffed = b"\r\n".join(line[1:] if line[:1] == b"." else line for line in lines)
    return list(message_from_bytes(unstuffed, policy=policy.SMTP).iter_parts())


@pytest.mark.parametrize(
    ("text", "way"),
    [
        ("Dear Ann,\n\nyour coupon = $25.\n.\n..and a line that begins with dots", "7bit"),
        ("From here on\nit is " + "x" * (LONGEST_LINE - 6), "7bit"),
        ("Words " * 200, "quoted-printable"),
        ("Déjà payé: 25,00 EUR, as agreed in your contract with us", "quoted-printable"),
        ("Здравствуйте, Анна!", "base64"),
        ("Lines\rof\r\nevery kind\n", "7bit"),
    ],
)
def test_every_text_is_read_as_it_was_written(text, way):
    plain, html = read(text)
    assert plain["Content-Transfer-Encoding"] == way
    written = text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")
    assert plain.get_content() == f"{written}\r\n"
    assert html.get_content() == f"<p>{written}</p>\r\n"
