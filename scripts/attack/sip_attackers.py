"""Attackers of SIP: over UDP, over TCP, and by ICMP."""

import contextlib
import os
import random
import socket
import struct
import time
from collections.abc import Callable

from .pace import UDP_PER_S, paced
from .target import ENGINE_HOST, STRANGER_HOST, TRUNK_HOST, Target, tcp_from, udp_from

DAMAGE = (
    b"%ff",
    b"%0d%0a",
    b"\xff",
    b"\0",
    b'"',
    b"<",
    b">",
    b"@",
    b";",
    b"\xed\xa0\x80",
    b"9" * 40,
)
SDP = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.2\r\ns=-\r\nc=IN IP4 127.0.0.2\r\nt=0 0\r\n"
    "m=audio 40000 RTP/AVP 0\r\n"
)


def message(method: str, number: int, host: str, transport: str = "UDP", body: str = "") -> bytes:
    """A request of a call of its own."""
    kind = "Content-Type: application/sdp\r\n" if body else ""
    return (
        f"{method} sip:+442079460000@{ENGINE_HOST} SIP/2.0\r\n"
        f"Via: SIP/2.0/{transport} {host}:5060;branch=z9hG4bK{os.getpid()}x{number};rport\r\n"
        f"Max-Forwards: 70\r\nFrom: <sip:+442079461111@{host}>;tag={number}\r\n"
        f"To: <sip:+442079460000@{ENGINE_HOST}>\r\nCall-ID: {os.getpid()}-{number}@{host}\r\n"
        f"CSeq: 1 {method}\r\nContact: <sip:x@{host}>\r\n{kind}"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def options(target: Target, seconds: float) -> int:
    """OPTIONS by UDP of somebody unknown."""
    line = udp_from(STRANGER_HOST)
    return _flood(line, target, seconds, lambda n: message("OPTIONS", n, STRANGER_HOST))


def invites(target: Target, seconds: float) -> int:
    """INVITEs by UDP of somebody unknown."""
    line = udp_from(STRANGER_HOST)
    return _flood(line, target, seconds, lambda n: message("INVITE", n, STRANGER_HOST, body=SDP))


def garbage(target: Target, seconds: float) -> int:
    """Random bytes by UDP."""
    line, rng = udp_from(STRANGER_HOST), random.Random(1)
    return _flood(line, target, seconds, lambda _n: rng.randbytes(rng.randrange(1, 1200)))


def _flood(
    line: socket.socket, target: Target, seconds: float, make: Callable[[int], bytes]
) -> int:
    sent = 0
    for number in paced(UDP_PER_S, seconds):
        with contextlib.suppress(OSError):
            line.sendto(make(number), (ENGINE_HOST, target.sip_port))
            sent += 1
    return sent


def unprintable(target: Target, seconds: float) -> int:
    """Calls of a trunk whose names, numbers and descriptions are damaged, and that end at once."""
    line, rng = udp_from(TRUNK_HOST), random.Random(1)
    sent = 0
    for number in paced(20, seconds):
        invite = bytearray(message("INVITE", number, TRUNK_HOST, body=SDP))
        for _ in range(rng.choice((1, 2, 5))):
            at = rng.randrange(len(invite))
            invite[at : at + rng.randrange(3)] = rng.choice(DAMAGE)
        line.sendto(bytes(invite), (ENGINE_HOST, target.sip_port))
        sent += 1
    return sent


def forged_invites(target: Target, seconds: float) -> int:
    """A hundred INVITEs a second from a trunk's address, that nobody acknowledges."""
    line = udp_from(TRUNK_HOST)
    sent = 0
    for number in paced(100, seconds):
        invite = message("INVITE", number, TRUNK_HOST, body=SDP)
        line.sendto(invite, (ENGINE_HOST, target.sip_port))
        sent += 1
    return sent


def tcp_pipelined(target: Target, seconds: float) -> int:
    """Twenty TCP connections that send OPTIONS as fast as the engine reads them."""
    lines = [tcp_from(STRANGER_HOST, target.sip_port) for _ in range(20)]
    for line in lines:
        line.setblocking(False)
    data = b"".join(message("OPTIONS", n, STRANGER_HOST, "TCP") for n in range(200))
    sent, until = 0, time.monotonic() + seconds
    while time.monotonic() < until:
        for index, line in enumerate(lines):
            try:
                sent += line.send(data)
                line.recv(65536)
            except BlockingIOError:
                continue
            except OSError:
                with contextlib.suppress(OSError):
                    lines[index] = tcp_from(STRANGER_HOST, target.sip_port)
                    lines[index].setblocking(False)
        time.sleep(0.001)
    return sent


def tcp_idle(target: Target, seconds: float) -> int:
    """Two thousand TCP connections that say nothing."""
    lines = []
    for _ in range(2000):
        with contextlib.suppress(OSError):
            lines.append(tcp_from(STRANGER_HOST, target.sip_port))
    time.sleep(seconds)
    return len(lines)


def tcp_halves(target: Target, seconds: float) -> int:
    """TCP connections that begin long messages and never end them."""
    lines = []
    half = message("OPTIONS", 1, STRANGER_HOST, "TCP")[:-4] + b"X: " + b"a" * 60_000
    sent = 0
    for _ in range(500):
        with contextlib.suppress(OSError):
            line = tcp_from(STRANGER_HOST, target.sip_port)
            line.setblocking(False)
            lines.append(line)
            sent += line.send(half)
    time.sleep(seconds)
    return sent


def tcp_slow(target: Target, seconds: float) -> int:
    """TCP connections that announce huge bodies and send them a few bytes at a time."""
    begun = message("OPTIONS", 1, STRANGER_HOST, "TCP")[:-5]
    lines: list[socket.socket] = []
    sent, until = 0, time.monotonic() + seconds
    while time.monotonic() < until:
        if len(lines) < 400:
            with contextlib.suppress(OSError):
                line = tcp_from(STRANGER_HOST, target.sip_port)
                line.setblocking(False)
                length = (b"60000", b"4294967296", b"-1", b"1e9")[len(lines) % 4]
                sent += line.send(begun + length + b"\r\n\r\n")
                lines.append(line)
        for line in random.sample(lines, min(20, len(lines))):
            try:
                sent += line.send(b"a" * 10)
            except BlockingIOError:
                continue
            except OSError:
                lines.remove(line)
        time.sleep(0.002)
    return sent


def icmp(target: Target, seconds: float) -> int:
    """ICMP errors that claim that the phones' port is closed."""
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    raw.bind((ENGINE_HOST, 0))
    host = socket.inet_aton(ENGINE_HOST)
    udp = struct.pack("!HHHH", target.sip_port, target.phones_port, 500, 0) + bytes(8)
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 520, 1, 0, 64, 17, 0, host, host)
    body = struct.pack("!BBHI", 3, 3, 0, 0) + ip + udp
    total = sum(struct.unpack(f"!{len(body) // 2}H", body))
    total = (total >> 16) + (total & 0xFFFF)
    check = ~(total + (total >> 16)) & 0xFFFF
    packet = body[:2] + struct.pack("!H", check) + body[4:]
    sent = 0
    for _ in paced(500, seconds):
        raw.sendto(packet, (ENGINE_HOST, 0))
        sent += 1
    return sent


def closed_ports(target: Target, seconds: float) -> int:
    """OPTIONS of many addresses whose ports are closed: our own answers cause ICMP errors."""
    sent = 0
    lines = []
    for number in range(200):
        line = udp_from(f"127.7.0.{number + 1}")
        lines.append((line, f"127.7.0.{number + 1}", line.getsockname()[1]))
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    for line, _, _ in lines:
        line.close()
    for number in paced(UDP_PER_S, seconds):
        _, host, port = lines[number % len(lines)]
        body = message("OPTIONS", number, host)
        udp = struct.pack("!HHHH", port, target.sip_port, 8 + len(body), 0) + body
        hosts = socket.inet_aton(host) + socket.inet_aton(ENGINE_HOST)
        ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0) + hosts
        with contextlib.suppress(OSError):
            raw.sendto(ip + udp, (ENGINE_HOST, 0))
            sent += 1
    return sent
