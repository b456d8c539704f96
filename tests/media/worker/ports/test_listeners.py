"""The unconnected sockets: what comes from where, and how a flood is kept out."""

import socket
from collections.abc import Iterator
from time import monotonic
from typing import Any, cast

import pytest

from media.worker.leg import MediaLeg
from media.worker.ports.listeners import FLOOD_DATAGRAMS, FLOOD_S, Listeners
from media.worker.ports.port_pool import PortPair
from tests.support.media.ports import HOST, port_pool


class Hall:
    """Stands in for a leg: its sockets, and what came through its listeners."""

    def __init__(self, pair: PortPair) -> None:
        self.pair = pair
        self.rtp: list[bytes] = []
        self.rtcp: list[bytes] = []
        self.sources: set[tuple[str, int]] = set()
        self.failures = 0

    def fail(self) -> None:
        self.failures += 1

    def rtp_received(
        self, packet: bytearray, size: int, source: tuple[str, int], now: float
    ) -> None:
        self.rtp.append(bytes(packet[:size]))
        self.sources.add(source)

    def rtcp_received(
        self, packet: bytearray, size: int, source: tuple[str, int], now: float
    ) -> None:
        self.rtcp.append(bytes(packet[:size]))

    @property
    def leg(self) -> MediaLeg:
        return cast(MediaLeg, self)


@pytest.fixture
def hall() -> Iterator[Hall]:
    made = Hall(port_pool(1)[0].take_pair())
    yield made
    made.pair.close()


@pytest.fixture
def unknown_source() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((HOST, 0))
        yield sock


def test_what_comes_is_handed_over_with_its_source(
    hall: Hall, unknown_source: socket.socket
) -> None:
    listeners = Listeners()
    assert not listeners.add_sink(hall.leg)
    unknown_source.sendto(b"one", (HOST, hall.pair.port))
    unknown_source.sendto(b"two", (HOST, hall.pair.port + 1))
    listeners.drain()
    assert (hall.rtp, hall.rtcp) == ([b"one"], [b"two"])
    assert hall.sources == {unknown_source.getsockname()}
    assert listeners.remove_sink(hall.leg)
    unknown_source.sendto(b"three", (HOST, hall.pair.port))
    listeners.drain()
    assert hall.rtp == [b"one"]
    listeners.close()


@pytest.mark.parametrize("offset", [0, 1])
def test_datagrams_that_wait_already_are_read(
    hall: Hall, unknown_source: socket.socket, offset: int
) -> None:
    listeners = Listeners()
    unknown_source.sendto(b"early", (HOST, hall.pair.port + offset))
    assert listeners.add_sink(hall.leg)
    assert not hall.rtp + hall.rtcp  # only reported: the leg decides
    listeners.close()


def test_what_waits_for_another_leg_is_not_meant(hall: Hall, unknown_source: socket.socket) -> None:
    listeners = Listeners()
    other = Hall(port_pool(1)[0].take_pair())
    listeners.add_sink(other.leg)
    unknown_source.sendto(b"early", (HOST, other.pair.port))
    assert not listeners.add_sink(hall.leg)
    assert not listeners.remove_sink(hall.leg)
    listeners.close()
    other.pair.close()


def flood(listeners: Listeners, source: socket.socket, *ports: int) -> None:
    """Send so much to these ports that they are shut."""
    for _ in range(FLOOD_DATAGRAMS // 10 + 2):
        for _ in range(10):
            for port in ports:
                source.sendto(b"x", (HOST, port))
        for _ in range(5):
            listeners.drain()


def test_a_flood_is_read_so_far_and_again_after_a_while(
    hall: Hall, unknown_source: socket.socket
) -> None:
    listeners = Listeners()
    listeners.add_sink(hall.leg)
    to = (HOST, hall.pair.port)
    for _ in range(20):
        for _ in range(20):
            unknown_source.sendto(b"x", to)
        for _ in range(5):
            listeners.drain()
    assert FLOOD_DATAGRAMS <= len(hall.rtp) < FLOOD_DATAGRAMS + 20
    unknown_source.sendto(b"y", (HOST, hall.pair.port + 1))
    listeners.drain()
    assert hall.rtcp == [b"y"]  # the other socket is still read
    listeners.reopen_due(monotonic())
    listeners.drain()
    before = len(hall.rtp)
    assert before < FLOOD_DATAGRAMS + 20
    listeners.reopen_due(monotonic() + FLOOD_S)
    listeners.drain()
    assert len(hall.rtp) > before
    assert listeners.remove_sink(hall.leg)
    listeners.close()


def test_a_closed_socket_can_be_removed(hall: Hall, unknown_source: socket.socket) -> None:
    listeners = Listeners()
    listeners.add_sink(hall.leg)
    flood(listeners, unknown_source, hall.pair.port)
    assert listeners.remove_sink(hall.leg)
    listeners.reopen_due(monotonic() + FLOOD_S)
    assert not listeners.add_sink(hall.leg) or hall.pair.discard_waiting() > 0
    listeners.close()


def test_a_socket_that_cannot_be_read_again_fails_its_leg_alone(
    hall: Hall, unknown_source: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    listeners = Listeners()
    listeners.add_sink(hall.leg)
    flood(listeners, unknown_source, hall.pair.port, hall.pair.port + 1)
    assert len(listeners._shut) == 2
    reopen, failing = Listeners._reopen, hall.pair.rtp.fileno()

    def fail(one: Listeners, fd: int) -> None:
        if fd == failing:
            raise OSError("a fault of ours")
        reopen(one, fd)

    monkeypatch.setattr(Listeners, "_reopen", fail)
    listeners.reopen_due(monotonic() + FLOOD_S)
    assert hall.failures == 1 and list(listeners._shut) == [failing]
    listeners.close()


def test_a_datagram_that_cannot_be_dealt_with_fails_the_leg_and_the_next_is_read(
    hall: Hall, unknown_source: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    listeners = Listeners()
    listeners.add_sink(hall.leg)
    receive = Hall.rtp_received

    def fail(one: Hall, packet: bytearray, size: int, *rest: Any) -> None:
        if packet[:size] == b"bad":
            raise ValueError("a fault of ours")
        receive(one, packet, size, *rest)

    monkeypatch.setattr(Hall, "rtp_received", fail)
    for data in (b"bad", b"good"):
        unknown_source.sendto(data, (HOST, hall.pair.port))
    listeners.drain()
    assert (hall.rtp, hall.failures) == ([b"good"], 1)
    listeners.close()
