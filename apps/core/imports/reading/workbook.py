"""A workbook's parts: which sheet is meant, what its texts are and which styles show days."""

import posixpath
import re
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import IO, Any
from zipfile import BadZipFile, ZipFile

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring
from django.utils.translation import gettext as _

from apps.core.imports.cells import shown
from apps.core.imports.layout import Layout
from apps.core.imports.reading.markup import (
    MarkupError,
    declares_entities,
    finish,
    markup_parser,
    unescaped,
)
from apps.core.imports.reading.refusals import RefusedFileError, refused
from apps.core.imports.reading.sheet import Sheet, Styles
from apps.core.imports.reading.text import Block

MB = 2**20
MAX_TEXTS = 64 * MB  # of the texts that cells share, since they are kept in memory
MAX_PART = 4 * MB  # of every other part that is kept in memory

MOST_MERGED = 100_000  # merged ranges of a sheet

_CHUNK = MB
_DAMAGED = (BadZipFile, KeyError, OSError, ValueError, SyntaxError, RuntimeError, zlib.error)
_MERGED = re.compile(rb"<(?:\w+:)?mergeCell\s[^>]*?ref=[\"'][A-Z]+([0-9]+):[A-Z]+([0-9]+)[\"']")
_DAY_STYLES = {*range(14, 18), 22, *range(27, 37), *range(50, 59)}
_TIME_STYLES = {*range(18, 22), 45, 46, 47}


def sheet_blocks(stream: IO[bytes], layout: Layout) -> Generator[Block]:
    """Yield the rows of the sheet that the layout names, or of the first."""
    with _damage_refused(), ZipFile(stream) as archive:
        book = _Book(archive)
        part = book.part_of_sheet(layout.sheet)
        merged = list(islice(book.check(part), MOST_MERGED + 1))
        if len(merged) > MOST_MERGED:
            raise refused("too_large", _("The workbook holds too much; save the sheet as CSV."))
        sheet = Sheet(layout, book.texts(), book.styles(), merged, is_later=book.is_later)
        for chunk in book.chunks(part):
            yield from sheet.fed(chunk)
        yield from sheet.ended()


@contextmanager
def _damage_refused() -> Iterator[None]:
    try:
        yield
    except RefusedFileError:
        raise
    except DefusedXmlException as error:
        raise declares_entities() from error
    except (*_DAMAGED, ParseError, MarkupError) as error:
        raise refused("broken_container", _("The file is no workbook that can be read.")) from error


@dataclass
class _Book:
    """The parts of an open workbook."""

    archive: ZipFile

    def __post_init__(self) -> None:
        self._names = set(self.archive.namelist())
        self._book = self._tree("xl/workbook.xml")

    @property
    def is_later(self) -> bool:
        """Tell whether the days of the book are counted from 1904."""
        settings = _named(self._book, "workbookPr")
        return any(each.get("date1904") in ("1", "true") for each in settings)

    def part_of_sheet(self, name: str) -> str:
        sheets = _named(self._book, "sheet")
        found = next((each for each in sheets if not name or each.get("name") == name), None)
        if found is None:
            reason = _("The workbook has no sheet “%(name)s”.") % {"name": shown(name)}
            raise refused("sheet_missing", reason)
        if found.get("state", "visible") != "visible":
            reason = _(
                "The sheet “%(name)s” is hidden; show it, or name another one in the mapping."
            )
            raise refused("hidden_sheet", reason % {"name": shown(found.get("name", ""))})
        marks = [value for key, value in found.items() if key.endswith("}id")]
        for each in _named(self._tree("xl/_rels/workbook.xml.rels"), "Relationship"):
            if [each.get("Id")] == marks and each.get("Type", "").endswith("/worksheet"):
                return posixpath.normpath(posixpath.join("/xl", each.get("Target", "")))[1:]
        raise refused("sheet_missing", _("The first sheet of the workbook is no table."))

    def check(self, part: str) -> Iterator[tuple[int, int]]:
        """Read a sheet through for its form; yield the lines over which its cells are merged."""
        parser, before = markup_parser(), b""
        for chunk in self.chunks(part):
            if not before and chunk.startswith((b"\xff\xfe", b"\xfe\xff")):
                raise refused("encoding", _("The workbook is not in UTF-8; save it anew."))
            parser.Parse(chunk)
            for found in _MERGED.finditer(before + chunk):
                yield int(found[1]), int(found[2])
            before = chunk[-200:]  # so that none is cut in two; some are found twice
        finish(parser)

    def chunks(self, part: str) -> Iterator[bytes]:
        with self.archive.open(part) as stream:
            while chunk := stream.read(_CHUNK):
                yield chunk

    def texts(self) -> list[str]:
        """Return the texts that the cells of all sheets share."""
        part = "xl/sharedStrings.xml"
        if part not in self._names:
            return []
        self._refuse_larger(part, MAX_TEXTS)
        texts = _Texts()
        parser = markup_parser(texts.begin, texts.end, texts.say)
        for chunk in self.chunks(part):
            parser.Parse(chunk)
        finish(parser)
        return texts.found

    def styles(self) -> Styles:
        """Return which of the cells' styles show a number as a day or as a time of day."""
        if "xl/styles.xml" not in self._names:
            return Styles()
        tree = self._tree("xl/styles.xml")
        codes = {
            each.get("numFmtId"): each.get("formatCode", "") for each in _named(tree, "numFmt")
        }
        styles = Styles()
        for index, style in enumerate(each for xfs in _named(tree, "cellXfs") for each in xfs):
            number = style.get("numFmtId", "0")
            kind = _shown_as(int(number), codes.get(number, ""))
            if kind:
                (styles.days if kind == "day" else styles.times).add(str(index))
        return styles

    def _tree(self, part: str) -> Any:
        self._refuse_larger(part, MAX_PART)
        return fromstring(self.archive.read(part), forbid_dtd=True)

    def _refuse_larger(self, part: str, most: int) -> None:
        if self.archive.getinfo(part).file_size > most:
            raise refused("too_large", _("The workbook holds too much; save the sheet as CSV."))


class _Texts:
    """Collects shared texts: of each all its pieces, but not how they are pronounced."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self._said: list[str] = []
        self._is_text = self._is_sound = False

    def begin(self, name: str, _attributes: dict[str, str]) -> None:
        local = name.rpartition(":")[2]
        if local == "si":
            self._said = []
        elif local == "rPh":
            self._is_sound = True
        elif local == "t":
            self._is_text = not self._is_sound

    def end(self, name: str) -> None:
        local = name.rpartition(":")[2]
        if local == "si":
            self.found.append(unescaped("".join(self._said)))
        elif local == "rPh":
            self._is_sound = False
        elif local == "t":
            self._is_text = False

    def say(self, text: str) -> None:
        if self._is_text:
            self._said.append(text)


def _named(tree: Any, name: str) -> list[Any]:
    """Return the elements of a name, in whichever namespace the program put them."""
    return [each for each in tree.iter() if str(each.tag).rpartition("}")[2] == name]


def _shown_as(number: int, code: str) -> str:
    """Return whether a style of numbers shows a "day" or a "time", or neither."""
    if number in _DAY_STYLES:
        return "day"
    if number in _TIME_STYLES:
        return "time"
    bare = re.sub(r'"[^"]*"|\\.|_.|\*.|\[(?!h|m|s)[^\]]*\]|General', "", code).lower()
    if re.search("[dy]", bare) or "mmm" in bare:
        return "day"
    return "time" if re.search("[hs]", bare) else ""
