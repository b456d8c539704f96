"""A recogniser at the other end of a WebSocket."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from media.recognition.result import Recognised, RecogniserFailed, Result, SpeechStarted
from media.recognition.vocabulary import Vocabulary
from media.streams.connector import Connector
from media.streams.messages import OpenRecognition, Service
from media.streams.service_recogniser import ServiceRecogniser
from tests.support.bots import bot_that, ready

LIMIT_S = 60.0
Serve = Callable[[web.WebSocketResponse], Awaitable[None]]


async def recognised(serve: Serve, frames: int = 0, connect_s: float = LIMIT_S) -> list[Result]:
    """What a service says that serves by `serve`. Raises RecogniserFailed."""
    results: list[Result] = []
    connector = Connector()
    try:
        async with bot_that(serve) as bot, asyncio.timeout(LIMIT_S):
            order = OpenRecognition(
                "r1",
                "websocket",
                Vocabulary(("yes", "no")),
                "en-GB",
                "127.0.0.1",
                4000,
                service=Service(bot.url),
                start=b'{"recognition":"r1"}',
                connect_s=connect_s,
            )
            recogniser = ServiceRecogniser(order, connector, results.append)
            for _ in range(frames):
                recogniser.feed(bytes(640))
            await recogniser.run()
    finally:
        await connector.close()
    return results


async def test_a_service_hears_what_came_before_it_was_ready() -> None:
    started: list[dict[str, Any]] = []

    async def serve(socket: web.WebSocketResponse) -> None:
        started.append(await ready(socket))
        for _ in range(3):
            assert len(await socket.receive_bytes()) == 640
        await socket.send_json({"type": "ready"})
        await socket.send_bytes(bytes(640))
        await socket.send_json({"type": "speech"})
        await socket.send_json({"type": "result", "text": "yes", "confidence": 0.5, "to_ms": 60})
        await socket.send_json({"type": "stop"})
        await socket.receive()

    results = await recognised(serve, frames=3)
    assert results == [SpeechStarted(), Recognised("yes", True, 0.5, None, 60)]
    (start,) = started
    assert start["mode"] == "recognise"
    assert (start["words"], start["digits"], start["language"]) == (["yes", "no"], False, "en-GB")
    assert (start["rate_hz"], start["recognition"]) == (16000, "r1")


async def refuse(socket: web.WebSocketResponse) -> None:
    await socket.receive()
    await socket.send_json({"type": "reject", "reason": "no licence"})


async def leave(socket: web.WebSocketResponse) -> None:
    await ready(socket)
    await socket.close()


async def complain(socket: web.WebSocketResponse) -> None:
    await ready(socket)
    await socket.send_json({"type": "error", "reason": "no model"})
    await socket.receive()


async def babble(socket: web.WebSocketResponse) -> None:
    await ready(socket)
    for text in ("{", "[]", '{"type":"result"}', "x" * 70_000, '{"type":"mark"}') * 5:
        await socket.send_str(text)
    await socket.receive()


async def flood(socket: web.WebSocketResponse) -> None:
    await ready(socket)
    while not socket.closed:
        await socket.send_json({"text": "yes"})


@pytest.mark.parametrize(
    ("serve", "reason"),
    [
        (refuse, "declines: no licence"),
        (leave, "the recogniser has closed the connection"),
        (complain, "no model"),
        (babble, "what is not understood"),
        (flood, "says too much"),
    ],
)
async def test_one_that_cannot_go_on_fails_with_the_reason(serve: Serve, reason: str) -> None:
    with pytest.raises(RecogniserFailed, match=reason):
        await recognised(serve)


async def test_one_that_is_not_there_fails_with_the_reason() -> None:
    service = Service("ws://192.0.2.1:9/")
    order = OpenRecognition("r1", "websocket", Vocabulary(), "en", "127.0.0.1", 4000)
    order.service, order.connect_s = service, 0.01
    connector = Connector()
    recogniser = ServiceRecogniser(order, connector, lambda _result: None)
    for _ in range(3):  # no more is kept than it may take to connect
        recogniser.feed(bytes(640))
    with pytest.raises(RecogniserFailed):
        await recogniser.run()
    await connector.close()
