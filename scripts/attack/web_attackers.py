"""Attackers of what speaks WebSocket: the port of browsers, and bots that are greedy."""

import asyncio
import base64
import contextlib
import itertools
import json
import os
import socket
import struct
import time
from collections.abc import Iterator

import aiohttp
from aiohttp import web

from .pace import paced
from .sip_attackers import message
from .target import BOT_AGENT, BOT_PORT, ENGINE_HOST, WEB_PORT, Target, tcp_from

_HOSTS = 20
_TEXT, _BINARY, _PING, _CONTINUATION, _END = 0x1, 0x2, 0x9, 0x0, 0x80
_HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: sip\r\nSec-WebSocket-Key: "
    + base64.b64encode(bytes(16))
    + b"\r\n\r\n"
)
_BOTS = 10
_ANSWER_S = 0.02


def frame(opcode: int, data: bytes = b"", *, announced: int | None = None) -> bytes:
    """One masked frame, or the beginning of one that announces more than it has."""
    length = len(data) if announced is None else announced
    if length < 126:
        head = struct.pack("!BB", opcode, 0x80 | length)
    elif length < 1 << 16:
        head = struct.pack("!BBH", opcode, 0x80 | 126, length)
    else:
        head = struct.pack("!BBQ", opcode, 0x80 | 127, length)
    return head + bytes(4) + data  # a mask of zeros leaves the data as it is


def web_idle(_target: Target, seconds: float) -> int:
    """WebSocket connections of many hosts that say nothing, or half of a handshake or frame."""
    begun = (b"", _HANDSHAKE[:-2], _HANDSHAKE)
    lines = []
    for number in range(900):
        with contextlib.suppress(OSError):
            line = _connected(number)
            lines.append(line)
            line.send(begun[number % len(begun)])
            if number % len(begun) == len(begun) - 1:
                _answered(line)
                line.send(frame(_END | _TEXT, b"O" * 9000, announced=60_000))
    time.sleep(seconds)
    return len(lines)


def web_handshakes(_target: Target, seconds: float) -> int:
    """Handshakes of WebSockets, one after the other, from many hosts; and such that never end."""
    endless = b"GET / HTTP/1.1\r\n" + b"X-A: " + b"a" * 8000 + b"\r\n"
    sent, kept = 0, []
    for number in paced(400, seconds):
        with contextlib.suppress(OSError):
            line = _connected(number)
            line.send(endless if number % 4 == 0 else _HANDSHAKE)
            sent += 1
            kept.append(line)
        for line in kept[:-100]:
            line.close()
        del kept[:-100]
    return sent


def web_frames(_target: Target, seconds: float) -> int:
    """Frames that announce more than comes, parts without end, pings, and text that is no SIP."""
    junk = itertools.cycle(
        (
            frame(_END | _TEXT, b"", announced=1 << 62),
            frame(_BINARY) + frame(_CONTINUATION) * 2000,
            frame(_END | _PING, b"p" * 125) * 200,
            frame(_END | _TEXT, b"x" * 60_000),
            frame(_END | _TEXT, b"\xff\xfe" * 4000),
            frame(0x3, b"no such opcode"),
        )
    )
    return _on_lines(junk, seconds)


def web_registrations(_target: Target, seconds: float) -> int:
    """Registrations of somebody unknown as an agent, with answers to challenges of another time."""

    def requests() -> Iterator[bytes]:
        for number in itertools.count():
            register = message("REGISTER", number, "127.0.0.66", "WS")
            shown = (
                'Authorization: Digest username="anna", realm="ringback", nonce="n'
                f'{number}", uri="sip:x", response="{number:032x}"\r\n'
            ).encode()
            register = register.replace(b"Content-Length", shown + b"Content-Length")
            yield frame(_END | _TEXT, register)

    return _on_lines(requests(), seconds)


def _on_lines(frames: Iterator[bytes], seconds: float) -> int:
    """Send the frames on WebSockets of many hosts, each opened again where it was closed."""
    lines: dict[int, socket.socket] = {}
    sent = 0
    for number in paced(1000, seconds):
        place = number % (2 * _HOSTS)
        try:
            if place not in lines:
                line = lines[place] = _connected(place)
                line.send(_HANDSHAKE)
                _answered(line)
            line = lines[place]
            with contextlib.suppress(BlockingIOError):
                line.recv(65536)
            line.send(next(frames))
            sent += 1
        except BlockingIOError:
            continue
        except OSError:
            lost = lines.pop(place, None)
            if lost is not None:
                lost.close()
    return sent


def _answered(line: socket.socket) -> None:
    """Wait for the answer to the handshake, or not for long."""
    line.settimeout(_ANSWER_S)
    with contextlib.suppress(TimeoutError):
        line.recv(4096)
    line.setblocking(False)


def _connected(number: int) -> socket.socket:
    line = tcp_from(f"127.8.0.{number % _HOSTS + 1}", WEB_PORT)
    line.setblocking(False)
    return line


def greedy_bots(target: Target, seconds: float) -> int:
    """Ten calls with a bot that sends sound, texts and wishes as fast as it is read."""
    return asyncio.run(_be_greedy(target, seconds))


async def _be_greedy(target: Target, seconds: float) -> int:
    sent = 0
    until = time.monotonic() + seconds

    async def serve(request: web.Request) -> web.WebSocketResponse:
        nonlocal sent
        answer = web.WebSocketResponse(compress=False)
        await answer.prepare(request)
        with contextlib.suppress(ConnectionError, aiohttp.ClientError):
            await answer.send_json({"type": "ready"})
            while time.monotonic() < until and not answer.closed:
                for said in _WISHES:
                    await answer.send_json(said)
                await answer.send_bytes(bytes(200_000))
                sent += len(_WISHES) + 1
        return answer

    application = web.Application()
    application.router.add_get("/", serve)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, ENGINE_HOST, BOT_PORT).start()
    await asyncio.to_thread(_call_bots, target)
    await asyncio.sleep(max(0.0, until - time.monotonic()))
    await runner.cleanup()
    return sent


_WISHES = [
    {"type": "mark", "name": "m"},
    {"type": "dtmf", "digits": "1234567890" * 5},
    {"type": "handover", "to": "+442079460000"},
    {"type": "handover", "agent": BOT_AGENT, "context": {str(n): "x" * 1000 for n in range(20)}},
    {"type": "clear"},
    {"type": "pause"},
    {"type": "no such type"},
]


def _call_bots(target: Target) -> None:
    line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    line.connect(target.socket)
    line.settimeout(10)
    replies = line.makefile("rb")
    for number in range(_BOTS):
        customer = f"sip:b8{number}.answer-0.bye-8000.mute@{ENGINE_HOST}:{target.phones_port}"
        params = {"id": f"bot-{os.getpid()}-{number}", "to": customer, "agent": BOT_AGENT}
        request = {"jsonrpc": "2.0", "id": 1, "method": "callback.request", "params": params}
        line.sendall(json.dumps(request).encode() + b"\n")
        replies.readline()
