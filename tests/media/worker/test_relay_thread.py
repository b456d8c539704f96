"""How the packets of a relay are read: in a thread where it is in C, else on the loop."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any, cast

import pytest

from media.relay.implementation import Implementation, plain
from media.rtp.rtp import build
from media.worker.leg import MediaLeg
from media.worker.pacing import RelayPacing
from media.worker.peer_stream import PeerStream
from media.worker.protection import Protection
from media.worker.relay import Relay
from media.worker.relay_thread import RelayReader, RelayThread, read_relay
from tests.support.media.relays import BOTH, NATIVE
from tests.support.waiting import until


class Owner:
    """Stands in for the leg of a stream, and notes when it was heard."""

    def __init__(self, relay: Relay) -> None:
        self.dropped_garbage = self.dropped_stranger = 0
        self.protection = Protection()
        self.tap = None
        self.heard_at: list[float] = []
        self.stream = PeerStream(cast(MediaLeg, self), relay.new_flow())
        self.stream.audio = {0: "PCMU"}

    def fail(self, part: object = None) -> None:
        """As MediaLeg."""
        raise AssertionError("a defect of ours")

    def peer_heard(self, now: float) -> None:
        self.heard_at.append(now)

    def multiplexed_rtcp(self, packet: bytearray, size: int, now: float) -> bool:
        return False


@pytest.fixture(params=BOTH)
async def reading(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Relay, RelayReader]]:
    implementation: Implementation = request.param()
    relay = Relay(implementation)
    reader = read_relay(asyncio.get_running_loop(), relay)
    yield relay, reader
    reader.stop()
    relay.close()


async def test_packets_are_read_by_themselves(reading: tuple[Relay, RelayReader]) -> None:
    relay, reader = reading
    owner = Owner(relay)
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone,
    ):
        for sock in (line, phone):
            sock.bind(("127.0.0.1", 0))
        line.setblocking(False)
        phone.connect(line.getsockname())
        relay.add_stream(line.fileno(), owner.stream)
        for number in range(5):
            phone.send(build(0, number, 160 * number, 7, b"\x33" * 160))
            owner.stream.book()

        def heard() -> bool:
            owner.stream.book()
            return owner.stream.packets_received == 5

        await until(heard)
        reader.frame()
        # The first one goes to Python, which says what the next one will be.
        assert owner.heard_at
        assert owner.stream.flow.expect
        relay.remove_stream(line.fileno())
    assert reader.processor_time().used_s >= 0.0


class Watched:
    """Stands in for a loop: what it is to call when something is readable."""

    def __init__(self) -> None:
        self.readable: Callable[[], object] = int

    def add_reader(self, _fd: int, call_back: Callable[..., object], *arguments: object) -> None:
        self.readable = partial(call_back, *arguments)

    def remove_reader(self, _fd: int) -> None:
        """Nobody is called any more."""


class Many:
    """Stands in for a relay with packets without end."""

    def __init__(self) -> None:
        self.taken = 0

    def take_packet(self, _buffer: bytearray) -> tuple[int, int, float]:
        self.taken += 1
        return 0, 172, 1.0


@pytest.mark.parametrize("native", [NATIVE])
def test_the_clock_waits_for_a_few_packets_at_most(native: Callable[[], Implementation]) -> None:
    loop, relay, many = Watched(), Relay(native()), Many()
    reader = read_relay(cast(asyncio.AbstractEventLoop, loop), relay)
    own, relay.packets = relay.packets, cast(Any, many)
    loop.readable()
    assert many.taken == 16
    relay.packets = own
    reader.stop()
    relay.close()


def test_the_relay_in_python_is_read_on_the_loop() -> None:
    loop = asyncio.new_event_loop()
    relay = Relay(plain())
    reader = read_relay(loop, relay)
    assert isinstance(reader, RelayPacing)
    assert not isinstance(reader, RelayThread)
    assert reader.processor_time() == (0.0, 0.0)
    reader.stop()
    relay.close()
    loop.close()
