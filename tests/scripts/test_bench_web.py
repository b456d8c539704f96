"""Pages of the web bench: what they send, what is refused, and when the agent's phone has rung."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from scripts.bench.web_client import FOREIGN, attack, hostile, post
from scripts.bench.web_part import AgentPhone, Visitors

Answer = Callable[[str], tuple[int, bytes]]
INVITE = (
    "INVITE sip:agent@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK1\r\n"
    "From: <sip:a@b>;tag=1\r\nTo: <sip:agent@127.0.0.1>\r\nCall-ID: c1\r\nCSeq: 1 INVITE\r\n"
    "X-Job: web-1\r\nContent-Length: 0\r\n\r\n"
)


@asynccontextmanager
async def served(answer: Answer) -> AsyncIterator[int]:
    """A server that answers each request by its first line."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            text = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = int(text.lower().split("content-length: ")[1].split("\r\n")[0])
            await reader.readexactly(length)
            status, body = answer(text)
            writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n\r\n".encode())
            writer.write(body)

    async def until_gone(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except asyncio.IncompleteReadError:
            writer.close()

    server = await asyncio.start_server(until_gone, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def test_visitors_ask_for_numbers_of_their_own() -> None:
    count = 0

    def accept(_head: str) -> tuple[int, bytes]:
        nonlocal count
        count += 1
        return 202, json.dumps({"id": f"web-{count}"}).encode()

    async with served(accept) as port:
        visitors = Visitors(port)
        assert await visitors.as_fast_as_answered(10) > 0
        assert (await visitors.timed_now())[0] == "web-11"


async def test_what_is_accepted_of_an_attack_is_counted() -> None:
    def gateway(head: str) -> tuple[int, bytes]:
        return (403 if FOREIGN in head else 400), b"{}"

    async with served(gateway) as port:
        assert await attack(port, 100) == 0
    async with served(lambda _head: (202, b"{}")) as port:
        assert await attack(port, 10) == 10


def test_requests_of_pages() -> None:
    request = post("/v1/x", {"a": 1}, "https://shop.example")
    assert request.startswith(b"POST /v1/x HTTP/1.1\r\n")
    assert request.endswith(b'Content-Length: 8\r\n\r\n{"a": 1}')
    assert len({hostile(number).split(b"\r\n", 1)[0] for number in range(5)}) == 3


class Wire:
    """Takes the place of a socket."""

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, Any]] = []

    def sendto(self, data: bytes, to: Any) -> None:
        self.sent.append((data, to))


def test_the_phone_notes_when_it_rang_and_is_busy() -> None:
    phone, wire = AgentPhone(), Wire()
    phone.connection_made(wire)  # type: ignore[arg-type]
    phone.datagram_received(b"ACK sip:agent@127.0.0.1 SIP/2.0\r\n\r\n", ("127.0.0.1", 5060))
    for _ in range(2):  # it may come again
        phone.datagram_received(INVITE.encode(), ("127.0.0.1", 5060))
    assert list(phone.rung) == ["web-1"]
    reply, to = wire.sent[0]
    assert reply.startswith(b"SIP/2.0 486 Busy Here\r\nVia: ") and to == ("127.0.0.1", 5060)
    assert b"To: <sip:agent@127.0.0.1>;tag=busy\r\n" in reply
