"""SMPP's bytes: the same as those that another's program writes and reads; rubbish is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from smpplib import consts, smpp
from smpplib.client import SimpleSequenceGenerator

from apps.messaging.channels.smpp import pdu
from apps.messaging.channels.smpp.pdu import (
    Address,
    BrokenError,
    Command,
    Pdu,
    ShortMessage,
    Tag,
    Units,
)

MESSAGE = ShortMessage(
    Address("Tidings", 5, 0),
    Address("79161234567"),
    b"Hello \x1b\x65",
    esm_class=0x40,
    data_coding=8,
    registered_delivery=1,
    validity="000002000000000R",
)


def theirs(unit):
    """Let smpplib read a unit."""
    return smpp.parse_pdu(
        unit.to_bytes(), client=SimpleSequenceGenerator(), allow_unknown_opt_params=True
    )


def test_another_program_reads_what_we_submit():
    read = theirs(Pdu(Command.SUBMIT_SM, 77, body=MESSAGE.to_bytes()))
    assert (read.command, read.sequence, read.status) == ("submit_sm", 77, 0)
    assert (read.source_addr, read.source_addr_ton, read.source_addr_npi) == (b"Tidings", 5, 0)
    assert (read.destination_addr, read.dest_addr_ton, read.dest_addr_npi) == (b"79161234567", 1, 1)
    assert (read.short_message, read.sm_length) == (b"Hello \x1b\x65", 8)
    assert (read.esm_class, read.data_coding, read.registered_delivery) == (0x40, 8, 1)
    assert read.validity_period == b"000002000000000R"


def test_another_program_reads_our_bind_and_a_payload():
    body = pdu.bind("tidings", "secret", "news")
    bind = theirs(Pdu(Command.BIND_TRANSCEIVER, 1, body=body))
    assert (bind.command, bind.system_id, bind.password) == (
        "bind_transceiver",
        b"tidings",
        b"secret",
    )
    assert (bind.system_type, bind.interface_version) == (b"news", 0x34)
    long = ShortMessage(MESSAGE.source, MESSAGE.destination, b"x" * 5_000, as_payload=True)
    read = theirs(Pdu(Command.SUBMIT_SM, 2, body=long.to_bytes()))
    assert (read.message_payload, read.sm_length) == (b"x" * 5_000, 0)


def test_we_read_what_another_program_brings():
    brought = smpp.make_pdu(
        "deliver_sm",
        client=SimpleSequenceGenerator(),
        source_addr_ton=1,
        source_addr="79161234567",
        destination_addr="Tidings",
        esm_class=4,
        short_message=b"id:m1 stat:DELIVRD",
        receipted_message_id="m1",
        message_state=consts.SMPP_MESSAGE_STATE_DELIVERED,
    )
    brought.sequence = 9
    (unit,) = Units().feed(brought.generate())
    read = ShortMessage.read(unit.body)
    assert (unit.command, unit.sequence) == (Command.DELIVER_SM, 9)
    assert (read.source.text, read.destination.text) == ("79161234567", "Tidings")
    assert (read.content, read.esm_class) == (b"id:m1 stat:DELIVRD", 4)
    assert read.tags == {Tag.RECEIPTED_ID: b"m1\0", Tag.MESSAGE_STATE: b"\x02"}


@pytest.mark.parametrize("chunk", [1, 7, 10_000])
def test_units_are_found_however_the_stream_is_cut(chunk):
    sent = [Pdu(Command.DELIVER_SM, number, body=b"x" * number) for number in range(1, 40)]
    stream = b"".join(unit.to_bytes() for unit in sent)
    units, found = Units(), []
    for start in range(0, len(stream), chunk):
        found += units.feed(stream[start : start + chunk])
    assert found == sent


@pytest.mark.parametrize("size", [0, 15, 70_001, 0xFFFF_FFFF])
def test_a_unit_of_an_impossible_size_is_refused_before_it_is_read(size):
    with pytest.raises(BrokenError):
        list(Units().feed(size.to_bytes(4, "big") + bytes(12)))


@given(st.binary(max_size=300))
def test_no_body_breaks_the_reader_in_another_way(body):
    try:
        ShortMessage.read(body)
    except BrokenError:
        return
    pdu.read_id(body)


@pytest.mark.parametrize("body", [b"", b"no end", b"a\x07b\0", b"x" * 90 + b"\0"])
def test_an_id_that_cannot_be_kept_is_none(body):
    assert pdu.read_id(body) in {"", "no end"}


@pytest.mark.parametrize("text", ["Имя", "a\0b", "x" * 21])
def test_an_address_that_no_unit_can_bear_is_refused(text):
    with pytest.raises(ValueError, match=r"ascii|no field"):
        Address(text).to_bytes()
