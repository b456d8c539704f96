"""The events of an engine as a client reads them: it reconnects, resumes, says what it missed."""

import asyncio
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Self

from .channel import REPLY_S, Address, Channel, ConnectionLost, Event, NoReply
from .errors import EngineError

RETRY_FIRST_S = 0.05
RETRY_MOST_S = 2.0


class EventStream:
    """Events as they come. Reconnects when the connection ends and resumes where it was.

    What could not be resumed comes as an event of type `client.gap` with `from`, `to` and
    `reason`; after what is kept follow views of what is there now, as `snapshot.*` up to
    `snapshot.end`. With `snapshot` these come in any case, with False never. Raises ConnectionLost
    or NoReply when no engine is found, or none answers, for `give_up_s` (None: never), and
    EngineError: `unavailable` where it has no room for so long, anything else at once. The reply
    to a subscription may take `reply_s` (None: any time).
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
        # A snapshot that broke off is asked for again; once seen whole, only after another gap.
        self._snapshot = snapshot
        self._channel: Channel | None = None
        self._gap: Event | None = None
        # Bounded: a consumer that is slow slows the reading, and the engine sees it.
        self._next: asyncio.Queue[Event | None] = asyncio.Queue(maxsize=64)
        self._ended: asyncio.Task[None] | None = None

    async def start(self) -> Self:
        """Subscribe; every event after this is seen. Raises NoEngine, NoReply, EngineError."""
        channel = await Channel.open(self._address, self._next.put, self._reply_s)
        params: dict[str, Any] = {"types": self._types}
        if self.seq is not None:
            params["since"] = self.seq
            if self.epoch is not None:
                params["epoch"] = self.epoch
        if self._snapshot is not None:
            params["snapshot"] = self._snapshot
        try:
            result = await channel.call("events.subscribe", params)
        except BaseException:
            await channel.close()
            raise
        if result.get("snapshot"):
            self._snapshot = True
        gap = result.get("gap")
        if self.seq is None:
            self.seq = result["seq"]
        elif gap is not None and gap["reason"] == "epoch":
            self.seq = 0  # numbers begin anew, and nothing of them has been seen yet
        self.epoch = result["epoch"]
        if gap is not None:
            self._gap = {"type": "client.gap", "seq": self.seq, "epoch": self.epoch, **gap}
        self._channel = channel
        self._ended = asyncio.create_task(self._tell_end(channel))
        return self

    async def _tell_end(self, channel: Channel) -> None:
        await channel.wait_closed()
        await self._next.put(None)

    async def close(self) -> None:
        """Stop listening."""
        if self._ended is not None:
            self._ended.cancel()
            await asyncio.wait([self._ended])
        if self._channel is not None:
            await self._channel.close()
            self._channel = None

    async def __aenter__(self) -> Self:
        return self if self._channel is not None else await self.start()

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
        if self._channel is None:
            await self.start()
        while True:
            if self._gap is not None:
                gap, self._gap = self._gap, None
                return gap
            event = await self._next.get()
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
