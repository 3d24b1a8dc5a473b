"""Which script a letter is of, and words whose letters are of several. Pure."""

import unicodedata
from collections import Counter
from dataclasses import dataclass

# Scripts that are written together in one word.
TOGETHER = (
    frozenset({"CJK", "HIRAGANA", "KATAKANA", "LATIN"}),
    frozenset({"CJK", "BOPOMOFO", "LATIN"}),
    frozenset({"CJK", "HANGUL", "LATIN"}),
)
# Letters of other scripts that cannot be told from Latin ones in usual type.
ALIKE = {
    "CYRILLIC": frozenset("асеорхуіјѕһԁԛԝӏкмтвнгпь"),
    "GREEK": frozenset("αονυρικτχγ"),
    "ARMENIAN": frozenset("օոսց"),
}


@dataclass(frozen=True)
class Odd:
    """A letter that is of another script than the rest of its word; `other` is one of the rest."""

    word: str
    number: int  # counted from 1, as people count
    letter: str
    script: str
    other: str
    rest: str


def script(letter: str) -> str:
    """Return the script of a letter, as Unicode names it; "" for what is no letter."""
    if not unicodedata.category(letter).startswith("L"):
        return ""
    words = unicodedata.name(letter, "UNKNOWN").split(" ")
    return " ".join(words[:2]) if words[0] in {"FULLWIDTH", "HALFWIDTH"} else words[0]


def mixed(word: str) -> Odd | None:
    """Return the letter that spoils a word by being of another script; None where all go together."""
    scripts = [script(letter) for letter in word]
    count = Counter(filter(None, scripts))
    if len(count) < 2 or any(count.keys() <= together for together in TOGETHER):
        return None
    rest, strange = count.most_common(1)[0][0], count.most_common()[-1][0]
    place = scripts.index(strange)
    other = word[scripts.index(rest)]
    return Odd(word, place + 1, word[place], strange.title(), other, rest.title())


def imitates_latin(word: str) -> str:
    """Return the script of a word of which every letter looks Latin; "" where one does not."""
    scripts = {found for letter in word if (found := script(letter))}
    if len(scripts) != 1:
        return ""
    (only,) = scripts
    alike = ALIKE.get(only, frozenset())
    letters = [letter for letter in word if script(letter)]
    return only.title() if all(letter in alike for letter in letters) else ""
