"""The encoding of a text: its mark, else strict UTF-8, else the declared one; never a guess."""

import codecs
import unicodedata
from typing import IO

from django.utils.translation import gettext as _

from apps.core.imports.cells import shown
from apps.core.imports.reading.refusals import refused

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before the mark of UTF-16, with which it begins
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_READINGS = ("cp1251", "cp1252", "cp1250")  # what legacy bytes may be, as the message shows them
_CHUNK = 2**20
_HEAD = 4096


def encoding_of(stream: IO[bytes], declared: str) -> str:
    """Return the encoding in which all of the stream can be read, and stand behind its mark."""
    head = stream.read(4)
    for mark, name in _MARKS:
        if head.startswith(mark):
            stream.seek(len(mark))
            if (at := _undecodable(stream, name)) is not None:
                raise refused(
                    "encoding",
                    _("The file says that it is in %(encoding)s, but it is not; save it anew.")
                    % {"encoding": name.upper()},
                    _line_of(stream, at),
                )
            stream.seek(len(mark))
            return name
    return _unmarked(stream, declared)


def _unmarked(stream: IO[bytes], declared: str) -> str:
    stream.seek(0)
    head = stream.read(_HEAD)
    # Two bytes a letter: UTF-8 would read the letters of ASCII as themselves and a NUL.
    wide = head.count(0) * 4 > len(head) or (declared.startswith("utf-16") and 0 in head)
    names = [declared] if wide else ["utf-8", declared]
    for name in names:
        if not name or name.startswith("utf-16") != wide:
            continue
        stream.seek(0)
        if _undecodable(stream, name) is None:
            stream.seek(0)
            return name
    if wide:
        raise refused(
            "encoding", _("The file is in UTF-16 without its mark; save it as “CSV UTF-8”.")
        )
    stream.seek(0)
    at = _undecodable(stream, "utf-8") or 0
    raise refused("encoding", _reason(stream, at, declared), _line_of(stream, at))


def _undecodable(stream: IO[bytes], encoding: str) -> int | None:
    """Return where the stream ceases to be in an encoding; None where it never does."""
    decoder = codecs.getincrementaldecoder(encoding)()
    begins = stream.tell()
    while True:
        chunk = stream.read(_CHUNK)
        kept = len(decoder.getstate()[0])
        try:
            decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as error:
            return begins - kept + error.start
        if not chunk:
            return None
        begins += len(chunk)


def _line_of(stream: IO[bytes], at: int) -> int:
    stream.seek(0)
    line, left = 1, at
    while left > 0 and (chunk := stream.read(min(_CHUNK, left))):
        line += chunk.count(b"\n")
        left -= len(chunk)
    return line


def _reason(stream: IO[bytes], at: int, declared: str) -> str:
    if declared:
        return _("The file is neither in UTF-8 nor in %(declared)s, as the mapping says.") % {
            "declared": declared
        }
    cell = _cell_around(stream, at)
    readings = _readings(cell)
    if not readings:
        return _("This is not in UTF-8; save the file as “CSV UTF-8”.")
    return _(
        "This is not in UTF-8. It may mean %(readings)s. Save the file as “CSV UTF-8”, or say its"
        " encoding in the mapping."
    ) % {"readings": ", ".join(readings)}


def _cell_around(stream: IO[bytes], at: int) -> bytes:
    """Return the bytes around a place, up to what ends a cell."""
    begin = max(0, at - 60)
    stream.seek(begin)
    around = stream.read(at - begin + 60)
    before, after = around[: at - begin], around[at - begin :]
    for sign in b'\r\n,;\t|"':
        before = before.rpartition(bytes([sign]))[2]
        after = after.partition(bytes([sign]))[0]
    return before + after


def _readings(cell: bytes) -> list[str]:
    found: dict[str, str] = {}
    for encoding in _READINGS:
        text = cell.decode(encoding, errors="replace")
        if "\ufffd" not in text and not any(unicodedata.category(sign) == "Cc" for sign in text):
            found.setdefault(text, encoding)
    return [
        _("“%(text)s” in %(encoding)s") % {"text": shown(text), "encoding": encoding}
        for text, encoding in found.items()
    ]
