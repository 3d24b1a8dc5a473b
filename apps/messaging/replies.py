"""What a reply means, in the four languages of our clients. Pure.

Only a reply that says nothing else is a STOP: one that merely has the word in it goes to a person,
and so does everything that could mean two things. What people type on phones is read as it looks:
small or capital, with Cyrillic letters for Latin ones or digits for letters, without accents, in the
wrong keyboard layout, with a slip in a long word.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable
from enum import StrEnum
from functools import cache
from itertools import pairwise


class Meaning(StrEnum):
    STOP = "stop"
    START = "start"
    CALL = "call"
    COMPLAINT = "complaint"
    TEXT = "text"


# Whole replies, each on its own; a comma parts them.
STOP = """
stop, stopp, stp, sotp, stop all, stopall, stop sms, stop it, end, quit, cancel, unsubscribe,
unsubscribe me, opt out, optout, remove me, delete me, no more, no more messages, no more sms,
stop sending, stop sending messages, stop messaging me, stop texting me, do not text me,
dont text me, do not contact me, do not write to me, leave me alone, take me off, stop messages
стоп, стоп смс, стоп всё, отписаться, отписатся, отпишите, отпишите меня, отпиши, отпиши меня,
отписать, отпишись, отписка, отмена, отмена подписки, отказ, отказ от рассылки, отказываюсь,
отказаться, прекратить, прекратите, прекратите рассылку, хватит, не пишите, не пишите мне,
больше не пишите, больше не пишите мне, не присылать, не присылайте, не присылайте мне, больше не присылайте,
не отправляйте, не беспокоить, не беспокойте, не надо, не надо больше, удалите меня,
удалите мой номер, otpisatsya, otpisatsa, otpiska, otpishite, otkaz, otpisat
wypisz, wypisz mnie, wypisać, wypisuję się, wypis, rezygnuję, rezygnacja, zrezygnuj, odsubskrybuj,
nie wysyłaj, nie wysyłajcie, nie wysyłać, nie pisz, nie piszcie, usuń, usuń mnie, usuń mój numer,
koniec, anuluj, stop wszystko, przestańcie, nie chcę, nie życzę sobie
відписатися, відписатись, відпишіть, відпишіть мене, відпиши, відпиши мене, відписка, відмова,
відмовляюсь, відмовляюся, відмовитися, скасувати, припинити, припиніть, припиніть розсилку, досить,
не пишіть, не пишіть мені, більше не пишіть, не надсилати, не надсилайте, не надсилайте мені,
не турбувати, не турбуйте, видаліть мене, не треба, vidpysatysia, vidpysatysya
"""
START = """
start, unstop, yes, subscribe, resume, ok, okay, старт, да, подписаться, подпишите, подписка, хочу,
возобновить, tak, zapisz, zapisz mnie, wznów, так, підписатися, підписатись, підпишіть, відновити
"""
# Said anywhere: it is a person who reads it.
CALL = """
call me, call back, ring me, phone me, give me a call, please call, позвоните, перезвоните, позвони,
перезвони, свяжитесь со мной, наберите меня, жду звонка, zadzwoń, oddzwoń, zadzwońcie, oddzwońcie,
proszę o kontakt, proszę o telefon, зателефонуйте, передзвоніть, подзвоніть, зателефонуй,
передзвони, звʼяжіться зі мною
"""
COMPLAINT = """
complain, complaint, spam, scam, fraud, lawyer, court, regulator, ombudsman, жалоба, жалобу, жалуюсь,
пожалуюсь, спам, мошенники, мошенничество, обман, суд, прокуратуру, роскомнадзор, skarga, skargę,
reklamacja, reklamację, oszustwo, oszuści, knf, скарга, скаргу, скаржусь, шахраї, шахрайство,
do not call, dont call, не звоните, nie dzwoń, nie dzwońcie, не дзвоніть, не телефонуйте
"""
POLITE = """
please, pls, plz, thanks, thank you, hi, hello, пожалуйста, пож, спасибо, здравствуйте, добрый день,
proszę, dziękuję, dzień dobry, będь ласка, будь ласка, дякую, добрий день
"""

# Letters that are taken for each other, written as the first of them looks.
ALIKE = str.maketrans(
    "авекмнорстухіјѕԁɡһ015ł",
    "abekmhopctyxijsdghoisl",
)  # fmt: skip
MARKS = dict.fromkeys(map(ord, "'’ʼ`"), None) | {ord("_"): " "}  # don't and звʼяжіться are words
LATIN, CYRILLIC = "qwertyuiop[]asdfghjkl;'zxcvbnm,.`", "йцукенгшщзхъфывапролджэячсмитьбюё"
LAYOUT = str.maketrans(LATIN + CYRILLIC, CYRILLIC + LATIN)
WORDS = re.compile(r"\w+")
LONG = 8  # letters; a slip in a shorter word makes another word
LONGEST = 1_000  # characters that are read; a person reads all


def meaning(text: str) -> Meaning:
    """Say what a reply means; in doubt it is text, which a person reads."""
    text = text[:LONGEST]
    said = shown(text)
    typed = {said, shown(text.strip(" .,!?").casefold().translate(LAYOUT))}
    if typed & known(STOP):
        return Meaning.STOP
    if typed & known(START):
        return Meaning.START
    if slipped(said, known(STOP)) and not slipped(said, known(START)):
        return Meaning.STOP
    for each, phrases in ((Meaning.COMPLAINT, COMPLAINT), (Meaning.CALL, CALL)):
        if any(f" {phrase} " in f" {said} " for phrase in known(phrases)):
            return each
    return Meaning.TEXT


def shown(text: str) -> str:
    """Write a reply as it looks, without politeness and repetition."""
    said = f" {looks(text)} "
    for polite in known(POLITE, looks):
        said = said.replace(f" {polite} ", " ")
    words = said.split() or looks(text).split()
    return " ".join([*words[:1], *(word for last, word in pairwise(words) if word != last)])


def looks(text: str) -> str:
    """Write words as they look, without marks and accents."""
    letters = unicodedata.normalize("NFKD", text.casefold().translate(MARKS))
    bare = "".join(each for each in letters if unicodedata.category(each) not in {"Mn", "Cf"})
    return " ".join(WORDS.findall(bare)).translate(ALIKE)


@cache
def known(phrases: str, written: Callable[[str], str] | None = None) -> frozenset[str]:
    """Read a list of phrases, each as replies are read."""
    parts = (" ".join(part.split()) for part in re.split(r"[,\n]", phrases))
    return frozenset((written or shown)(part) for part in parts if part)


def slipped(said: str, phrases: Iterable[str]) -> bool:
    """Say whether one letter of a long word is too many, missing, another or in its neighbour's place."""
    return len(said) >= LONG and " " not in said and any(near(said, each) for each in phrases)


def near(one: str, other: str) -> bool:
    if abs(len(one) - len(other)) > 1 or len(other) < LONG or " " in other:
        return False
    while one and other and one[0] == other[0]:
        one, other = one[1:], other[1:]
    while one and other and one[-1] == other[-1]:
        one, other = one[:-1], other[:-1]
    return max(len(one), len(other)) <= 1 or (len(one) == 2 and one == other[::-1])
