"""Reports of a leg: when, what, and the round trip."""

import random

import pytest

from media.protocol.messages import LegStats
from media.rtp import rtcp
from media.rtp.outgoing_stream import OutgoingStream
from media.rtp.receive_stats import Reception
from media.rtp.rtcp_session import INTERVAL_S, RtcpSession

UNIX_OFFSET_S = 1_700_000_000.0
PEER = ("192.0.2.1", 4001)


def session(seed: int = 1) -> RtcpSession:
    return RtcpSession(
        77,
        rtcp.Cname("a@b"),
        100.0,
        unix_offset_s=UNIX_OFFSET_S,
        rng=random.Random(seed),
    )


def talking() -> tuple[Reception, OutgoingStream]:
    reception, stream = Reception(), OutgoingStream(77, 0, 1000)
    reception.start(5, 65530, 0, 100.0)
    for index in range(10):
        if index != 4:
            reception.receive((65530 + index) & 0xFFFF, 160 * index, 160, 100.0 + 0.02 * index)
        stream.next_frame(160, 100.0 + 0.02 * index)
    return reception, stream


def test_intervals_are_random_around_five_seconds() -> None:
    intervals = []
    for seed in range(200):
        made = session(seed)
        assert 1.0 < made.due_at - 100.0 < 3.1
        made.report(Reception(), OutgoingStream(77, 0, 0), 110.0)
        intervals.append(made.due_at - 110.0)
    assert min(intervals) < 2.2 < 6.0 < max(intervals)
    assert sum(intervals) / 200 == pytest.approx(INTERVAL_S / 1.21828, rel=0.1)


def test_a_report_says_what_was_sent_and_received() -> None:
    reception, stream = talking()
    compound = rtcp.parse(session().report(reception, stream, 100.28))
    assert compound.sender is not None
    assert compound.sender.ntp == rtcp.ntp_time(UNIX_OFFSET_S + 100.28)
    assert compound.sender.timestamp == 1000 + 9 * 160 + 800  # 100 ms after the newest
    assert (compound.sender.packets, compound.sender.octets) == (10, 1600)
    (block,) = compound.blocks
    assert (block.ssrc, block.fraction_lost, block.cumulative_lost) == (5, 25, 1)
    assert block.highest_sequence == 65536 + 3  # one cycle (A.1)
    assert (block.last_report, block.delay) == (0, 0)


def test_who_sent_nothing_since_the_report_before_the_last_is_a_receiver() -> None:
    reception, stream = talking()
    made = session()
    reports = [rtcp.parse(made.report(reception, stream, 101.0 + 5 * n)) for n in range(4)]
    assert [report.sender is not None for report in reports] == [True, True, False, False]
    stream.next_frame(160, 120.0)
    assert rtcp.parse(made.report(reception, stream, 121.0)).sender is not None


def test_of_a_stream_not_heard_since_there_is_nothing_to_report() -> None:
    reception, stream = talking()
    made = session()
    assert len(rtcp.parse(made.report(reception, stream, 101.0)).blocks) == 1
    assert rtcp.parse(made.report(reception, stream, 106.0)).blocks == ()
    reception.receive(4, 1600, 160, 107.0)
    (block,) = rtcp.parse(made.report(reception, stream, 111.0)).blocks
    assert block.fraction_lost == 0


def test_who_never_sent_anything_says_no_goodbye() -> None:
    made = session()
    silent = OutgoingStream(77, 0, 1000)
    assert made.goodbye(Reception(), silent, 101.0) == b""
    made.report(Reception(), silent, 102.0)
    assert rtcp.parse(made.goodbye(Reception(), silent, 103.0)).bye


def test_delay_since_the_peers_report() -> None:
    made = session()
    info = rtcp.SenderInfo(0x0001_2345_6789_0000, 0, 1, 160)
    assert made.receive(rtcp.report(5, info, None), PEER, 101.0)
    reception, stream = talking()
    (block,) = rtcp.parse(made.report(reception, stream, 103.5)).blocks
    assert (block.last_report, block.delay) == (0x23456789, round(2.5 * 65536))


def test_a_report_that_came_after_the_frame_was_due_has_no_delay() -> None:
    made = session()
    info = rtcp.SenderInfo(0x0001_2345_6789_0000, 0, 1, 160)
    assert made.receive(rtcp.report(5, info, None), PEER, 101.015)
    (block,) = rtcp.parse(made.report(*talking(), 101.0)).blocks
    assert (block.last_report, block.delay) == (0x23456789, 0)


def test_the_report_of_another_source_is_not_that_of_this_stream() -> None:
    made = session()
    info = rtcp.SenderInfo(0x0001_2345_6789_0000, 0, 1, 160)
    assert made.receive(rtcp.report(4, info, None), PEER, 101.0)  # whom the peer replaced
    (block,) = rtcp.parse(made.report(*talking(), 103.5)).blocks
    assert (block.ssrc, block.last_report, block.delay) == (5, 0, 0)


def test_round_trip_and_the_peers_view() -> None:
    made = session()
    reception, stream = talking()
    compound = rtcp.parse(made.report(reception, stream, 101.0))
    assert compound.sender is not None
    middle = compound.sender.ntp >> 16 & 0xFFFFFFFF
    block = rtcp.ReportBlock(77, 128, 9, 5, 16, middle, 2 * 65536)
    assert made.receive(rtcp.report(5, None, block), PEER, 103.080)
    figures = LegStats()
    made.fill(figures)
    assert figures.round_trip_ms == pytest.approx(80, abs=0.1)
    assert figures.remote_lost == 9
    assert figures.remote_lost_fraction == 0.5
    assert figures.remote_jitter_ms == 2.0
    assert made.remote == PEER


def test_reports_on_other_streams_say_nothing_of_ours() -> None:
    made = session()
    block = rtcp.ReportBlock(78, 128, 9, 5, 16, 1, 1)
    assert made.receive(rtcp.report(5, None, block), PEER, 103.0)
    figures = LegStats()
    made.fill(figures)
    assert figures.remote_lost is None
    assert figures.round_trip_ms is None


def test_garbage_changes_nothing() -> None:
    made = session()
    assert not made.receive(b"\x80\x00garbage", PEER, 101.0)
    assert made.remote == ("", 0)


def test_goodbye_ends_with_bye() -> None:
    made = session()
    assert rtcp.parse(made.goodbye(*talking(), 101.0)).bye
    assert made.receive(rtcp.report(5, None, None) + rtcp.goodbye(5), PEER, 102.0)
    assert made.bye_received
