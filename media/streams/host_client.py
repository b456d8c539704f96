"""The engine's side of the stream host: opens, tells and closes streams, and notices its end."""

from collections.abc import Callable

from ..process_client import ProcessClient
from ..protocol.messages import Codec
from .messages import (
    CloseStream,
    Command,
    Event,
    OpenRecognition,
    OpenStream,
    SpeakCodec,
    StreamEnded,
    StreamFigures,
    TellBot,
    event_decoder,
)

_NO_STREAM = ""  # its end is asked for and told to see that the process is there


class HostFailed(Exception):
    """The stream host cannot be started."""


class HostClient:
    """One stream host, started at the first stream, and again after it has died.

    `on_event` gets what the streams report. When the process dies, each stream of it ends.
    """

    def __init__(self, on_event: Callable[[Event], None]) -> None:
        self._on_event = on_event
        self._host: ProcessClient[Command, Event] = ProcessClient(
            "media.streams.stream_host",
            event_decoder,
            self._receive,
            self._lost,
            question=CloseStream(_NO_STREAM, "is it there"),
        )
        self._streams: set[str] = set()

    @property
    def pid(self) -> int | None:
        """Its process id; None where it does not run."""
        return self._host.pid

    async def open(self, order: OpenStream | OpenRecognition) -> None:
        """Connect a leg with a service, or recognise it: StreamReady or StreamEnded follows.

        Raises HostFailed.
        """
        try:
            connection = await self._host.connected()
        except OSError as error:
            raise HostFailed(f"the stream host cannot start: {error.strerror}") from error
        self._streams.add(order.stream)
        connection.send(order)

    def close(self, stream: str, cause: str) -> bool:
        """End a stream: StreamClosed follows. False where it has ended already."""
        if stream not in self._streams:
            return False
        self._streams.discard(stream)
        self._host.send(CloseStream(stream, cause))
        return True

    def tell_bot(self, stream: str, text: str) -> None:
        """Send the bot of a stream this text."""
        if stream in self._streams:
            self._host.send(TellBot(stream, text))

    def speak_codec(self, stream: str, codec: Codec) -> None:
        """Send the leg of a stream what its bot says in another codec from now on."""
        if stream in self._streams:
            self._host.send(SpeakCodec(stream, codec))

    async def stop(self) -> None:
        """End every stream, and the process."""
        self._streams.clear()
        await self._host.stop()

    def _receive(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, StreamEnded):
                self._streams.discard(event.stream)
            if event.stream != _NO_STREAM:
                self._on_event(event)

    def _lost(self, _reason: str) -> None:
        streams, self._streams = self._streams, set()
        for stream in sorted(streams):
            reason = "the stream host has died"
            self._on_event(StreamEnded(stream, reason, "failed", StreamFigures()))
