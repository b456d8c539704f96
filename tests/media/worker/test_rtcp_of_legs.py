"""RTCP of legs: on a port of its own, and on the port of RTP."""

import socket

import numpy as np
import pytest

from media.codec import opus
from media.codec.opus import OpusDecoder
from media.protocol import messages as m
from media.rtp import rtcp
from media.worker.switch import ROUNDS_PER_VISIT
from tests.support.media.codec_phones import CodecPhone, talk
from tests.support.media.switch import HOST, SwitchBench, converse
from tests.support.phones.wire.frames import FramePhone
from tests.support.voices import voice


def test_reports_go_out_and_reports_of_unknown_sources_are_dropped(
    bridged: tuple[SwitchBench, FramePhone, FramePhone],
) -> None:
    desk, a, b = bridged
    converse(desk, a, b, 10)
    leg = desk.switch._legs["a"]
    assert leg.rtcp is not None
    leg.rtcp.due_at = leg.look_at = desk.now
    for _ in range(ROUNDS_PER_VISIT):
        desk.switch.tick(desk.now)
    (packet,) = a.receive_rtcp()
    compound = rtcp.parse(packet)
    assert compound.sender is not None
    assert compound.sender.packets == 10
    assert compound.blocks[0].ssrc == a.ssrc
    address = (HOST, desk.addresses["a"][1] + 1)
    block = rtcp.ReportBlock(a.heard[0].ssrc if a.listen() else 0, 0, 3, 9, 8, 0, 0)
    a.rtcp_socket.sendto(rtcp.report(a.ssrc, None, block), address)
    desk.drain()
    assert desk.stats("a").remote_lost == 3
    other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    other.bind(("127.0.0.2", 0))
    other.sendto(rtcp.report(a.ssrc, None, block), address)
    a.rtcp_socket.sendto(b"garbage", address)
    desk.drain()
    assert (desk.stats("a").dropped_stranger, desk.stats("a").dropped_garbage) == (1, 1)
    other.close()
    desk.switch.execute(m.Close(1, "a"))
    assert rtcp.parse(a.receive_rtcp()[-1]).bye


def multiplexed(desk: SwitchBench, leg: str, phone: FramePhone) -> None:
    """Agree that RTCP shares the port of RTP."""
    described = phone.describe(leg)
    described.rtcp_port, described.rtcp_mux = described.port, True
    desk.switch.execute(described)


def test_rtcp_shares_the_port_of_rtp(bridged: tuple[SwitchBench, FramePhone, FramePhone]) -> None:
    desk, a, b = bridged
    multiplexed(desk, "a", a)
    converse(desk, a, b, 10)
    b.listen(), a.listen()
    leg = desk.switch._legs["a"]
    assert leg.rtcp is not None
    leg.rtcp.due_at = leg.look_at = desk.now
    for _ in range(ROUNDS_PER_VISIT):
        desk.switch.tick(desk.now)
    packet, source = a.rtp_socket.recvfrom(2048)
    assert rtcp.is_rtcp(packet, len(packet)) and source == desk.addresses["a"]
    assert a.receive_rtcp() == []
    ours = rtcp.parse(packet)
    block = rtcp.ReportBlock(ours.ssrc, 0, 3, 9, 8, 0, 0)
    a.rtp_socket.sendto(rtcp.report(a.ssrc, None, block), desk.addresses["a"])
    desk.drain()
    a.talk(desk.addresses["a"], 3)
    desk.drain()
    stats = desk.stats("a")
    assert (stats.remote_lost, stats.dropped_garbage, stats.lost) == (3, 0, 0)
    assert len(b.listen()) == 3
    desk.switch.execute(m.Close(1, "a"))
    assert rtcp.parse(a.rtp_socket.recv(2048)).bye


def test_rtcp_of_another_host_on_the_port_of_rtp_is_dropped(
    bridged: tuple[SwitchBench, FramePhone, FramePhone],
) -> None:
    desk, a, _b = bridged
    multiplexed(desk, "a", a)
    before = desk.stats("a").dropped_stranger
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.2", 0))
        other.sendto(rtcp.report(a.ssrc, None, None), desk.addresses["a"])
        desk.drain()
    assert desk.stats("a").dropped_stranger == before + 1


def test_rtcp_on_the_port_of_rtp_is_garbage_where_it_was_not_agreed(
    bridged: tuple[SwitchBench, FramePhone, FramePhone],
) -> None:
    desk, a, _b = bridged
    a.rtp_socket.sendto(rtcp.report(a.ssrc, None, None), desk.addresses["a"])
    desk.drain()
    assert desk.stats("a").dropped_garbage == 1


def test_a_leg_that_never_sent_closes_without_a_word(desk: SwitchBench) -> None:
    a = desk.phone("a", 0x11)
    desk.switch.execute(m.Close(1, "a"))
    assert a.receive_rtcp() == []


def copies(phone: CodecPhone) -> bool:
    """Whether any of the packets that a phone of Opus has heard tells of the one before it."""
    heard = [packet.payload for packet in phone.heard if packet.payload_type == 111]
    for at in range(10, len(heard) - 1, 5):
        decoders = [OpusDecoder(16000) for _ in range(2)]
        for decoder in decoders:
            for payload in heard[at - 8 : at]:
                decoder.decode(payload)
        if (decoders[0].recover(heard[at + 1], 320) != decoders[1].conceal(320)).any():
            return True
    return False


@pytest.mark.skipif(bool(opus.missing()), reason=f"Opus cannot be tested here: {opus.missing()}")
def test_opus_carries_copies_while_its_peer_reports_that_it_loses_packets() -> None:
    desk = SwitchBench()
    a = CodecPhone(desk, "a", "PCMU", voice(1.0))
    b = CodecPhone(desk, "b", "opus", np.zeros(16000, np.int16))

    def report(lost_share: float) -> bool:
        """The phone of Opus reports; whether there are copies in what it hears next."""
        block = rtcp.ReportBlock(b.heard[-1].ssrc, round(lost_share * 256), 9, 9, 8, 0, 0)
        address = (HOST, desk.addresses["b"][1] + 1)
        b.rtcp_socket.sendto(rtcp.report(b.ssrc, None, block), address)
        desk.drain()
        b.heard.clear()
        talk(desk, [a, b], 40)
        return copies(b)

    try:
        desk.switch.execute(m.Bridge("a", "b"))
        talk(desk, [a, b], 40)
        assert not copies(b)
        assert report(0.05)
        assert report(0.0), "it is not forgotten at once"
        assert not [report(0.0) for _ in range(8)][-1]
    finally:
        desk.close()
