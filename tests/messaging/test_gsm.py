"""The alphabets of SMS, and long texts in parts."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.messaging import gsm, wording

LETTERS = sorted(gsm.OURS)


@pytest.mark.parametrize(
    ("text", "is_wide", "sizes"),
    [
        ("", False, [0]),
        ("a" * 160, False, [160]),
        ("a" * 161, False, [153, 8]),
        ("€" * 80, False, [160]),
        ("a" + "€" * 80, False, [153, 8]),  # 1 + 76 × 2; no escape is torn from its letter
        ("ё" * 70, True, [140]),
        ("ё" * 71, True, [134, 8]),
        ("a" * 66 + "😀" * 3, True, [132, 12]),  # no surrogate pair is torn
    ],
)
def test_a_text_is_cut_where_a_phone_can_join_it(text, is_wide, sizes):
    coded = gsm.split(text)
    assert (coded.is_wide, [len(part) for part in coded.parts]) == (is_wide, sizes)


@settings(max_examples=25)
@given(st.text(st.sampled_from(LETTERS), max_size=400))
def test_every_letter_of_the_alphabet_comes_back(text):
    coded = gsm.split(text)
    assert not coded.is_wide
    assert "".join(map(gsm.decode, coded.parts)) == text


@settings(max_examples=40)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=300))
def test_parts_are_as_many_as_are_paid_for(text):
    assert len(gsm.split(text).parts) == wording.segments(text)


def test_the_alphabet_is_that_of_the_standard():
    # Rows 0x00, 0x10, 0x5B and 0x7B of 3GPP TS 23.038, table 6.2.1; 0x1B escapes.
    assert gsm.encode("@£$¥Δ_ÄÖÑÜ§äöñüà")[1] == [
        *(b"\x00", b"\x01", b"\x02", b"\x03", b"\x10", b"\x11"),
        *(b"\x5b", b"\x5c", b"\x5d", b"\x5e", b"\x5f"),
        *(b"\x7b", b"\x7c", b"\x7d", b"\x7e", b"\x7f"),
    ]
    assert gsm.encode("€^")[1] == [b"\x1b\x65", b"\x1b\x14"]


@pytest.mark.parametrize("text", ["a" * (153 * 255 + 1), "\ud800"])
def test_a_text_that_no_phone_can_join_is_refused(text):
    with pytest.raises(ValueError, match=r"256 parts|surrogates not allowed"):
        gsm.split(text)


def test_septets_that_stand_for_nothing_are_shown_as_such():
    assert gsm.decode(b"a\x1bQ\xffc\x1b") == "aQ�c"
