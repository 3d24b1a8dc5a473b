"""Long texts that clients write: read from their parts, joined, and heard as one."""

from datetime import timedelta

import pytest

from apps.messaging import tasks
from apps.messaging.actions.inbound import MISSING, WITHIN, Said, receive, take_torn
from apps.messaging.channels.smpp.incoming import Part, Style, read
from apps.messaging.channels.smpp.pdu import Address, ShortMessage, Tag
from apps.messaging.models.replies import Reply, ReplyPart
from apps.profiles.models import Suppression
from tests.messaging.world import DAY

PHONE = "+447700900123"
STYLE = Style(sender="Tidings")
IN_TAGS = {Tag.PARTS_REFERENCE: b"\1\2", Tag.PARTS_TOTAL: b"\3", Tag.PARTS_NUMBER: b"\2"}


def brought(content, **fields):
    message = ShortMessage(Address(PHONE[1:]), Address("Tidings", 5, 0), content, **fields)
    return read(message.to_bytes(), STYLE)


@pytest.mark.parametrize(
    ("header", "tags", "part"),
    [
        (b"\5\0\3\7\3\2", {}, Part(7, 3, 2)),
        (b"\6\x08\4\1\2\3\2", {}, Part(258, 3, 2)),
        (b"\x0b\5\4\0\1\0\1\0\3\7\3\2", {}, Part(7, 3, 2)),  # behind the ports of a program
        (b"", IN_TAGS, Part(258, 3, 2)),
        (b"", {**IN_TAGS, Tag.PARTS_NUMBER: b"\4"}, None),
        (b"", {Tag.PARTS_TOTAL: b"\3"}, None),
        (b"\5\0\3\7\1\1", {}, None),  # the only one
        (b"\5\0\3\7\3\0", {}, None),
        (b"\5\0\3\7\2\3", {}, None),
        (b"\5\0\2\7\3\1", {}, None),
        (b"\5\0\x30\7\3\1", {}, None),
        (b"\2\0\0", {}, None),
    ],
)
def test_a_part_says_which_it_is_and_of_what(header, tags, part):
    reply = brought(header + b"STOP", esm_class=0x40 if header else 0, tags=tags)
    assert (reply.text, reply.part) == ("STOP", part)


@pytest.mark.parametrize("coding", [8, 0x18, 0x19, 0x1B, 0x38, 0xE0, 0xE9])
def test_a_wide_text_is_read_with_whatever_class_its_network_gave_it(coding):
    assert brought("СТОП".encode("utf-16-be"), data_coding=coding).text == "СТОП"


@pytest.mark.parametrize(
    ("coding", "text"),
    [(0, "@"), (0x10, "@"), (0xF1, "@"), (0xF5, ""), (0x14, ""), (3, ""), (4, ""), (0xC0, "@")],
)
def test_a_narrow_text_is_read_in_the_alphabet_that_it_is_in(coding, text):
    assert brought(b"\0", data_coding=coding).text == text


@pytest.mark.parametrize("padding", [b"\0", b"\0\0\0", b"\4\x24\0\x99no"])
def test_what_a_centre_pads_a_message_with_costs_nobody_his_stop(padding):
    message = ShortMessage(Address(PHONE[1:]), Address("Tidings", 5, 0), b"STOP")
    assert read(message.to_bytes() + padding, STYLE).text == "STOP"


def say(text, number, count=3, reference=7, *, at=DAY):
    return receive("smsc", "sms", [Said(PHONE, text, part=(reference, count, number))], at=at)


@pytest.mark.django_db
def test_parts_in_any_order_and_number_are_one_reply():
    assert [say("здрав", 2), say("Привет, ", 1), say("здрав", 2), say("иц", 1, 2, 8)] == [0] * 4
    assert say("ствуйте", 3) == 1
    assert Reply.objects.get().text == "Привет, здравствуйте"
    assert ReplyPart.objects.get(joined_at=None).text == "иц"


@pytest.mark.django_db
def test_a_stop_in_two_parts_takes_effect_with_the_second():
    say("больше не пиш", 1, 2)
    assert not Suppression.objects.exists()
    say("ите мне", 2, 2)
    assert Reply.objects.get().meaning == "stop"
    assert Suppression.objects.get().reason == "stop"


@pytest.mark.django_db
def test_what_came_of_a_long_text_is_heard_when_the_rest_stays_away():
    say("STOP", 1, 2)
    say("later", 1, 2, 9, at=DAY + MISSING)
    assert take_torn(at=DAY + MISSING - timedelta(seconds=1)) == 0
    assert take_torn(at=DAY + MISSING) == 1
    assert take_torn(at=DAY + MISSING) == 0
    assert Reply.objects.get().meaning == "stop"
    assert ReplyPart.objects.get().text == "later"
    tasks.take_torn()
    assert Reply.objects.count() == 2


@pytest.mark.django_db
def test_a_long_text_that_comes_again_is_known_by_its_parts_and_another_one_is_not():
    for number, text in enumerate(("call ", "me ", "back"), 1):
        say(text, number)
    assert [say("me ", 2), say("call ", 1), say("me ", 2), say("back", 3)] == [0] * 4
    take_torn(at=DAY + MISSING)
    assert (Reply.objects.get().times, take_torn(at=DAY + MISSING)) == (1, 0)
    for number, text in enumerate(("I ", "have ", "waited"), 1):  # its phone counts to 255
        say(text, number)
    assert list(Reply.objects.order_by("pk").values_list("text", flat=True)) == [
        "call me back", "I have waited",
    ]  # fmt: skip
    take_torn(at=DAY + WITHIN)
    assert not ReplyPart.objects.exists()
