"""Connections that are kept open by pings, and given up without pongs (RFC 5626 section 4.4.1)."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from sip.events import RegistrationChanged
from sip.message.message import Request, response_to
from sip.message.parser import parse
from sip.registration.registration import Account
from sip.transport.keep_alive import KeepAlive
from sip.transport.tcp_places import TcpLimits
from tests.support.sip.endpoint import ObservedEndpoint, running
from tests.support.waiting import until

LIMITS = TcpLimits(keepalive_s=0.1, pong_s=0.1)


class TcpRegistrar:
    """Answers REGISTER, and the first `pongs` pings."""

    def __init__(self, pongs: int) -> None:
        self.pongs = pongs
        self.pings = 0
        self.registers = 0
        self.connections = 0
        self.port = 0
        self._writers: list[asyncio.StreamWriter] = []

    def close_connections(self) -> None:
        """Close what peers have opened; they may connect again."""
        while self._writers:
            self._writers.pop().close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        received = b""
        while data := await reader.read(4096):
            received += data
            while received.startswith(b"\r\n\r\n"):
                received = received[4:]
                self.pings += 1
                if self.pings <= self.pongs:
                    writer.write(b"\r\n")
            if received.endswith(b"\r\n\r\n"):
                request = parse(received)
                received = b""
                assert isinstance(request, Request)
                self.registers += 1
                contact = f"{request.get('Contact')};expires=3600"
                writer.write(response_to(request, 200, headers=[("Contact", contact)]).encode())
        writer.close()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        async with server:
            yield


@asynccontextmanager
async def registered(registrar: TcpRegistrar, limits: TcpLimits) -> AsyncIterator[ObservedEndpoint]:
    phone = ObservedEndpoint("tcp:127.0.0.1:0", tcp_limits=limits)
    async with registrar.listening(), running(phone):
        phone.endpoint.register(
            Account("sip:a@127.0.0.1", f"sip:127.0.0.1:{registrar.port};transport=tcp")
        )
        await phone.until(RegistrationChanged)
        yield phone


async def test_connection_is_kept_open_by_pings() -> None:
    registrar = TcpRegistrar(pongs=1_000)
    async with registered(registrar, TcpLimits(keepalive_s=0.1, pong_s=1.5, idle_s=2.0)):
        await until(lambda: registrar.pings >= 5)
        assert (registrar.connections, registrar.registers) == (1, 1)


async def test_peer_that_answers_no_more_is_given_up_and_registered_at_anew() -> None:
    registrar = TcpRegistrar(pongs=2)
    async with registered(registrar, LIMITS):
        await until(lambda: registrar.registers == 2)
        assert registrar.connections == 2
        assert registrar.pings >= 3


async def test_peer_that_never_answered_is_left_alone() -> None:
    registrar = TcpRegistrar(pongs=0)
    async with registered(registrar, LIMITS):
        await until(lambda: registrar.pings >= 4)
        assert (registrar.connections, registrar.registers) == (1, 1)


@pytest.mark.parametrize("keepalive_s", [0.0])
async def test_no_pings_are_sent_where_none_are_wanted(keepalive_s: float) -> None:
    registrar = TcpRegistrar(pongs=0)
    limits = TcpLimits(keepalive_s=keepalive_s, pong_s=0.03)
    async with registered(registrar, limits) as phone:
        await asyncio.sleep(0.1)
        assert registrar.pings == 0
        assert phone.endpoint.tcp.connection_count == 1


async def test_a_connection_that_the_registrar_closes_is_registered_over_at_once() -> None:
    registrar = TcpRegistrar(pongs=0)
    async with registered(registrar, TcpLimits()):
        await until(lambda: registrar.registers == 1)
        registrar.close_connections()
        await until(lambda: registrar.registers == 2)
        assert registrar.connections == 2


def due_at(keep_alive: KeepAlive, *times: float, answers: bool = True) -> list[str | None]:
    return [keep_alive.due(now, answers=answers) for now in times]


def test_pings_come_after_eighty_to_a_hundred_percent_of_the_time() -> None:
    for seed in range(20):
        keep_alive = KeepAlive(100.0, 10.0, random.Random(seed))
        assert due_at(keep_alive, 0.0, 79.9) == [None, None]
        assert due_at(keep_alive, 100.0) == ["ping"]
        assert keep_alive.is_waiting
        keep_alive.answered()
        assert due_at(keep_alive, 179.9, 200.0) == [None, "ping"]


def test_peer_that_answers_has_a_deadline() -> None:
    keep_alive = KeepAlive(100.0, 10.0)
    assert due_at(keep_alive, 0.0, 100.0, 110.0, 110.1) == [None, "ping", None, "lost"]
    keep_alive = KeepAlive(100.0, 10.0)
    times = (0.0, 100.0, 110.1, 200.0)
    assert due_at(keep_alive, *times, answers=False) == [None, "ping", None, "ping"]
