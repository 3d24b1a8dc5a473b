"""A session with a message centre that answers, hesitates, forgets and hangs up."""

import time
from contextlib import contextmanager
from uuid import uuid4

import pytest

from apps.messaging import gsm
from apps.messaging.channels import Letter, Verdict
from apps.messaging.channels.smpp import session as sessions
from apps.messaging.channels.smpp.incoming import Ids, Receipt, Reply, Style
from apps.messaging.channels.smpp.link import DownError, Login
from apps.messaging.channels.smpp.pdu import Command, Status
from apps.messaging.channels.smpp.session import Session
from tests.peers.smsc import HANG_UP, SILENT, centre, receipt

STYLE = Style(sender="Tidings")
PHONE = "+79161234567"


class Kept:
    """What a session was told to keep."""

    def __init__(self):
        self.all = []
        self.error = None

    def __call__(self, found):
        if self.error:
            raise self.error
        self.all.extend(found)


@pytest.fixture
def kept():
    return Kept()


@pytest.fixture
def smsc():
    with centre() as running:
        yield running


@contextmanager
def bound(smsc, kept, style=STYLE, *, window=10, answered_in=30, **login):
    session = Session(
        Login("127.0.0.1", smsc.port, "tidings", "secret", **login),
        style,
        kept,
        window=window,
        patience=answered_in,
    )
    session.open()
    try:
        yield session
    finally:
        session.close()


def letter(text="Your coupon is accrued.", to=PHONE):
    return Letter(key=uuid4(), to=to, text=text)


def verdicts(session, *letters):
    answers = dict(session.send(letters))
    return [answers[each.key].verdict for each in letters]


def test_letters_go_out_and_come_back_with_the_centres_ids(smsc, kept):
    letters = [letter(f"News {number}") for number in range(50)]
    with bound(smsc, kept) as session:
        answers = dict(session.send(letters))
    assert smsc.binds == ["tidings"]
    assert [answers[each.key].provider_id for each in letters] == [f"m{n}" for n in range(1, 51)]
    first = smsc.messages[0]
    assert (first.content, first.destination.text) == (b"News 0", "79161234567")
    assert (first.source.text, first.source.ton) == ("Tidings", 5)
    assert (first.registered_delivery, first.data_coding) == (1, 0)


def test_answers_in_another_order_find_their_letters(smsc, kept):
    smsc.reversed_by = 5
    letters = [letter() for _ in range(20)]
    with bound(smsc, kept) as session:
        found = list(session.send(letters))
    assert [key for key, _answer in found] != [each.key for each in letters]
    assert dict(found)[letters[0].key].provider_id == "m1"
    assert dict(found)[letters[19].key].provider_id == "m20"


def test_no_more_letters_are_under_way_than_the_window_holds(smsc, kept):
    smsc.reversed_by = 3  # the third is waited for before the first is answered
    taken = []

    def letters():
        for _ in range(9):
            taken.append(letter())
            yield taken[-1]

    with bound(smsc, kept, window=3) as session:
        answers = session.send(letters())
        next(answers)
        assert len(taken) <= 4
        assert len(list(answers)) == 8


@pytest.mark.parametrize(
    ("text", "coding", "count"),
    [
        ("Hello " * 40, 0, 2),
        ("Купон начислен. " * 10, 8, 3),
        ("a" * 152 + "€" + "b" * 8, 0, 2),
    ],
)
def test_a_long_letter_goes_out_in_parts_that_a_phone_joins(smsc, kept, text, coding, count):
    with bound(smsc, kept) as session:
        ((_key, answer),) = session.send([letter(text)])
    parts = smsc.messages
    assert (answer.verdict, answer.provider_id) == (Verdict.SENT, f"m{count}")
    assert answer.parts == len(parts) == count
    assert {(part.esm_class, part.data_coding) for part in parts} == {(0x40, coding)}
    heads = [part.content[:6] for part in parts]
    assert len({head[:5] for head in heads}) == 1
    assert [(head[4], head[5]) for head in heads] == [(count, n + 1) for n in range(count)]
    contents = [part.content[6:] for part in parts]
    assert text == "".join(
        content.decode("utf-16-be") if coding else gsm.decode(content) for content in contents
    )
    assert [part.registered_delivery for part in parts] == [0] * (count - 1) + [1]


def test_a_long_letter_goes_out_whole_where_the_centre_wants_it_so(smsc, kept):
    with bound(smsc, kept, Style(sender="900", long_as_payload=True)) as session:
        assert verdicts(session, letter("Hello " * 50), letter("Short")) == [Verdict.SENT] * 2
    long, short = smsc.messages
    assert (long.content, long.as_payload) == (b"Hello " * 50, True)
    assert (short.content, short.as_payload) == (b"Short", False)
    assert (long.source.ton, long.esm_class) == (3, 0)


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (0x0B, Verdict.NEVER),  # no such number
        (0x01, Verdict.NEVER),  # too long
        (0x08, Verdict.AGAIN),  # its own fault
        (0x0A, Verdict.AGAIN),  # our sender is not allowed: not the letter's fault
        (0x58, Verdict.AGAIN),  # too fast
        (0x14, Verdict.AGAIN),  # its queue is full
        (0x0400, Verdict.AGAIN),  # what nobody else knows
    ],
)
def test_a_refusal_is_read_by_its_status(smsc, kept, status, verdict):
    smsc.answers.append(status)
    with bound(smsc, kept) as session:
        answers = dict(session.send(letters := [letter(), letter()]))
    assert answers[letters[0].key].verdict == verdict
    assert answers[letters[0].key].reason == f"The message centre answered 0x{status:08X}."
    assert answers[letters[1].key].verdict == Verdict.SENT


def test_a_centre_that_is_hurried_is_given_a_pause(smsc, kept, monkeypatch):
    monkeypatch.setattr(sessions, "PAUSES", (0.05, 0.2))
    smsc.answers.extend([Status.THROTTLED] * 3)
    with bound(smsc, kept, window=1) as session:
        started = time.monotonic()
        found = verdicts(session, *(letter() for _ in range(6)))
    assert found == [Verdict.AGAIN] * 3 + [Verdict.SENT] * 3
    assert time.monotonic() - started >= 0.05 + 0.1 + 0.2


def test_a_hurried_centre_gets_the_later_parts_of_a_message_all_the_same(smsc, kept, monkeypatch):
    monkeypatch.setattr(sessions, "PAUSES", (0.01, 0.01))
    smsc.answers.extend([Status.OK, Status.THROTTLED, Status.THROTTLED, Status.OK])
    with bound(smsc, kept) as session:
        assert verdicts(session, letter("a" * 200)) == [Verdict.SENT]
    assert len(smsc.messages) == 2


@pytest.mark.parametrize(("status", "verdict"), [(0x0B, Verdict.NEVER), (8, Verdict.UNKNOWN)])
def test_a_message_of_which_a_part_was_taken_does_not_go_out_again(smsc, kept, status, verdict):
    smsc.answers.extend([Status.OK, status])
    with bound(smsc, kept) as session:
        ((_key, answer),) = session.send([letter("a" * 200)])
    assert answer.verdict == verdict
    assert answer.reason == f"The message centre answered part 2 of 2 with 0x{status:08X}."


@pytest.mark.parametrize(
    "unwritable", [letter("a" * 40_000), letter("\ud800"), letter(to="+7916\x00"), letter(to="я")]
)
def test_a_letter_that_cannot_be_written_fails_alone(smsc, kept, unwritable):
    with bound(smsc, kept) as session:
        assert verdicts(session, unwritable, letter()) == [Verdict.NEVER, Verdict.SENT]


def test_what_was_under_way_when_the_line_broke_is_unknown_and_the_rest_stays(smsc, kept):
    smsc.answers.extend([Status.OK, Status.OK, SILENT, HANG_UP])
    rest = iter([letter() for _ in range(10)])
    with bound(smsc, kept, window=2) as session:
        found = [answer.verdict for _key, answer in session.send(rest)]
        assert not session.is_up
        assert list(session.send([letter()])) == []
    assert sorted(found) == [Verdict.SENT] * 2 + [Verdict.UNKNOWN] * 2
    assert len(list(rest)) == 6


def test_an_answer_that_never_comes_leaves_its_message_unknown(smsc, kept):
    smsc.answers.append(SILENT)
    with bound(smsc, kept, answered_in=0.2) as session:
        assert verdicts(session, letter(), letter()) == [Verdict.UNKNOWN, Verdict.SENT]


def test_an_answer_that_comes_too_late_is_kept_as_a_receipt(smsc, kept):
    smsc.answers.append(SILENT)
    late = letter()
    with bound(smsc, kept, answered_in=0.1) as session:
        assert verdicts(session, late) == [Verdict.UNKNOWN]
        smsc.bring_bytes(smsc.unanswered.response(0, b"late-1\0").to_bytes())
        smsc.answers.append(SILENT)  # the session reads while it waits
        deadline = time.monotonic() + 30
        while not kept.all and time.monotonic() < deadline:
            list(session.send([letter()]))
    assert kept.all == [Receipt("late-1", "ACCEPTD", key=late.key)]


def test_a_receipt_and_a_reply_are_kept_and_then_answered(smsc, kept):
    smsc.receipts = "DELIVRD"
    with bound(smsc, kept) as session:
        list(session.send([letter()]))
        smsc.write("СТОП")
        smsc.until(lambda: len(smsc.responses) == 2)
    assert kept.all == [Receipt("m1", "DELIVRD", "000"), Reply(PHONE, "Tidings", "СТОП")]
    assert smsc.responses == [(Command.DELIVER_SM | 0x8000_0000, 0)] * 2


def test_what_cannot_be_kept_is_asked_for_again(smsc, kept):
    kept.error = OSError("the database is away")
    with bound(smsc, kept):
        smsc.write("STOP")
        smsc.until(lambda: smsc.responses)
        kept.error = None
        smsc.write("STOP")
        smsc.until(lambda: len(smsc.responses) == 2)
    assert [status for _command, status in smsc.responses] == [Status.TRY_LATER, Status.OK]
    assert [each.text for each in kept.all] == ["STOP"]


def test_what_cannot_be_kept_holds_up_nothing_else(smsc):
    found = []

    def keep(brought):
        if "poison" in [each.text for each in brought]:
            raise ValueError
        found.extend(each.text for each in brought)

    with bound(smsc, keep):
        for text in ("first", "poison", "last"):
            smsc.write(text)
        smsc.until(lambda: len(smsc.responses) == 3)
    assert found == ["first", "last"]
    statuses = sorted(status for _command, status in smsc.responses)
    assert statuses == [Status.OK, Status.OK, Status.TRY_LATER]


@pytest.mark.parametrize(
    "text", ["stat:DELIVRD", "id: stat:", "id:" + "x" * 65 + " stat:DELIVRD", "rubbish"]
)
def test_a_receipt_without_an_id_is_refused_for_good(smsc, kept, text):
    with bound(smsc, kept):
        smsc.write(text, esm_class=4, as_payload=True)
        smsc.until(lambda: smsc.responses)
    assert (kept.all, smsc.responses[0][1]) == ([], Status.NEVER)


@pytest.mark.parametrize(
    ("style", "is_hex", "count"),
    [
        (Style("T", answer_ids=Ids.HEX, receipt_ids=Ids.DECIMAL), True, 12),
        (Style("T"), False, 1),
    ],
)
def test_an_id_is_the_same_in_answer_and_receipt(smsc, kept, style, is_hex, count):
    smsc.receipts, smsc.is_hex = "DELIVRD", is_hex
    with bound(smsc, kept, style) as session:
        answered = [
            answer.provider_id for _, answer in session.send(letter() for _ in range(count))
        ]
        smsc.until(lambda: len(smsc.responses) == count)
    assert [each.provider_id for each in kept.all] == answered


def test_a_typed_receipt_wins_over_its_text(smsc, kept):
    with bound(smsc, kept) as session:
        list(session.send([letter()]))
        typed = {"RECEIPTED_ID": b"m1\0", "MESSAGE_STATE": b"\x05"}
        smsc.bring(receipt(smsc.messages[0], "other", "DELIVRD", **typed))
        smsc.until(lambda: smsc.responses)
    assert kept.all == [Receipt("m1", "UNDELIV", "000")]


def test_a_wrong_password_is_told_apart_from_a_line_that_is_down(smsc, kept, unused_tcp_port):
    smsc.password = "another"
    with pytest.raises(DownError) as refused, bound(smsc, kept):
        pass
    assert refused.value.status == Status.WRONG_PASSWORD
    smsc.port = unused_tcp_port
    with pytest.raises(DownError) as down, bound(smsc, kept):
        pass
    assert down.value.status is None


def test_a_line_that_is_silent_is_asked_and_then_given_up(smsc, kept):
    with bound(smsc, kept, silence=0.05, patience=0.3) as session:
        smsc.until(lambda: smsc.sessions)
        smsc.answers_links = False
        smsc.until(lambda: not smsc.sessions)
        assert not session.is_up


@pytest.mark.parametrize("rubbish", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\0" * 64])
def test_rubbish_ends_the_line(smsc, kept, rubbish):
    with bound(smsc, kept):
        smsc.bring_bytes(rubbish)
        smsc.until(lambda: not smsc.sessions)
