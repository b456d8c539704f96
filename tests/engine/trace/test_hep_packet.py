"""Packets of HEP v3, taken apart again."""

import pytest

from engine.trace.hep_packet import MOST_PAYLOAD_BYTES, TCP, HepEncoder
from tests.support.hep import HepPacket

SOURCE, TARGET = ("192.0.2.1", 5060), ("192.0.2.10", 35061)


def test_a_packet_has_a_chunk_for_all_that_it_says() -> None:
    data = HepEncoder(2001, "hidden").packet(
        "sip", b"INVITE", at=1_795_317_630.25, source=SOURCE, target=TARGET, protocol=TCP,
        correlation_id=b"abc",
    )  # fmt: skip
    packet = HepPacket.parse(data)
    assert (packet.source, packet.target) == (SOURCE, TARGET)
    assert packet.at == 1_795_317_630.25 and packet.kind == 1
    assert (packet.number(1), packet.number(2)) == (2, 6)  # AF_INET, TCP
    assert packet.number(12) == 2001 and packet.chunks[14] == b"hidden"
    assert packet.payload == b"INVITE" and packet.correlation_id == "abc"
    # The collector reads numbers of these sizes.
    assert [len(packet.chunks[kind]) for kind in (1, 2, 3, 7, 9, 10, 11, 12)] == [
        1, 1, 4, 2, 4, 4, 1, 4,
    ]  # fmt: skip


def test_what_is_not_known_is_left_out() -> None:
    packet = HepPacket.parse(
        HepEncoder(1).packet("log", b"{}", at=1.0, source=SOURCE, target=TARGET)
    )
    assert 14 not in packet.chunks and 17 not in packet.chunks
    assert packet.kind == 100 and packet.number(2) == 17


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("2001:db8::1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("192.0.2.1", "::ffff:192.0.2.1"),
    ],
)
def test_ipv6_has_chunks_of_its_own(host: str, shown: str) -> None:
    data = HepEncoder(1).packet("rtcp", b"{}", at=1.0, source=(host, 1), target=("2001:db8::2", 2))
    packet = HepPacket.parse(data)
    assert packet.source == (shown, 1) and packet.target == ("2001:db8::2", 2)
    assert packet.kind == 5 and 3 not in packet.chunks


def test_a_time_that_rounds_up_is_a_whole_second() -> None:
    data = HepEncoder(1).packet("sip", b"", at=7.9999999, source=SOURCE, target=TARGET)
    assert (HepPacket.parse(data).number(9), HepPacket.parse(data).number(10)) == (8, 0)


def test_a_payload_that_does_not_fit_is_cut_off() -> None:
    data = HepEncoder(1).packet("sip", b"x" * 70_000, at=1.0, source=SOURCE, target=TARGET)
    assert len(HepPacket.parse(data).payload) == MOST_PAYLOAD_BYTES
    assert len(data) <= 65_507
