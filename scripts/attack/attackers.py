"""The attackers, each a process of its own: `python -m scripts.attack.attackers NAME SECONDS JSON`.

Each runs for a number of seconds and prints how much it has sent.
"""

import contextlib
import json
import os
import random
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator

from .target import (
    ENGINE_HOST,
    FIRST_RTP_PORT,
    LAST_RTP_PORT,
    METRICS_PORT,
    STRANGER_HOST,
    TRUNK_HOST,
    Target,
    tcp_from,
    udp_from,
)

Attacker = Callable[[Target, float], int]

UDP_PER_S = 4000
# Texts that have killed a speech library: a name that somebody types into a form.
TEXTS = ("\U0001f6bc\u0693", "\u1d57\u0fb2 \U0001f469\u200d\U0001f467", "a\u0301" * 300, "[[" * 200)
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


def paced(per_s: float, seconds: float) -> Iterator[int]:
    """Numbers at a given rate, until the time is over."""
    begin = time.monotonic()
    number = 0
    while (passed := time.monotonic() - begin) < seconds:
        while number < passed * per_s:
            yield number
            number += 1
        time.sleep(0.002)


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


def control_idle(target: Target, seconds: float) -> int:
    """Three hundred local connections to the control socket that ask for nothing."""
    lines = []
    for _ in range(300):
        line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with contextlib.suppress(OSError):
            line.connect(target.socket)
            lines.append(line)
    time.sleep(seconds)
    return len(lines)


def control_costly(target: Target, seconds: float) -> int:
    """Twenty clients that ask costly questions without waiting for the answers."""
    ask = b'{"jsonrpc":"2.0","id":1,"method":"route.explain","params":{"to":"+442079460000"}}\n'
    lines = []
    for _ in range(20):
        line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        line.connect(target.socket)
        line.setblocking(False)
        lines.append(line)
    sent, until = 0, time.monotonic() + seconds
    while time.monotonic() < until:
        for line in lines:
            with contextlib.suppress(BlockingIOError):
                sent += line.send(ask * 50) // len(ask)
            with contextlib.suppress(BlockingIOError):
                line.recv(1 << 20)
        time.sleep(0.002)
    return sent


def metrics_idle(_target: Target, seconds: float) -> int:
    """A hundred connections to the metrics that ask for nothing."""
    lines = []
    for _ in range(100):
        with contextlib.suppress(OSError):
            lines.append(tcp_from(STRANGER_HOST, METRICS_PORT))
    time.sleep(seconds)
    return len(lines)


def speech(target: Target, seconds: float) -> int:
    """Requests whose texts kill the library that speaks."""
    line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    line.connect(target.socket)
    line.settimeout(10)
    replies = line.makefile("rb")
    sent = 0
    for number in paced(5, seconds):
        phone = f"{ENGINE_HOST}:{target.phones_port}"
        request = {
            "jsonrpc": "2.0", "id": number, "method": "callback.request",
            "params": {
                "id": f"speech-{number}", "to": f"sip:b9{number}.answer-0.bye-50@{phone}",
                "agent": f"sip:a9{number}.answer-0@{phone}",
                "whisper": {"text": TEXTS[number % len(TEXTS)]},
            },
        }  # fmt: skip
        line.sendall(json.dumps(request).encode() + b"\n")
        replies.readline()
        sent += 1
    return sent


ATTACKERS: dict[str, Attacker] = {
    function.__name__: function
    for function in (
        options, invites, garbage, forged_invites, tcp_pipelined, tcp_idle, tcp_halves, icmp, rtp,
        control_idle, control_costly, metrics_idle, speech,
    )
}  # fmt: skip


def main() -> int:
    """Attack, and print how much was sent."""
    name, seconds, target = sys.argv[1:]
    print(ATTACKERS[name](Target(**json.loads(target)), float(seconds)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
