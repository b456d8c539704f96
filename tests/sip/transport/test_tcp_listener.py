"""The listening socket, with descriptors and without."""

import asyncio
import errno
import logging
import socket

import pytest

from sip.transport.tcp_listener import TcpListener


class Accepted:
    def __init__(self, host: str = "127.0.0.1") -> None:
        self.accepted: list[tuple[str, int]] = []
        self.exhausted = 0
        self.changed = asyncio.Event()
        self.sockets: list[socket.socket] = []
        self.listener = TcpListener(host, 0, on_accepted=self.take, on_exhausted=self.nothing_left)

    def take(self, accepted: socket.socket, address: tuple[str, int]) -> None:
        self.sockets.append(accepted)
        self.accepted.append(address)
        self.changed.set()

    def nothing_left(self) -> None:
        self.exhausted += 1
        self.changed.set()

    async def until(self, accepted: int = 0, exhausted: int = 0) -> None:
        async with asyncio.timeout(40):
            while len(self.accepted) < accepted or self.exhausted < exhausted:
                self.changed.clear()
                await self.changed.wait()

    def close(self) -> None:
        self.listener.close()
        for accepted in self.sockets:
            accepted.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_connections_are_accepted_with_their_address(host: str) -> None:
    counted = Accepted(host)
    with socket.create_connection(counted.listener.address) as client:
        await counted.until(accepted=1)
        assert counted.accepted == [client.getsockname()[:2]]
    counted.close()


async def test_a_burst_is_accepted() -> None:
    counted = Accepted()
    clients = [socket.create_connection(counted.listener.address) for _ in range(200)]
    await counted.until(accepted=200)
    for client in clients:
        client.close()
    counted.close()


async def test_without_a_descriptor_those_who_wait_are_accepted_later(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    counted = Accepted()
    lacking = True

    class Lacking:
        """The listening socket, of a process without a descriptor for another."""

        def __init__(self, real: socket.socket) -> None:
            self.real = real

        def accept(self) -> tuple[socket.socket, tuple[str, int]]:
            if lacking:
                raise OSError(errno.EMFILE, "Too many open files")
            return self.real.accept()

        def fileno(self) -> int:
            return self.real.fileno()

        def close(self) -> None:
            self.real.close()

    monkeypatch.setattr(counted.listener, "_socket", Lacking(counted.listener._socket))
    with socket.create_connection(counted.listener._socket.real.getsockname()):  # type: ignore[attr-defined]
        await counted.until(exhausted=3)
        assert counted.accepted == []
        lacking = False
        await counted.until(accepted=1)
    (record,) = caplog.records
    assert "too many open files" in record.getMessage()
    assert record.exc_info is None
    counted.close()


async def test_a_port_that_is_taken() -> None:
    counted = Accepted()
    with pytest.raises(OSError, match="already in use"):
        TcpListener(
            *counted.listener.address,
            on_accepted=counted.take,
            on_exhausted=counted.nothing_left,
        )
    counted.close()
