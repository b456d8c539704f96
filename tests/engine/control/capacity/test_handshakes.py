"""When a TLS handshake may begin: after the whole first message, in turn, a little apart."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from engine.control.capacity.handshakes import EVERY_S, Handshakes

LIMIT_S = 40.0
HELLO = bytes.fromhex("1603010010") + b"x" * 16


@contextmanager
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Both ends of a TCP connection; the first does not block."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        client = socket.create_connection(listening.getsockname())
        ours, _ = listening.accept()
    ours.setblocking(False)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with ours, client:
        yield ours, client


async def test_it_begins_with_the_last_byte_of_the_first_record_and_leaves_it_unread() -> None:
    with pair() as (ours, client):
        turn = asyncio.ensure_future(Handshakes().turn("host", ours))
        for part in (HELLO[:1], HELLO[1:5], HELLO[5:-1]):
            client.sendall(part)
            await asyncio.sleep(0.01)
            assert not turn.done()
        client.sendall(HELLO[-1:])
        async with asyncio.timeout(LIMIT_S):
            await turn
        assert ours.recv(100) == HELLO
        assert ours.getsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT) == 1


@pytest.mark.parametrize("said", [b"GET / HTTP/1.1\r\n", b"\x16\x03\x01\xff\xff"])
async def test_what_is_no_tls_is_left_to_the_handshake_to_refuse(said: bytes) -> None:
    with pair() as (ours, client):
        client.sendall(said)
        async with asyncio.timeout(LIMIT_S):
            await Handshakes().turn("host", ours)


async def test_a_client_that_goes_before_it_has_said_anything() -> None:
    with pair() as (ours, client):
        client.close()
        async with asyncio.timeout(LIMIT_S):
            with pytest.raises(ConnectionResetError):
                await Handshakes().turn("host", ours)


async def test_a_client_that_goes_after_half_of_it_is_left_to_the_handshake() -> None:
    with pair() as (ours, client):
        client.sendall(HELLO[:8])
        client.shutdown(socket.SHUT_WR)
        async with asyncio.timeout(LIMIT_S):
            await Handshakes().turn("host", ours)


async def test_they_begin_one_after_the_other_and_the_hosts_in_turn() -> None:
    handshakes, loop = Handshakes(), asyncio.get_running_loop()
    begun: list[tuple[str, float]] = []

    async def begin(host: str, ours: socket.socket) -> None:
        with ours:
            await handshakes.turn(host, ours)
        begun.append((host, loop.time()))

    with pair() as (ours, client):
        client.sendall(HELLO)
        asked = loop.time()
        tasks = [asyncio.ensure_future(begin("flood", ours.dup())) for _ in range(5)]
        tasks[-1].cancel()  # it has given up
        await asyncio.sleep(0)
        tasks.append(asyncio.ensure_future(begin("other", ours.dup())))
        async with asyncio.timeout(LIMIT_S):
            await asyncio.gather(*tasks, return_exceptions=True)
    hosts = [host for host, _ in begun]
    assert sorted(hosts) == ["flood"] * 4 + ["other"]
    assert hosts.index("other") <= 2
    # Each is told late on a busy machine, but none too early.
    assert all(at - asked >= number * EVERY_S * 0.9 for number, (_, at) in enumerate(begun))
