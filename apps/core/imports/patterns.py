"""Regular expressions of cells that are spelled as we spell them; none has a group of its own.

Each stands for a part of what its column reads, never for more: what it leaves out is read cell by cell.
"""

import re
import unicodedata
from collections.abc import Iterable
from itertools import combinations

# What divides cells in any file, and the signs that the reader takes as more than themselves.
_SPECIAL = frozenset("\"',;|\t#")
_SHORTENED = r"[0-9.]++E\+"  # a number, as spreadsheets write long ones
_COMPUTED = r"[=@+\-]"  # how a formula begins, and a figure that is none
_LAST = 0x530  # Latin, Greek and Cyrillic letters; behind them signs begin that join others

DAY = (
    "(?:19|20|21)[0-9]{2}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])"
    "|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
)
TIME = "(?:[01][0-9]|2[0-3]):[0-5][0-9](?::(?:[0-5][1-9]|[1-5]0))?"


def _letters() -> str:
    """Return a set of signs that stay as they are beside any other: seen, composed, no mark."""
    plain = [
        sign for sign in map(chr, range(0x21, _LAST))
        if sign not in _SPECIAL
        and unicodedata.category(sign)[0] in "LNPS"
        and not unicodedata.combining(sign)
        and unicodedata.normalize("NFC", sign) == sign
    ]  # fmt: skip
    return "".join(map(re.escape, plain))


_LETTERS = _letters()


def words_of(most: int) -> str:
    """Return the pattern of words of plain letters, one blank between two, `most` signs in all."""
    too_much = f"[{_LETTERS} ]{{{most + 1}}}|{_SHORTENED}"
    return f"(?!{too_much}|{_COMPUTED})[{_LETTERS}]++(?: [{_LETTERS}]++)*+"


def one_of(words: Iterable[str]) -> str:
    """Return the pattern of any of some words, branching letter by letter: 600 are told as fast as 6."""
    branches: dict[str, set[str]] = {}
    is_end = False
    for word in words:
        if word:
            branches.setdefault(word[0], set()).add(word[1:])
        else:
            is_end = True
    ways = [re.escape(letter) + one_of(rest) for letter, rest in sorted(branches.items())]
    if not ways:
        return ""
    if len(ways) == 1 and not is_end:
        return ways[0]
    return f"(?:{'|'.join(ways)}){'?' if is_end else ''}"


def some_of(words: Iterable[str], nothing: str) -> str:
    """Return the pattern of any choice of some words in their order, or of the word for none."""
    ordered = tuple(words)
    counts = range(1, len(ordered) + 1)
    chosen = (" ".join(some) for count in counts for some in combinations(ordered, count))
    return one_of([nothing, *chosen])
