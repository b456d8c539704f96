"""Attackers of the control socket, the metrics, and what requests name."""

import contextlib
import json
import os
import socket
import time
from collections.abc import Callable

from .pace import paced
from .sip_attackers import invites
from .target import CONTROL_PORT, ENGINE_HOST, METRICS_PORT, STRANGER_HOST, Target, tcp_from

# Texts that have killed a speech library: a name that somebody types into a form.
TEXTS = ("\U0001f6bc\u0693", "\u1d57\u0fb2 \U0001f469\u200d\U0001f467", "a\u0301" * 300, "[[" * 200)
FILES = (
    "damaged.wav",
    "fifo.wav",
    "/dev/zero",
    "../ringback.toml",
    "/proc/self/environ",
    "good.wav",
)


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


def control_halves(target: Target, seconds: float) -> int:
    """Local connections that send bursts of a line and never end it."""
    sent, until = 0, time.monotonic() + seconds
    while time.monotonic() < until:
        lines = []
        for _ in range(100):
            line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            line.settimeout(0.2)
            with contextlib.suppress(OSError):
                line.connect(target.socket)
                line.sendall(b'{"jsonrpc": "2.0", "id": 1, "method": "' + b"a" * 900_000)
                sent += 900_000
            lines.append(line)
        time.sleep(0.5)
        for line in lines:
            line.close()
    return sent


def control_tls(target: Target, seconds: float) -> int:
    """Three hundred TCP connections to the control socket that do not finish their handshake."""
    lines, hello = [], bytes.fromhex("1603010200010001fc0303")
    for number in range(300):
        with contextlib.suppress(OSError):
            line = tcp_from(STRANGER_HOST, CONTROL_PORT)
            lines.append(line)
            if number % 2:
                line.sendall(hello)
    time.sleep(seconds)
    return len(lines)


def control_costly(target: Target, seconds: float) -> int:
    """Twenty clients that ask costly questions without waiting for the answers."""
    ask = b'{"jsonrpc":"2.0","id":1,"method":"route.explain","params":{"to":"+442079460000"}}\n'
    return _ask_without_end(target, seconds, ask)


def control_followers(target: Target, seconds: float) -> int:
    """Twenty clients that follow the SIP of one number, each as often as it may."""
    ask = b'{"jsonrpc":"2.0","id":1,"method":"trace.follow","params":{"number":"+442079460000"}}\n'
    return _ask_without_end(target, seconds, ask)


def control_deaf(target: Target, seconds: float) -> int:
    """Twenty clients that wait for the SIP of a number, and read no answer; then much of that."""
    ask = b'{"jsonrpc":"2.0","id":1,"method":"trace.follow","params":{"number":"+442079460000"}}\n'
    lines = []
    for _ in range(20):
        line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        line.connect(target.socket)
        line.sendall(ask * 32)
        lines.append(line)
    return invites(target, seconds)


def _ask_without_end(target: Target, seconds: float, ask: bytes) -> int:
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


def metrics_halves(_target: Target, seconds: float) -> int:
    """Requests for the metrics whose head grows and never ends."""
    lines: list[socket.socket] = []
    sent, until = 0, time.monotonic() + seconds
    while time.monotonic() < until:
        if len(lines) < 200:
            with contextlib.suppress(OSError):
                line = tcp_from(STRANGER_HOST, METRICS_PORT)
                line.setblocking(False)
                line.send(b"GET /metrics HTTP/1.1\r\nHost: x\r\n")
                lines.append(line)
        for line in list(lines):
            try:
                sent += line.send(b"X-A: " + b"a" * 1000 + b"\r\n")
            except BlockingIOError:
                continue
            except OSError:
                lines.remove(line)
        time.sleep(0.01)
    return sent


def sound(target: Target, seconds: float) -> int:
    """Requests that name damaged sound files, devices, FIFOs and files that are elsewhere."""
    return _requests(target, seconds, lambda number: {"file": FILES[number % len(FILES)]})


def speech(target: Target, seconds: float) -> int:
    """Requests whose texts kill the library that speaks."""
    return _requests(target, seconds, lambda number: {"text": TEXTS[number % len(TEXTS)]})


def _requests(target: Target, seconds: float, whisper: Callable[[int], dict[str, str]]) -> int:
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
                "id": f"attack-{os.getpid()}-{number}",
                "to": f"sip:b9{number}.answer-0.bye-50.mute@{phone}",
                "agent": f"sip:a9{number}.answer-0.mute@{phone}",
                "whisper": whisper(number),
            },
        }  # fmt: skip
        line.sendall(json.dumps(request).encode() + b"\n")
        replies.readline()
        sent += 1
    return sent
