"""RTP headers: bounds of the payload, and what is no RTP."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.rtp.rtp import HEADER, build, payload_bounds


def test_build_is_the_fixed_header_of_rfc_3550() -> None:
    packet = build(8, 0x1_0002, 0x1_0000_0003, 0xDEADBEEF, b"abc", marker=True)
    assert packet == bytes.fromhex("808800020000000 3deadbeef".replace(" ", "")) + b"abc"
    assert payload_bounds(packet, len(packet)) == (12, 15)


def test_csrcs_extension_and_padding_are_not_payload() -> None:
    header = struct.pack("!BBHII", 0x80 | 0x20 | 0x10 | 2, 0, 1, 2, 3)
    packet = header + bytes(8) + struct.pack("!HH", 0xBEDE, 1) + bytes(4) + b"sound" + b"\0\0\3"
    assert payload_bounds(packet, len(packet)) == (28, 33)


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        bytes([0x80] + [0] * 10),  # too short
        bytes(12),  # version 0
        bytes([0x40] + [0] * 11),  # version 1
        bytes([0xC0] + [0] * 11),  # version 3
        bytes([0x81] + [0] * 11),  # a CSRC that is not there
        bytes([0x90] + [0] * 11),  # an extension that is not there
        bytes([0x90] + [0] * 13 + [0, 9]),  # an extension longer than the packet
        bytes([0xA0] + [0] * 11 + [0]),  # padding of no bytes
        bytes([0xA0] + [0] * 11 + [9]),  # padding longer than the payload
    ],
)
def test_what_is_no_rtp(packet: bytes) -> None:
    assert payload_bounds(packet, len(packet)) is None


@given(st.binary(max_size=80))
def test_bounds_lie_within_the_packet_or_are_none(packet: bytes) -> None:
    bounds = payload_bounds(packet, len(packet))
    if bounds is not None:
        start, end = bounds
        assert 12 <= start <= end <= len(packet)


@given(
    st.integers(0, 127),
    st.integers(0, 2**17),
    st.integers(0, 2**33),
    st.integers(0, 2**32 - 1),
    st.binary(max_size=40),
)
def test_build_and_unpack_agree(
    payload_type: int, sequence: int, timestamp: int, ssrc: int, payload: bytes
) -> None:
    packet = build(payload_type, sequence, timestamp, ssrc, payload)
    assert HEADER.unpack_from(packet) == (
        0x8000 | payload_type,
        sequence % 2**16,
        timestamp % 2**32,
        ssrc,
    )
    assert payload_bounds(packet, len(packet)) == (12, len(packet))
