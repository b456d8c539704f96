"""One recognition in the host: the sound of a leg becomes text."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from media.recognition.vocabulary import Vocabulary
from media.streams.connector import Connector
from media.streams.messages import (
    Event,
    OpenRecognition,
    Service,
    SpeechBegan,
    SpeechHeard,
    StreamEnded,
    StreamReady,
)
from media.streams.recognition_stream import RecognitionStream
from tests.support.arrivals import Arrivals
from tests.support.bots import bot_that, ready
from tests.support.media.leg_port import LegPort

LIMIT_S = 60.0
# Says what seems to be said after one frame, and what was said after five.
HEARS = """
import sys
sound = sys.stdin.buffer
sound.read(640)
print('{"type":"speech"}\\n{"text":"yes","final":false}\\n{"text":"yes","final":false}', flush=True)
sound.read(2560)
print('{"text":"yes please","confidence":0.5}\\nno', flush=True)
sound.read()
"""


@asynccontextmanager
async def stage(
    *command: str, **order: Any
) -> AsyncIterator[tuple[RecognitionStream, LegPort, Arrivals[Event]]]:
    """A recognition between a leg and a program."""
    connector, leg, events = Connector(), LegPort(), Arrivals[Event]()
    await leg.open()
    given: dict[str, Any] = {"engine": "command", "vocabulary": Vocabulary(("yes", "no"))} | order
    opened = OpenRecognition(
        "r1", given.pop("engine"), given.pop("vocabulary"), "en", *leg.address,
        command=command, **given,
    )  # fmt: skip
    stream = RecognitionStream(opened, connector, events.add, lambda: None)
    running = asyncio.ensure_future(stream.run())
    try:
        yield stream, leg, events
    finally:
        stream.end_with("the test is over")
        running.cancel()
        await asyncio.wait([running])
        leg.close()
        await connector.close()


async def the(events: Arrivals[Event], kind: type[Event]) -> Any:
    return await events.wait_for(lambda one: isinstance(one, kind), timeout_s=LIMIT_S)


async def test_a_leg_is_heard_and_what_it_says_is_told() -> None:
    async with stage(sys.executable, "-S", "-E", "-c", HEARS) as (stream, leg, events):
        ready = await the(events, StreamReady)
        for _ in range(50):
            leg.send(0x80, (ready.host, ready.port))
        began = await the(events, SpeechBegan)
        assert began.at_ms >= 20
        await events.wait_for(
            lambda one: isinstance(one, SpeechHeard) and one.word == "no", timeout_s=LIMIT_S
        )
        found = events.that(lambda one: isinstance(one, SpeechHeard))
        heard = [one for one in found if isinstance(one, SpeechHeard)]
        assert [(one.text, one.word, one.is_final) for one in heard] == [
            ("yes", "yes", False),
            ("yes please", "yes", True),
            ("no", "no", True),
        ]
        assert heard[1].confidence == 0.5
        assert all(one.from_ms <= one.to_ms for one in heard)
        assert "yes" not in repr(heard[0])
        assert stream.figures.sent_ms >= 100
        stream.tick(0.0, 0)
        stream.tell("nothing")


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        ({}, "hear: No such file or directory"),
        (
            {"engine": "pocketsphinx", "vocabulary": Vocabulary(("xylqwe",))},
            "xylqwe|not there|No m",
        ),
    ],
)
async def test_what_cannot_go_on_ends_with_the_reason(order: dict[str, Any], reason: str) -> None:
    async with stage("/nowhere/hear", **order) as (_stream, _leg, events):
        ended = await the(events, StreamEnded)
        assert ended.failure == "failed"
        assert re.search(reason, ended.cause)


async def test_without_a_port_it_ends_with_the_reason() -> None:
    told: list[Event] = []
    connector = Connector()
    order = OpenRecognition("r2", "command", Vocabulary(), "en", "192.0.2.1", 4000)
    order.command = ("/bin/cat",)
    await RecognitionStream(order, connector, told.append, lambda: None).run()
    (ended,) = told
    assert isinstance(ended, StreamEnded)
    assert (ended.failure, "no RTP" in ended.cause) == ("unreachable", True)
    await connector.close()


async def test_a_service_hears_the_leg_until_it_stops() -> None:
    async def serve(socket: web.WebSocketResponse) -> None:
        await ready(socket)
        await socket.receive_bytes()
        await socket.send_json({"type": "stop"})
        await socket.receive()

    async with bot_that(serve) as bot:
        order: dict[str, Any] = {"engine": "websocket", "service": Service(bot.url)}
        async with stage(connect_s=LIMIT_S, **order) as (_stream, leg, events):
            at = await the(events, StreamReady)
            async with asyncio.timeout(LIMIT_S):
                while not events.that(lambda one: isinstance(one, StreamEnded)):
                    leg.send(0x80, (at.host, at.port))
                    await asyncio.sleep(0.02)
            assert (await the(events, StreamEnded)).failure is None
