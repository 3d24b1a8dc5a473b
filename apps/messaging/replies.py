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
complain*, spam*, scam*, fraud*, lawyer*, solicitor*, attorney*, to court, in court, sue you, suing, prosecutor*,
police, ombuds*, consumer protection, consumer rights, trading standards, small claims, class action,
do not call, dont call
жалоб*, жаловат*, жаловал*, жалуюсь, жалуемся, жалуется, пожалуюсь, пожалуемся, пожалуется, обжал*, претензи*,
спам*, мошенн*, обман*, афер*, лохотрон*, адвокат*, мой юрист, мои юристы, моим юристом, юристам, в суд, в суде,
через суд, судиться, засужу, иск, иском, исковое, прокуратур*, прокурор*, полици*, роскомнадзор*,
роспотребнадзор*, омбудсмен*, финансов* уполномоченн*, финуполномоченн*, прав потребител*, права потребител*,
не звоните
skarg*, skarżę, skarżyć, skarżymy, poskarżę, poskarżymy, zaskarż*, zażaleni*, reklamacj*, reklamuję, oszust*, oszuści,
oszuk*, naciągacz*, wyłudz*, adwokat*, mój prawnik, prawnikom, prawnikowi, do sądu, w sądzie, pozew, pozwę, pozywam,
prokuratur*, policj*, rzecznik* finansow*, rzecznik* konsument*, praw konsument*, prawa konsument*, uokik, nie dzwoń,
nie dzwońcie
скарг*, скарж*, поскарж*, оскарж*, претензі*, шахра*, обдур*, ошук*, до суду, у суд, у суді, через суд, судитися,
позов, позовом, позиваюся, прокурат*, поліці*, прав споживач*, права споживач*, держпродспоживслужб*,
не дзвоніть, не телефонуйте
"""
# Who says that he will turn to one of these complains; who asks about them does not.
TURNING = """
report*, write, writing, go, going, turn, turning, take, taking, appeal*, escalat*, contact*, inform*, notify*
обращ*, обрат*, пишу, писать, напишу, напишем, пойду, пойдем, пойдём, идти, иду, подам, подаю, подадим, подавать,
заявл*, сообщу, сообщим, отправлю, направлю
zgłosz*, zgłasz*, napisz*, piszę, pójdę, pójdziemy, idę, złożę, składam, skieruj*, kieruję, zwróc*, zwracam,
zawiadom*, powiadom*, donios*
зверн*, зверта*, напишу, напишемо, пишу, писати, піду, підемо, йду, подам, подаю, подамо, заявл*, повідом*
"""
BODIES = """
to regulator*, to the regulator*, the regulator*, to central bank, to the central bank, to the bank of england,
the fca, to fca, to the authorit*, the authorit*, to the court*, to the press, to the media
в центральный банк, в центробанк, в цб, в банк россии, к регулятору, регулятору, в фас, в прессу, в сми
do knf, knf, do komisji nadzoru, do nadzoru, do nbp, do narodowego banku, do regulatora, do mediów, do prasy
до нбу, в нбу, у нбу, до нацбанку, в нацбанк, у нацбанк, до національного банку, в національний банк,
у національний банк, до регулятора, до нкцпфр, в нкцпфр, до преси
"""
CONTENT = """
no complain*, not complain*, not a complaint, dont complain, cant complain, cannot complain, without complain*
нет жалоб, жалоб нет, без жалоб, не жалоба, не жалуюсь, не жалуемся, нет претензий, претензий нет, без претензий
bez skarg, brak skarg, nie skarżę, bez reklamacji, скарг немає, немає скарг, без скарг, не скаржусь, не скаржуся,
не скарга, без претензій, немає претензій, претензій немає
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
    if complains(said):
        return Meaning.COMPLAINT
    if any(f" {phrase} " in f" {said} " for phrase in known(CALL)):
        return Meaning.CALL
    return Meaning.TEXT


def complains(said: str) -> bool:
    """Say whether a reply complains, or tells to whom its sender will turn."""
    said = within(CONTENT).sub(" ", said)
    return bool(within(COMPLAINT).search(said) or turning().search(said))


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


@cache
def within(phrases: str) -> re.Pattern[str]:
    """Read a list of phrases that are looked for in replies; a star stands for any ending."""
    parts = (part.split() for part in re.split(r"[,\n]", phrases))
    written = {" ".join(map(ending, words)) for words in parts if words}
    return re.compile(rf"\b(?:{'|'.join(sorted(written))})\b")


def ending(word: str) -> str:
    return looks(word) + (r"\w*" if word.endswith("*") else "")


@cache
def turning() -> re.Pattern[str]:
    """Find a verb of turning to somebody near to whom: "напишу завтра в ЦБ", "в ЦБ напишу"."""
    verb, whom = within(TURNING).pattern, within(BODIES).pattern
    return re.compile(rf"{verb} (?:\w+ ){{0,2}}{whom}|{whom} (?:\w+ ){{0,1}}{verb}")


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
