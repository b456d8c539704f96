"""Extended reports, byte by byte."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.rtp import rtcp, rtcp_xr
from media.rtp.rtcp_xr import VoipMetrics

METRICS = VoipMetrics(0x11223344, 0.25, 0.5, 0.75, 0.125, 40, 5000, 120, 60, 82, 4.1, 3.9)
PACKET = bytes.fromhex(
    "80cf000a 01020304 07000008 11223344 4080c020 00281388 0078003c 7f7f7f10 527f2927 00000000"
    "00000000"
)


def test_the_block_is_that_of_section_4_7() -> None:
    assert rtcp_xr.build(0x01020304, METRICS) == PACKET
    assert rtcp_xr.parse(PACKET) == (METRICS,)


def test_what_is_not_known() -> None:
    unknown = VoipMetrics(5, 2.0)
    (read,) = rtcp_xr.parse(rtcp_xr.build(1, unknown))
    assert (read.r_factor, read.mos_lq, read.mos_cq) == (None, None, None)
    assert read.loss == pytest.approx(1.0, abs=0.01)


def test_it_is_found_in_a_compound_packet_among_others() -> None:
    other_block = bytes.fromhex("04000002 0000000000000000")
    both = bytearray(PACKET[:8] + other_block + PACKET[8:])
    both[2:4] = ((len(both) // 4) - 1).to_bytes(2, "big")
    data = rtcp.report(7, None, None) + bytes(both)
    (extended,) = rtcp.parse(data).extended
    assert rtcp_xr.parse(extended) == (METRICS,)


def test_a_block_that_is_cut_off_is_left_out() -> None:
    assert rtcp_xr.parse(PACKET[:20]) == ()
    assert rtcp_xr.parse(b"") == ()


@given(st.binary(max_size=80))
def test_garbage_is_read_without_a_fault(data: bytes) -> None:
    rtcp_xr.parse(PACKET[:8] + data)
