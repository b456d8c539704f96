"""The Unix socket between engine and worker, for both ends."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar, cast

import msgspec

from .framing import FrameSplitter, FramingError, encode_frame

Sent = TypeVar("Sent")
Received = TypeVar("Received")


class Connection(asyncio.Protocol, Generic[Sent, Received]):
    """Messages out, coalesced into one frame for each turn of the loop; messages in, by frame.

    `on_messages` gets what a frame carried, `on_lost` is called once, with the reason.
    """

    def __init__(
        self,
        decoder: msgspec.msgpack.Decoder[list[Received]],
        on_messages: Callable[[list[Received]], None],
        on_lost: Callable[[str], None],
    ) -> None:
        self._decoder = decoder
        self._on_messages = on_messages
        self._on_lost = on_lost
        self._splitter = FrameSplitter()
        self._pending: list[Sent] = []
        self._flush_due = False
        self._transport: asyncio.WriteTransport | None = None
        self._loop = asyncio.get_running_loop()
        self._error = ""

    @property
    def is_open(self) -> bool:
        """Whether messages can be sent."""
        return self._transport is not None

    def send(self, message: Sent) -> None:
        """Send `message` by the end of this turn of the loop; nothing once the other is gone."""
        if self._transport is None:
            return
        if not self._flush_due:
            self._flush_due = True
            self._loop.call_soon(self.flush)
        self._pending.append(message)

    def send_along(self, message: Sent) -> None:
        """Send `message` before the next one: it needs no wake of the other's own."""
        if self._transport is not None:
            self._pending.append(message)

    def flush(self) -> None:
        """Write what waits to be sent."""
        self._flush_due = False
        pending = self._pending
        if pending and self._transport is not None:
            self._pending = []
            self._transport.write(encode_frame(pending))

    def close(self) -> None:
        """Write what is left and close; `on_lost` follows."""
        if self._transport is not None:
            self.flush()
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)

    def data_received(self, data: bytes) -> None:
        try:
            for body in self._splitter.feed(data):
                self._on_messages(self._decoder.decode(body))
        except (FramingError, msgspec.DecodeError) as error:
            self._error = f"not understood: {error}"
            if self._transport is not None:
                self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._pending.clear()
        self._on_lost(self._error or (str(exc) if exc else "closed by the other end"))
