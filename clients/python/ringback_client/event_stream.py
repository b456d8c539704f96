"""A stream of events that reconnects, resumes where it was, and says what it missed."""

import asyncio
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Self

from .connection import REPLY_S, Address, Connection, Event
from .errors import ConnectionLost, EngineError, NoReply

RETRY_FIRST_S = 0.05
RETRY_MOST_S = 2.0


class EventStream:
    """Events as they happen. When the connection ends, it reconnects and resumes where it was.

    Events that the engine no longer has arrive as one event of type `client.gap` with `from`, `to`
    and `reason`. After the events it still has, the current state follows as `snapshot.*` events up
    to `snapshot.end`. With `snapshot` true the current state comes in any case, with False never.

    Reading raises ConnectionLost or NoReply when no engine answered for `give_up_s` (None: never).
    It raises EngineError `unavailable` when the engine had no room for that long, and any other
    EngineError at once. The reply to a subscription may take `reply_s` (None: no limit).
    """

    def __init__(
        self,
        address: Address,
        *,
        types: Iterable[str] = (),
        since: int | None = None,
        epoch: str | None = None,
        snapshot: bool | None = None,
        give_up_s: float | None = None,
        reply_s: float | None = REPLY_S,
    ) -> None:
        self._address = address
        self._types = list(types)
        self.epoch = epoch
        self.seq = since
        self._give_up_s = give_up_s
        self._reply_s = reply_s
        # A snapshot that broke off is requested again. A complete one is not, until the next gap.
        self._snapshot = snapshot
        self._connection: Connection | None = None
        self._gap: Event | None = None
        # Bounded: a slow consumer slows down the reading, and the engine notices.
        self._queue: asyncio.Queue[Event | None] = asyncio.Queue(maxsize=64)
        self._ended: asyncio.Task[None] | None = None

    async def start(self) -> Self:
        """Subscribe. Every later event is delivered.

        Raises NoEngine, NoReply, EngineError.
        """
        connection = await Connection.open(self._address, self._queue.put, self._reply_s)
        params: dict[str, Any] = {"types": self._types}
        if self.seq is not None:
            params["since"] = self.seq
            if self.epoch is not None:
                params["epoch"] = self.epoch
        if self._snapshot is not None:
            params["snapshot"] = self._snapshot
        try:
            result = await connection.call("events.subscribe", params)
        except BaseException:
            await connection.close()
            raise
        if result.get("snapshot"):
            self._snapshot = True
        gap = result.get("gap")
        if self.seq is None:
            self.seq = result["seq"]
        elif gap is not None and gap["reason"] == "epoch":
            self.seq = 0  # a new epoch counts from 1, and none of it has been seen
        self.epoch = result["epoch"]
        if gap is not None:
            self._gap = {"type": "client.gap", "seq": self.seq, "epoch": self.epoch, **gap}
        self._connection = connection
        self._ended = asyncio.create_task(self._watch_end(connection))
        return self

    async def _watch_end(self, connection: Connection) -> None:
        await connection.wait_closed()
        await self._queue.put(None)

    async def close(self) -> None:
        """Unsubscribe and close the connection."""
        if self._ended is not None:
            self._ended.cancel()
            await asyncio.wait([self._ended])
        if self._connection is not None:
            await self._connection.close()
            self._connection = None

    async def call(self, method: str, /, **params: Any) -> Any:
        """Send a request by the stream's own connection, and return its result.

        For who follows events and asks now and then: replies wait while events are not read. Raises
        as Client.call does; ConnectionLost while the stream looks for the engine.
        """
        if self._connection is None:
            raise ConnectionLost("the stream has no connection now")
        return await self._connection.call(method, params)

    async def __aenter__(self) -> Self:
        return self if self._connection is not None else await self.start()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        if self._connection is None:
            await self.start()
        while True:
            if self._gap is not None:
                gap, self._gap = self._gap, None
                return gap
            event = await self._queue.get()
            if event is None:
                await self._reconnect()
            elif event["type"] != "engine.slow_reader":  # the connection ends after it
                self.seq = event["seq"]
                if event["type"] == "snapshot.end":
                    self._snapshot = None
                return event

    async def _reconnect(self) -> None:
        await self.close()
        loop = asyncio.get_running_loop()
        give_up_at = None if self._give_up_s is None else loop.time() + self._give_up_s
        delay_s = RETRY_FIRST_S
        while True:
            try:
                await self.start()
            except (ConnectionLost, NoReply, EngineError) as error:
                if isinstance(error, EngineError) and error.kind != "unavailable":
                    raise
                if give_up_at is not None and loop.time() + delay_s > give_up_at:
                    raise
                await asyncio.sleep(delay_s)
                delay_s = min(2 * delay_s, RETRY_MOST_S)
            else:
                return
