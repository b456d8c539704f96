"""A client of the control socket, for services, the command line and tests.

    async with await Client.connect("run/control.sock") as client:
        job = await client.callback(to="+442079460123", agent="alice", context={"site": "shop"})
        job = await client.wait_for_job(job["id"])

Each EventStream has a connection of its own, so that events never wait behind replies.
"""

import asyncio
import os
import ssl
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Self

from .channel import (
    REPLY_S,
    Address,
    Channel,
    ClientError,
    ConnectionLost,
    Event,
    NoEngine,
    NoReply,
    RequestRejected,
)
from .errors import EngineError
from .event_stream import EventStream

__all__ = [
    "ENDED",
    "Client",
    "ClientError",
    "ConnectionLost",
    "EngineError",
    "Event",
    "EventStream",
    "NoEngine",
    "NoReply",
    "RequestRejected",
]

ENDED = frozenset(
    {"callback.completed", "callback.failed", "callback.cancelled", "callback.expired"}
)


class Client:
    """One engine. Requests share a connection, which is made anew when it was lost.

    `reply_s` is how long a reply may take (None: any time), also that to a subscription; there is
    no limit to the time between two events.
    """

    def __init__(self, address: Address, *, reply_s: float | None = REPLY_S) -> None:
        self.address = address
        self.reply_s = reply_s
        self._channel: Channel | None = None
        self._connecting = asyncio.Lock()

    @classmethod
    async def connect(
        cls,
        path: str | os.PathLike[str] = "",
        *,
        host: str = "",
        port: int = 0,
        token: str = "",
        tls: ssl.SSLContext | None = None,
        reply_s: float | None = REPLY_S,
    ) -> "Client":
        """Connect to the Unix socket at `path`, or to `host` and `port` with TLS and `token`.

        Raises NoEngine, NoReply, or EngineError `refused` where the engine does not let this user
        in.
        """
        address = Address(os.fspath(path), host, port, token, tls)
        client = cls(address, reply_s=reply_s)
        await client._connected()
        return client

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connection."""
        if self._channel is not None:
            await self._channel.close()
            self._channel = None

    async def _connected(self) -> Channel:
        async with self._connecting:
            if self._channel is None or not self._channel.is_open:
                await self.close()
                self._channel = await Channel.open(self.address, reply_s=self.reply_s)
            return self._channel

    async def call(self, method: str, /, **params: Any) -> Any:
        """The result of `method`. Raises EngineError, RequestRejected, ConnectionLost, NoReply.

        A request is sent once: after the last two it may have been done or not. `engine.drain` may
        take as long as it is told to, besides `reply_s`.
        """
        channel = self._channel
        if channel is None or not channel.is_open:
            channel = await self._connected()
        return await channel.call(method, params)

    async def callback(self, **params: Any) -> dict[str, Any]:
        """Request a callback; gives the job, which is durable. See callback.request."""
        job: dict[str, Any] = await self.call("callback.request", **params)
        return job

    def events(
        self,
        types: Iterable[str] = (),
        *,
        since: int | None = None,
        epoch: str | None = None,
        snapshot: bool | None = None,
        give_up_s: float | None = None,
    ) -> EventStream:
        """Events whose type begins with one of `types` (none: all), after `since` of `epoch`.

        `snapshot`: views of what is there now come first; None: where something was missed.

        `async with` subscribes at its beginning and closes the connection at its end; `async for`
        never ends by itself.
        """
        return EventStream(
            self.address,
            types=types,
            since=since,
            epoch=epoch,
            snapshot=snapshot,
            give_up_s=give_up_s,
            reply_s=self.reply_s,
        )

    async def wait_for_job(
        self,
        job_id: str,
        on_event: Callable[[Event], None] | None = None,
        *,
        events: EventStream | None = None,
    ) -> dict[str, Any]:
        """The job once it has ended; `on_event` is called with its events on the way.

        With `events`, a stream that was begun before the job was requested, no event is missed.
        Survives a restart of the engine. Raises EngineError `not_found`, ConnectionLost,
        NoReply.
        """
        if events is None:
            async with self.events() as fresh:
                return await self._ended_job(job_id) or await self._follow(job_id, on_event, fresh)
        return await self._follow(job_id, on_event, events)

    async def _follow(
        self, job_id: str, on_event: Callable[[Event], None] | None, events: EventStream
    ) -> dict[str, Any]:
        async for event in events:
            mine = event.get("job") == job_id
            if mine and on_event is not None:
                on_event(event)
            if (mine and event["type"] in ENDED) or event["type"] == "client.gap":
                job = await self._ended_job(job_id)
                if job is not None:
                    return job
        raise ConnectionLost(f"no more events from {self.address}")

    async def _ended_job(self, job_id: str) -> dict[str, Any] | None:
        job: dict[str, Any] = await self.call("callback.get", id=job_id)
        return job if f"callback.{job['state']}" in ENDED else None
