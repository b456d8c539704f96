"""A stream host that does what a test tells it to, in place of the process."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec

from config.streams import Streams as StreamSettings
from engine.calls.streams.streams import Streams
from media.protocol.messages import Codec
from media.streams.host_client import HostFailed
from media.streams.messages import (
    BotAsks,
    Event,
    Failure,
    OpenRecognition,
    OpenStream,
    StreamClosed,
    StreamEnded,
    StreamFigures,
    StreamReady,
)

URL = "wss://bots.example/voice"
FIGURES = StreamFigures(heard_ms=400, dropped_ms=20, sent_ms=1000)


class ScriptedHost:
    """`opened` and `recognitions` have what was asked for, `told` what bots were told, `closed` why
    each was ended, `codecs` to what each was changed."""

    def __init__(self, on_event: Callable[[Event], None]) -> None:
        self.pid = 4711
        self.on_event = on_event
        self.opened: list[OpenStream] = []
        self.recognitions: list[OpenRecognition] = []
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.closed: list[tuple[str, str]] = []
        self.codecs: list[tuple[str, Codec]] = []
        self.is_stopped = False
        self.works = True
        self._news = asyncio.Event()
        self._taken = 0
        self._up: set[str] = set()

    async def open(self, order: OpenStream | OpenRecognition) -> None:
        """See HostClient."""
        if not self.works:
            raise HostFailed("the stream host cannot start")
        if isinstance(order, OpenRecognition):
            self.recognitions.append(order)
        else:
            self.opened.append(order)
        self._news.set()
        self._up.add(order.stream)

    def close(self, stream: str, cause: str) -> bool:
        """See HostClient. What has gone through is told in the next turn of the loop."""
        if stream not in self._up:
            return False
        self._up.discard(stream)
        self.closed.append((stream, cause))
        loop = asyncio.get_running_loop()
        loop.call_soon(self.on_event, StreamClosed(stream, FIGURES))
        return True

    def tell_bot(self, stream: str, text: str) -> None:
        """See HostClient."""
        self.told.append((stream, msgspec.json.decode(text)))

    def speak_codec(self, stream: str, codec: Codec) -> None:
        """See HostClient."""
        self.codecs.append((stream, codec))

    async def stop(self) -> None:
        """See HostClient."""
        self.is_stopped = True

    # -- what the test makes of the newest stream

    async def asked(self) -> OpenStream:
        """The newest stream, once there is one."""
        while not self.opened:
            await self._news.wait()
        return self.opened[-1]

    async def recognised(self) -> OpenRecognition:
        """The newest recognition, once there is one."""
        while not self.recognitions:
            self._news.clear()
            await self._news.wait()
        return self.recognitions[-1]

    async def ready(self) -> str:
        """Let the bot take the next stream. Returns its id."""
        while len(self.opened) <= self._taken:
            self._news.clear()
            await self._news.wait()
        self._taken += 1
        stream = self.opened[self._taken - 1].stream
        await self.happens(StreamReady(stream, "127.0.0.1", 4500))
        return stream

    async def ask(self, **asked: Any) -> None:
        """Let the bot of the newest stream ask for something."""
        stream = (await self.asked()).stream
        await self.happens(BotAsks(stream, msgspec.json.encode(asked)))

    async def end(self, cause: str, failure: Failure | None = None) -> None:
        """Let the newest stream end by itself."""
        stream = (await self.asked()).stream
        self._up.discard(stream)
        await self.happens(StreamEnded(stream, cause, failure, FIGURES))

    async def happens(self, event: Event) -> None:
        """Report an event, and let the engine deal with it."""
        self.on_event(event)
        await asyncio.sleep(0.01)


def scripted_streams(**settings: Any) -> Streams:
    """The streams of an engine, by a scripted host."""
    return Streams(StreamSettings(**({"allow": [URL]} | settings)), ScriptedHost)


def host_of(streams: Streams) -> ScriptedHost:
    """The scripted host."""
    host = streams.hosted.host
    assert isinstance(host, ScriptedHost)
    return host
