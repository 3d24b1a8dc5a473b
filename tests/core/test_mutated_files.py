"""Files that were damaged at random: no crash, no row without a fate, and never a long wait."""

import gzip
import random
import time
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from openpyxl import Workbook

from apps.core.imports.columns import Choice, Day, Flag, Number, Text
from apps.core.imports.layout import Layout
from apps.core.imports.reading.refusals import RefusedFileError
from apps.core.imports.reading.table import CANONICAL, open_table

COLUMNS = {
    "core_id": Text(20, required=True),
    "name": Text(30),
    "amount": Number(digits=10, places=2),
    "day": Day(),
    "tier": Choice(["small", "large"]),
    "active": Flag(),
}
ROWS = [
    ["C-1", "Анна", "1234.50", "2024-04-03", "small", "yes"],
    ["C-2", "Zoë, the second", "-7", "2024-02-29", "large", "no"],
    ["C-3", 'the "third"', "0.01", "", "", ""],
    ["C-4", "two\nlines", "99", "1999-12-31", "small", "1"],
    ["C-5", "'=1+1", "+5", "03/04/2024", "small", "yes"],
    ["Total", "", "1325.51", "", "", ""],
]
SPECIAL = [b"\0", b'"', b"\n", b"\r", b",", b";", b"\t", b"'", b"=", b"\xff\xfe", b"\xef\xbb\xbf", b"\xe2\x80\xae",
           b"<", b">", b"&", b"<!DOCTYPE x>", b"PK\x03\x04", b"\x1f\x8b", b"999999999", b"/"]  # fmt: skip
SECONDS = 5


def text(delimiter, *, end="\n", encoding="utf-8"):
    marks = {delimiter, '"', "\n"}
    quoted = ['"' + cell.replace('"', '""') + '"' if delimiter == "|" or set(cell) & marks else cell
              for row in [[*COLUMNS], *ROWS] for cell in row]  # fmt: skip
    lines = [delimiter.join(quoted[at : at + 6]) for at in range(0, len(quoted), 6)]
    return end.join(lines).encode(encoding)


def workbook():
    book = Workbook()
    for row in [[*COLUMNS], *ROWS]:
        book.active.append(row)
    book.active["C2"], book.active["C3"] = 1234.5, -7
    book.active.merge_cells("A8:B8")
    content = BytesIO()
    book.save(content)
    return content.getvalue()


def mutated(content, dice):
    """Return the content with a few bytes changed, put in, taken out, doubled or cut off."""
    made = bytearray(content)
    for _each in range(dice.choice([1, 1, 2, 5])):
        at = dice.randrange(len(made) + 1)
        span = dice.choice([1, 1, 2, 10, 60])
        match dice.randrange(6):
            case 0:
                made[at : at + 1] = bytes([dice.randrange(256)])
            case 1:
                made[at:at] = dice.choice(SPECIAL)
            case 2:
                del made[at : at + span]
            case 3:
                made[at:at] = made[at : at + span] * dice.choice([1, 2, 50])
            case 4:
                made[at : at + len(special)] = (special := dice.choice(SPECIAL))
            case 5:
                del made[dice.randrange(len(made) // 2, len(made) + 1) :]
    return bytes(made)


def mutated_part(content, dice):
    """Return a workbook of which one part is damaged, in an archive that is whole."""
    made = BytesIO()
    with ZipFile(BytesIO(content)) as old, ZipFile(made, "w", ZIP_DEFLATED) as new:
        names = old.namelist()
        chosen = dice.choice([name for name in names if "sheet1" in name] * 8 + names)
        for name in names:
            part = old.read(name)
            new.writestr(name, mutated(part, dice) if name == chosen else part)
    return made.getvalue()


def damaged(dice):
    """Return a damaged file, and the text of which each line must belong to a record."""
    kind = dice.choice(["csv", "csv", "tsv", "utf-16", "gz", "gz inside", "xlsx", "xlsx inside"])
    if kind in ("csv", "tsv", "utf-16"):
        delimiter = {"csv": dice.choice(",;|"), "tsv": "\t", "utf-16": ","}[kind]
        end = dice.choice(["\n", "\r\n", "\r"])
        encoding = "utf-16" if kind == "utf-16" else "utf-8"
        return mutated(text(delimiter, end=end, encoding=encoding), dice)
    if kind == "gz":
        return mutated(gzip.compress(text(","), mtime=0), dice)
    if kind == "gz inside":
        return gzip.compress(mutated(dice.choice([text(","), workbook()]), dice), mtime=0)
    return mutated(workbook(), dice) if kind == "xlsx" else mutated_part(workbook(), dice)


def lines_without_fate(content, records):
    """Return the lines of a text below its header that belong to no record and are not blank."""
    try:
        lines = content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    except UnicodeDecodeError:
        return []  # in UTF-16
    if content[:2] in (b"PK", b"\x1f\x8b"):
        return []
    told = set()
    for record in records:
        codes = {fault.code for fault in record.faults}
        within = 0 if codes & {"stray_quote"} else sum(cell.count("\n") for cell in record.cells)
        last = len(lines) if "unclosed_quote" in codes else record.line + within
        told |= set(range(record.line, last + 1))
    first = min(told)
    return [line for line in range(first, len(lines) + 1) if lines[line - 1] and line not in told]


def check(seed):
    dice = random.Random(seed)
    content = damaged(dice)
    layout = dice.choice([CANONICAL, Layout(ignores_others=True), Layout(encoding="cp1251")])
    begun = time.thread_time()  # ours, however busy the machine is
    try:
        with open_table(content, columns=COLUMNS, key=["core_id"], layout=layout) as table:
            records = list(table.records())
    except RefusedFileError as refusal:
        return sorted({fault.code for fault in refusal.faults if fault.reason})
    assert time.thread_time() - begun < SECONDS
    assert [each.number for each in records] == list(range(1, len(records) + 1))
    assert [each.line for each in records] == sorted({each.line for each in records})
    for each in records:
        assert not (each.faults and each.skipped)
        assert all(fault.reason and fault.line == each.line for fault in each.faults)
    assert not lines_without_fate(content, records)
    return []


def test_files_that_were_damaged_at_random_have_every_row_told():
    refusals = [codes for seed in range(150) for codes in check(seed)]
    assert 20 < len(refusals) < 130
    assert "invalid" not in refusals


@pytest.mark.slow
def test_more_files_that_were_damaged_at_random_have_every_row_told():
    assert "invalid" not in {codes for seed in range(150, 1200) for codes in check(seed)}
