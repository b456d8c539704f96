"""What a service sends is read no quicker than its budget allows, whatever its frames are."""

import asyncio
from typing import Any

import pytest

from media.streams import metered_reading
from media.streams.metered_reading import FrameMeter, MeteredProtocol
from tests.support.virtual_loop import run

SOUND = b"\x82\x7e\x02\x80" + bytes(640)  # 20 ms at 16 kHz
MESSAGE = b"\x81\x0f" + b'{"type":"mark"}'


def taken(meter: FrameMeter, data: bytes, now: float) -> bytes:
    return data[: meter.count(data, now)]


@pytest.mark.parametrize("frame", [SOUND, MESSAGE, b"\x82\x00", b"\x89\x00", b"\x00\x00"])
def test_frames_are_whole_wherever_the_network_cuts_them(frame: bytes) -> None:
    meter, data = FrameMeter(0.0), 3 * frame
    read = b"".join(taken(meter, data[at : at + 1], 0.0) for at in range(len(data)))
    assert read == data
    assert meter.wait_s == 0.0


@pytest.mark.parametrize(
    ("frame", "most"),
    [
        (SOUND, 1563),  # sound costs what it has
        (b"\x82\x02\1\0", 2000),
        (b"\x82\x00", 2000),
        (b"\x00\x00", 2000),  # a piece of a message that never ends
        (MESSAGE, 1000),
        (b"\x89\x00", 1000),
        (b"\x8a\x04abcd", 1000),
        (b"\x82\x7f" + (100_000).to_bytes(8, "big") + bytes(100_000), 10),
        (b"\x82\x82abcd\1\0", 2000),  # masked, which no server does
    ],
)
def test_each_frame_costs_something(frame: bytes, most: int) -> None:
    meter = FrameMeter(0.0)
    meter.count(b"\x82\x7f" + (1 << 20).to_bytes(8, "big") + bytes(1 << 20), 0.0)
    frames, now = 0, 0.0
    while now < 10.0:  # longer than the burst lasts
        frames += len(taken(meter, 40 * frame, now)) // len(frame)
        now += max(0.01, meter.wait_s)
    assert frames == pytest.approx(10 * most + 3 * most, rel=0.05)


def test_a_flood_gives_others_a_turn() -> None:
    meter = FrameMeter(0.0)
    assert meter.count(1000 * b"\x82\x00", 0.0) == 2 * 32
    assert meter.wait_s == 0.0


def test_a_length_beyond_any_measure_is_left_to_the_reader() -> None:
    meter = FrameMeter(0.0)
    assert meter.count(b"\x82\x7f" + bytes([0x7F]) + bytes(7), 0.0) == 10
    assert meter.wait_s <= 0.25


class Transport(asyncio.Transport):
    """A connection that notes whether it is read."""

    def __init__(self) -> None:
        super().__init__()
        self.is_read = True

    def pause_reading(self) -> None:
        self.is_read = False

    def resume_reading(self) -> None:
        self.is_read = True


class Reader:
    """In place of aiohttp's reader of frames."""

    def __init__(self) -> None:
        self.read = b""
        self.has_ended = False

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        self.read += data
        return False, b""

    def feed_eof(self) -> None:
        self.has_ended = True


def connected() -> tuple[MeteredProtocol, Transport, Reader]:
    protocol = MeteredProtocol(asyncio.get_running_loop())
    transport, reader, payload = Transport(), Reader(), Any
    protocol.connection_made(transport)
    protocol._upgraded = True  # as an answer of status 101 makes it
    protocol.set_parser(reader, payload)
    return protocol, transport, reader


@pytest.fixture(autouse=True)
def _small_budget(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    if "protocol" in request.node.name:
        monkeypatch.setattr(metered_reading, "_BURST_BYTES", 50_000)
        monkeypatch.setattr(metered_reading, "_BYTES_PER_S", 100_000)


def test_protocol_leaves_what_is_too_much_in_the_network() -> None:
    async def script() -> None:
        protocol, transport, reader = connected()
        flood = 300 * b"\x82\x00"
        protocol.data_received(flood)
        assert reader.read == flood[:64] and not transport.is_read
        await asyncio.sleep(0.1)
        assert len(reader.read) < len(flood) and not transport.is_read
        protocol.data_received(b"\x82\x00")  # what was under way
        await asyncio.sleep(2.0)
        assert reader.read == flood + b"\x82\x00"
        assert transport.is_read

    run(script())


def test_protocol_waits_while_nobody_takes_what_was_read() -> None:
    async def script() -> None:
        protocol, transport, reader = connected()
        protocol.pause_reading()
        protocol.data_received(SOUND)
        await asyncio.sleep(1.0)
        assert reader.read == b"" and not transport.is_read
        protocol.resume_reading()
        await asyncio.sleep(0.1)
        assert reader.read == SOUND and transport.is_read

    run(script())


def test_protocol_reads_what_came_before_the_end() -> None:
    async def script() -> None:
        protocol, _transport, reader = connected()
        protocol.data_received(60 * SOUND + MESSAGE)
        protocol.connection_lost(None)
        assert reader.read == 60 * SOUND + MESSAGE
        assert reader.has_ended

    run(script())


def test_protocol_reads_no_flood_at_the_end() -> None:
    async def script() -> None:
        protocol, _transport, reader = connected()
        protocol.data_received(9000 * b"\x82\x00")
        protocol.connection_lost(None)
        assert len(reader.read) <= 2 * 110
        assert reader.has_ended
        await asyncio.sleep(5.0)

    run(script())
