"""A file's size, its type by content and the limits of its container, before a cell is looked at."""

import gzip
import io
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from zipfile import BadZipFile, ZipFile

from django.conf import settings
from django.utils.translation import gettext as _

from apps.core.imports.reading.refusals import refused

MB = 2**20
MAX_RATIO = 200  # tables shrink to a tenth or so; beyond this a file is made to burst
FREE_BYTES = 16 * MB  # what may come of any container, however small it is
MAX_ENTRIES = 2000  # parts of a workbook; usual ones have some dozens
MAX_PART = 1024 * MB
MAX_LIST = MB  # of their names

_SPOOL = 8 * MB  # of an unpacked file that is kept in memory; the rest goes to the disk
_HEAD = 4096
_LAST = 2**16 + 22  # bytes in which an archive says where the list of its parts is

# What the first bytes say of files that are no tables, and how to call them.
_FOREIGN = (
    (b"\xd0\xcf\x11\xe0", "old_workbook"),
    (b"%PDF", "PDF"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ", "xz"),
    (b"7z\xbc\xaf", "7z"),
    (b"Rar!", "RAR"),
    (b"\x28\xb5\x2f\xfd", "Zstandard"),
    (b"\x89PNG", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"GIF8", "GIF"),
    (b"PAR1", "Parquet"),
    (b"SQLite format 3", "SQLite"),
    (b"\x7fELF", "ELF"),
    (b"{\\rtf", "RTF"),
)
_MARKUP = ((b"<!doctype", "HTML"), (b"<html", "HTML"), (b"<table", "HTML"), (b"<?xml", "XML"))
_NESTED = (".zip", ".gz", ".7z", ".rar", ".xz", ".bz2", ".xlsx", ".xlsm", ".tar")


@dataclass
class Source:
    """The plain bytes of a table: of a text, or of a workbook."""

    stream: IO[bytes]
    is_workbook: bool
    size: int


@contextmanager
def opened_source(file: bytes | Path | IO[bytes]) -> Iterator[Source]:
    """Open a file's plain bytes; raise RefusedFileError for what is too large or no table."""
    with _seekable(file) as packed:
        size = _size(packed)
        if not size:
            raise refused("empty", _("The file is empty."))
        if size > settings.FILES_MOST_BYTES:
            raise _too_large()
        head = _head(packed)
        if head.startswith(b"\x1f\x8b"):
            with _unpacked(packed, size) as stream:
                yield _source(stream)
        else:
            yield _source(packed)


@contextmanager
def _seekable(file: bytes | Path | IO[bytes]) -> Iterator[IO[bytes]]:
    if isinstance(file, Path):
        try:
            stream = file.open("rb")
        except FileNotFoundError as error:
            said = {"file": file.name[:12], "error": _("thrown away")}
            reason = _("“%(file)s” cannot be read: %(error)s.") % said
            raise refused("gone", reason) from error
        with stream:
            yield stream
    elif isinstance(file, bytes):
        yield io.BytesIO(file)
    else:
        file.seek(0)
        yield file


def _size(stream: IO[bytes]) -> int:
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    return size


def _head(stream: IO[bytes]) -> bytes:
    head = stream.read(_HEAD)
    stream.seek(0)
    return head


def _too_large() -> Exception:
    most = settings.FILES_MOST_BYTES // MB
    return refused(
        "too_large", _("The file is larger than %(most)d MB; split it.") % {"most": most}
    )


@contextmanager
def _unpacked(packed: IO[bytes], size: int) -> Iterator[IO[bytes]]:
    """Unpack a gz file to a place of its own, as far as its size is believable."""
    most = min(settings.FILES_MOST_BYTES, max(FREE_BYTES, size * MAX_RATIO))
    with tempfile.SpooledTemporaryFile(_SPOOL) as plain:
        try:
            with gzip.GzipFile(fileobj=packed) as unpacking:
                shutil.copyfileobj(_Limited(unpacking, most), plain, MB)
        except (EOFError, OSError, zlib.error) as error:
            raise refused(
                "broken_container",
                _("The packed file is damaged or not complete; send it again."),
            ) from error
        plain.seek(0)
        if _head(plain).startswith(b"\x1f\x8b"):
            raise refused("nested", _("The file is packed twice; pack it once."))
        yield plain


class _Limited:
    """A stream that is refused as a bomb when more comes of it than may."""

    def __init__(self, stream: gzip.GzipFile, most: int) -> None:
        self._stream, self._left = stream, most

    def read(self, size: int = -1) -> bytes:
        read = self._stream.read(size)
        self._left -= len(read)
        if self._left < 0:
            raise _bomb()
        return read


def _bomb() -> Exception:
    return refused(
        "bomb",
        _("The packed file grows beyond all measure when it is unpacked; send it unpacked."),
    )


def _source(stream: IO[bytes]) -> Source:
    size, head = _size(stream), _head(stream)
    if not size:
        raise refused("empty", _("The file is empty."))
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        _check_workbook(stream, size)
        return Source(stream, is_workbook=True, size=size)
    _refuse_foreign(head)
    return Source(stream, is_workbook=False, size=size)


def _refuse_foreign(head: bytes) -> None:
    for magic, name in _FOREIGN:
        if head.startswith(magic):
            if name == "old_workbook":
                raise refused(
                    "old_workbook",
                    _(
                        "The file is an old workbook (.xls), or locked by a password; save it as .xlsx."
                    ),
                )
            raise _foreign(name)
    begin = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for magic, name in _MARKUP:
        if begin.startswith(magic):
            raise _foreign(name)
    if head[257:262] == b"ustar":
        raise _foreign("tar")


def _foreign(name: str) -> Exception:
    return refused(
        "not_a_table",
        _("The file is no table, but %(type)s, whatever its name says; save it as CSV or .xlsx.")
        % {"type": name},
    )


def _check_workbook(stream: IO[bytes], size: int) -> None:
    """Refuse archives that are no workbooks, and workbooks that are made to burst."""
    _refuse_long_list(stream, size)
    try:
        with ZipFile(stream) as archive:
            parts = archive.infolist()
    except (BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise refused(
            "broken_container", _("The workbook is damaged or not complete; send it again.")
        ) from error
    if len(parts) > MAX_ENTRIES:
        raise refused("bomb", _("The workbook has too many parts; save it anew."))
    names = {part.filename for part in parts}
    if "xl/workbook.xml" not in names:
        raise refused(
            "not_a_table",
            _("The file is an archive or a document, but no workbook (.xlsx); unpack it first."),
        )
    if len(names) < len(parts):
        raise refused(
            "broken_container", _("The workbook has parts of the same name; save it anew.")
        )
    if nested := next((name for name in names if name.lower().endswith(_NESTED)), ""):
        raise refused(
            "nested",
            _("The workbook contains another file (%(name)s); take it out.") % {"name": nested},
        )
    _refuse_bomb([(part.compress_size, part.file_size) for part in parts], size)
    stream.seek(0)


def _refuse_long_list(stream: IO[bytes], size: int) -> None:
    """Refuse an archive whose list of parts would fill the memory before it could be counted."""
    stream.seek(max(0, size - _LAST))
    end = stream.read()
    stream.seek(0)
    at = end.rfind(b"PK\x05\x06")
    if at >= 0 and int.from_bytes(end[at + 12 : at + 16], "little") > MAX_LIST:
        raise refused("bomb", _("The workbook has too many parts; save it anew."))


def _refuse_bomb(parts: list[tuple[int, int]], size: int) -> None:
    for packed, plain in parts:
        if plain > MAX_PART or plain > max(FREE_BYTES, packed * MAX_RATIO):
            raise _bomb()
    if sum(plain for _packed, plain in parts) > max(FREE_BYTES, size * MAX_RATIO):
        raise _bomb()
