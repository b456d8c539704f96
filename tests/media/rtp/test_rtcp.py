"""RTCP packets, byte by byte."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.rtp.rtcp import (
    Cname,
    Compound,
    ReportBlock,
    RtcpError,
    SenderInfo,
    goodbye,
    ntp_time,
    parse,
    report,
)

BLOCK = ReportBlock(0x11223344, 64, -2, 0x10005, 7, 0xAABBCCDD, 65536)
SENDER = SenderInfo(0x83AA7E80_80000000, 1600, 10, 1600)


def test_a_sender_report_is_that_of_section_6_4_1() -> None:
    packet = report(0x01020304, SENDER, BLOCK)
    assert packet == bytes.fromhex(
        "81c8000c 01020304 83aa7e80 80000000 00000640 0000000a 00000640"
        "11223344 40fffffe 00010005 00000007 aabbccdd 00010000"
    )
    assert parse(packet) == Compound(0x01020304, SENDER, (BLOCK,), False)


def test_an_empty_receiver_report() -> None:
    assert report(5, None, None) == bytes.fromhex("80c90001 00000005")


def test_sdes_is_padded_to_words_with_at_least_one_null() -> None:
    assert Cname("ab").sdes(5) == bytes.fromhex("81ca0003 00000005 0102 6162 00000000")
    assert Cname("a").sdes(5) == bytes.fromhex("81ca0002 00000005 0101 6100")


def test_a_goodbye_in_a_compound() -> None:
    packet = report(5, None, BLOCK) + Cname("x@y").sdes(5) + goodbye(5)
    assert parse(packet) == Compound(5, None, (BLOCK,), True)


def test_ntp_time_of_the_unix_epoch() -> None:
    assert ntp_time(0.5) == 0x83AA7E80_80000000


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"\x80",
        bytes.fromhex("40c90001 00000005"),  # version 1
        bytes.fromhex("80c90002 00000005"),  # longer than the datagram
        bytes.fromhex("81c90001 00000005"),  # a block that is not there
        bytes.fromhex("80c80001 00000005"),  # a sender report with no sender info
        bytes.fromhex("a0c90001 00000005"),  # padding in the first packet
        Cname("first").sdes(5),
        report(5, None, None) + b"\x80\xca",
    ],
)
def test_what_is_no_compound_packet(packet: bytes) -> None:
    with pytest.raises(RtcpError):
        parse(packet)


@given(st.binary(max_size=120))
def test_anything_is_parsed_or_refused(packet: bytes) -> None:
    for data in (packet, report(5, None, None) + packet):
        try:
            parse(data)
        except RtcpError:
            continue
