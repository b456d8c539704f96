"""One WebSocket to a bot: what it may send, and what becomes of one that does not behave."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from media.streams import bot_connection, metered_reading
from media.streams import bot_messages as bot
from media.streams.bot_connection import BotConnection, BotFault
from media.streams.connector import Connector, NotConnected
from media.streams.messages import Service
from tests.support.bots import bot_that, ready

LIMIT_S = 40.0
Serve = Callable[[web.WebSocketResponse], Awaitable[None]]


class Heard:
    """What came from the bot."""

    def __init__(self) -> None:
        self.sounds: list[bytes] = []
        self.messages: list[bot.BotMessage] = []


async def with_bot(
    serve: Serve,
    script: Callable[[BotConnection[bot.BotMessage], Heard], Awaitable[None]],
    limit_s: float = LIMIT_S,
) -> None:
    """Connect to a bot that serves by `serve`, greet it, and go on by `script`."""
    connector, heard = Connector(), Heard()
    try:
        async with bot_that(serve) as server, asyncio.timeout(60.0):
            socket = await connector.connect(Service(server.url), LIMIT_S)
            connection = BotConnection(
                socket,
                on_audio=heard.sounds.append,
                on_message=heard.messages.append,
                read=bot.read_bot_message,
            )
            try:
                await connection.greet('{"type":"start"}', limit_s)
                await script(connection, heard)
            finally:
                await connection.close()
    finally:
        await connector.close()


async def fault_of(connection: BotConnection[bot.BotMessage]) -> BotFault:
    """Why the connection ends."""
    with pytest.raises(BaseExceptionGroup) as group:
        await connection.run()
    fault = group.value.exceptions[0]
    assert isinstance(fault, BotFault)
    return fault


async def ends(connection: BotConnection[bot.BotMessage], _heard: Heard) -> None:
    await fault_of(connection)


async def test_sound_and_texts_go_both_ways_in_their_order() -> None:
    received: list[Any] = []

    async def serve(socket: web.WebSocketResponse) -> None:
        received.append(await ready(socket))
        await socket.send_bytes(b"\1\0\2\0")
        await socket.send_json({"type": "mark", "name": "a"})
        for _ in range(3):
            received.append((await socket.receive()).data)

    async def script(connection: BotConnection[bot.BotMessage], heard: Heard) -> None:
        connection.send_frame(b"\5\0")
        connection.send_text('{"type":"dtmf"}')
        connection.send_frame(b"\6\0")
        fault = await fault_of(connection)
        assert "closed" in fault.reason and fault.may_change
        assert heard.sounds == [b"\1\0\2\0"]
        assert heard.messages == [bot.Mark("a")]
        assert connection.frames_sent == 2

    await with_bot(serve, script)
    assert received == [{"type": "start"}, '{"type":"dtmf"}', b"\5\0", b"\6\0"]


async def test_a_bot_that_declines_is_refused_with_its_reason() -> None:
    async def serve(socket: web.WebSocketResponse) -> None:
        await socket.send_json({"type": "reject", "reason": "busy"})
        await socket.receive()

    with pytest.raises(NotConnected, match="declines: busy") as refused:
        await with_bot(serve, ends)
    assert (refused.value.failure, refused.value.may_change) == ("refused", False)


async def test_a_bot_that_does_not_acknowledge_start_does_not_answer() -> None:
    async def serve(socket: web.WebSocketResponse) -> None:
        await socket.send_bytes(b"\0\0")
        while not socket.closed:
            await socket.receive()

    with pytest.raises(NotConnected, match="not acknowledged start") as refused:
        await with_bot(serve, ends, limit_s=0.3)
    assert refused.value.failure == "no_answer"


async def test_a_bot_that_closes_before_it_is_ready_is_not_reached() -> None:
    async def serve(socket: web.WebSocketResponse) -> None:
        await socket.close()

    with pytest.raises(NotConnected, match="closed the connection"):
        await with_bot(serve, ends)


async def test_a_bot_is_told_what_is_not_understood_until_it_is_too_often() -> None:
    told: list[dict[str, Any]] = []

    async def serve(socket: web.WebSocketResponse) -> None:
        await ready(socket)
        await socket.send_bytes(b"\0\0\0")
        told.append(await socket.receive_json())
        for _ in range(bot_connection.MOST_FAULTS):
            await socket.send_str("nonsense")
        while not socket.closed:
            await socket.receive()

    async def script(connection: BotConnection[bot.BotMessage], heard: Heard) -> None:
        fault = await fault_of(connection)
        assert "not understood" in fault.reason and not fault.may_change
        assert not heard.sounds and not heard.messages

    await with_bot(serve, script)
    assert told == [{"type": "error", "reason": "a binary frame has an odd number of bytes"}]


async def test_a_frame_beyond_any_measure_ends_the_connection() -> None:
    async def serve(socket: web.WebSocketResponse) -> None:
        await ready(socket)
        await socket.send_bytes(bytes(2 << 20))
        await socket.receive()

    async def script(connection: BotConnection[bot.BotMessage], heard: Heard) -> None:
        fault = await fault_of(connection)
        assert not fault.may_change and not heard.sounds

    await with_bot(serve, script)


async def test_a_bot_that_reads_nothing_loses_sound_and_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bot_connection, "_STUCK_S", 0.3)

    async def serve(socket: web.WebSocketResponse) -> None:
        await ready(socket)
        await asyncio.sleep(LIMIT_S)

    async def script(connection: BotConnection[bot.BotMessage], _heard: Heard) -> None:
        async def speak() -> None:
            while True:
                for _ in range(200):
                    connection.send_frame(bytes(60_000))
                await asyncio.sleep(0.01)

        speaking = asyncio.ensure_future(speak())
        try:
            fault = await fault_of(connection)
        finally:
            speaking.cancel()
        assert "read nothing" in fault.reason and fault.may_change
        assert connection.frames_dropped > 0

    await with_bot(serve, script)


async def test_what_waits_when_a_connection_is_lost_counts_as_dropped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bot_connection, "_STUCK_S", 0.3)

    async def serve(socket: web.WebSocketResponse) -> None:
        await ready(socket)
        await asyncio.sleep(LIMIT_S)

    async def script(connection: BotConnection[bot.BotMessage], _heard: Heard) -> None:
        for _ in range(90):
            connection.send_frame(bytes(200_000))
        await fault_of(connection)
        assert connection.frames_dropped == 90 - connection.frames_sent > 0

    await with_bot(serve, script)


async def test_a_bot_that_floods_is_read_no_quicker_than_its_budget_allows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(metered_reading, "_BURST_BYTES", 20_000)
    monkeypatch.setattr(metered_reading, "_BYTES_PER_S", 100_000)

    async def serve(socket: web.WebSocketResponse) -> None:
        await ready(socket)
        for _ in range(10):
            await socket.send_bytes(bytes(5_000))
        await socket.close()

    async def script(connection: BotConnection[bot.BotMessage], heard: Heard) -> None:
        began = asyncio.get_running_loop().time()
        await fault_of(connection)
        assert len(heard.sounds) == 10
        assert asyncio.get_running_loop().time() - began >= 0.25

    await with_bot(serve, script)


async def test_the_last_word_reaches_the_bot() -> None:
    words: list[Any] = []

    async def serve(socket: web.WebSocketResponse) -> None:
        await ready(socket)
        words.append(json.loads((await socket.receive()).data))

    async def script(connection: BotConnection[bot.BotMessage], _heard: Heard) -> None:
        await connection.close('{"type":"stop"}')

    await with_bot(serve, script)
    assert words == [{"type": "stop"}]


class BrokenSocket:
    """A WebSocket whose connection is gone, or (`hangs`) that takes nothing."""

    closed = False
    close_code = None

    def __init__(self, *, hangs: bool = False) -> None:
        self.hangs = hangs
        self.was_cut = False
        self._response = self

    async def send_str(self, _text: str) -> None:
        if self.hangs:
            await asyncio.sleep(LIMIT_S)
        raise ConnectionResetError("gone")

    async def receive(self) -> Any:
        await asyncio.sleep(LIMIT_S)

    def close(self) -> None:
        """That of its response: it cuts the connection."""
        self.was_cut = True


def connection_of(socket: BrokenSocket) -> BotConnection[bot.BotMessage]:
    made: Any = socket
    return BotConnection(
        made,
        on_audio=lambda _sound: None,
        on_message=lambda _message: None,
        read=bot.read_bot_message,
    )


async def test_a_connection_that_is_gone_is_told_wherever_it_is_used() -> None:
    socket = BrokenSocket()
    with pytest.raises(NotConnected, match="gone"):
        await connection_of(socket).greet("{}", LIMIT_S)
    connection = connection_of(socket)
    connection.send_text("{}")
    fault = await fault_of(connection)
    assert fault.reason == "connection lost: gone" and fault.may_change
    await connection.close("{}")
    assert socket.was_cut


async def test_a_bot_that_does_not_take_its_last_word_is_cut_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bot_connection, "_CLOSE_S", 0.05)
    socket = BrokenSocket(hangs=True)
    await connection_of(socket).close("{}")
    assert socket.was_cut


async def test_texts_beyond_any_measure_are_dropped() -> None:
    connection = connection_of(BrokenSocket())
    for _ in range(bot_connection._MOST_TEXTS + 5):
        connection.send_text("{}")
    assert len(connection._texts) == bot_connection._MOST_TEXTS
