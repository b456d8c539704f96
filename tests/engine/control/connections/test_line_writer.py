"""The lines of one connection: in order, events of one turn together, nothing once it is lost."""

import asyncio
from typing import Any, cast

from engine.control.connections.line_writer import GATHER_BYTES, LineWriter


class Wire:
    """Takes the place of a transport; `written` is what each write held."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.closing = False

    def set_write_buffer_limits(self, **_limits: Any) -> None:
        pass

    def is_closing(self) -> bool:
        return self.closing

    def write(self, data: bytes) -> None:
        self.written.append(data)


def writer() -> tuple[LineWriter, Wire]:
    wire = Wire()
    return LineWriter(cast(asyncio.WriteTransport, wire)), wire


async def test_events_of_one_turn_are_one_write() -> None:
    under_test, wire = writer()
    for line in (b"a\n", b"b\n"):
        under_test.write_event(line)
    assert wire.written == []
    await asyncio.sleep(0)
    assert wire.written == [b"a\nb\n"]
    await asyncio.sleep(0)
    assert len(wire.written) == 1


async def test_a_reply_comes_after_the_events_before_it() -> None:
    under_test, wire = writer()
    under_test.write_event(b"event\n")
    under_test.write(b"reply\n")
    assert wire.written == [b"event\nreply\n"]
    await asyncio.sleep(0)
    assert len(wire.written) == 1


async def test_many_events_do_not_wait() -> None:
    under_test, wire = writer()
    under_test.write_event(b"x" * GATHER_BYTES)
    assert wire.written == []
    under_test.write_event(b"y")
    assert [len(each) for each in wire.written] == [GATHER_BYTES + 1]


async def test_a_wait_for_room_ends_when_there_is_room_or_the_peer_is_gone() -> None:
    under_test, wire = writer()
    assert under_test.has_room
    await under_test.room()
    under_test.pause()
    assert not under_test.has_room
    waiting = asyncio.ensure_future(under_test.room())
    await asyncio.sleep(0)
    assert not waiting.done()
    under_test.resume()
    await waiting
    under_test.pause()
    under_test.write_event(b"late\n")
    under_test.drop()
    await under_test.room()
    await asyncio.sleep(0)
    assert wire.written == []


async def test_nothing_is_written_to_a_connection_that_closes() -> None:
    under_test, wire = writer()
    wire.closing = True
    under_test.write(b"reply\n")
    assert wire.written == []
