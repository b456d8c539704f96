"""The client of one engine: requests, callbacks, and waiting for their end."""

import asyncio
import os
import ssl
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Self

from .connection import REPLY_S, Address, Connection, Event
from .errors import ConnectionLost
from .event_stream import EventStream

# The events after which a job changes no more.
ENDED = frozenset(
    {"callback.completed", "callback.failed", "callback.cancelled", "callback.expired"}
)


class Client:
    """A client of one engine. Its requests share a connection, which reopens after a loss.

    `reply_s` is how long a reply may take (None: no limit), also the reply to a subscription. The
    time between two events has no limit. Each EventStream has its own connection, so that events
    never wait behind replies.
    """

    def __init__(self, address: Address, *, reply_s: float | None = REPLY_S) -> None:
        self.address = address
        self.reply_s = reply_s
        self._connection: Connection | None = None
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

        Raises NoEngine, NoReply, or EngineError `refused` where this user has no right to
        connect.
        """
        address = Address(os.fspath(path), host, port, token, tls)
        client = cls(address, reply_s=reply_s)
        await client._open_connection()
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
        if self._connection is not None:
            await self._connection.close()
            self._connection = None

    async def _open_connection(self) -> Connection:
        async with self._connecting:
            if self._connection is None or not self._connection.is_open:
                await self.close()
                self._connection = await Connection.open(self.address, reply_s=self.reply_s)
            return self._connection

    async def call(self, method: str, /, **params: Any) -> Any:
        """Send a request and return its result.

        Raises EngineError, RequestRejected, ConnectionLost, NoReply. A request is sent once: after
        ConnectionLost or NoReply the engine may have carried it out, or not. `engine.drain` may
        take its own `timeout_s` in addition to `reply_s`.
        """
        connection = self._connection
        if connection is None or not connection.is_open:
            connection = await self._open_connection()
        return await connection.call(method, params)

    async def callback(self, **params: Any) -> dict[str, Any]:
        """Request a callback and return its job, which the engine has stored on disk.

        The parameters are those of the method `callback.request`.
        """
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
        """A stream of the events whose type begins with one of `types` (none: all events).

        It starts after event `since` of `epoch`, or with the next event. With `snapshot` the
        current state comes first; None: only where events were missed; False: never. `async with`
        subscribes at its beginning and closes the connection at its end. `async for` never ends by
        itself. See EventStream.
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
        """Wait until the job has ended and return it. `on_event` receives its events meanwhile.

        To miss no event, pass as `events` a stream that started before the job was requested. A
        restart of the engine does not end the wait. Raises EngineError `not_found`,
        ConnectionLost, NoReply.
        """
        if events is None:
            async with self.events() as fresh:
                return await self._ended_job(job_id) or await self._follow(job_id, on_event, fresh)
        return await self._follow(job_id, on_event, events)

    async def _follow(
        self, job_id: str, on_event: Callable[[Event], None] | None, events: EventStream
    ) -> dict[str, Any]:
        async for event in events:
            is_of_job = event.get("job") == job_id
            if is_of_job and on_event is not None:
                on_event(event)
            if (is_of_job and event["type"] in ENDED) or event["type"] == "client.gap":
                job = await self._ended_job(job_id)
                if job is not None:
                    return job
        raise ConnectionLost(f"no more events from {self.address}")

    async def _ended_job(self, job_id: str) -> dict[str, Any] | None:
        job: dict[str, Any] = await self.call("callback.get", id=job_id)
        return job if f"callback.{job['state']}" in ENDED else None
