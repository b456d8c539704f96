"""A client of the control socket, for services, the command line and tests.

    async with await Client.connect("run/control.sock") as client:
        job = await client.callback(to="+442079460123", agent="alice", context={"site": "shop"})
        job = await client.wait_for_job(job["id"])

Each EventStream has a connection of its own, so that events never wait behind replies.
"""

import asyncio
import contextlib
import itertools
import os
import ssl
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import msgspec

from .protocol import KIND_CODES, EngineError

Event = dict[str, Any]

# Above any reply; the reader holds at most twice this before the engine feels it.
LINE_BYTES = 4 << 20
RETRY_FIRST_S = 0.05
RETRY_MOST_S = 2.0
ENDED = frozenset(
    {"callback.completed", "callback.failed", "callback.cancelled", "callback.expired"}
)

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class ClientError(Exception):
    """What goes wrong between client and engine, other than the engine's own refusals."""


class ConnectionLost(ClientError):
    """The connection ended; whether a request under way was done is not known."""


class NoEngine(ConnectionLost):
    """Nobody answers at that address."""


class RequestRejected(ClientError):
    """The engine did not understand the request: JSON-RPC code, message, data naming the field."""

    def __init__(self, code: int, message: str, data: dict[str, Any]) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data

    @property
    def field(self) -> str | None:
        """The parameter that is wrong, where one is."""
        return self.data.get("field")


@dataclass(frozen=True, slots=True)
class Address:
    """Where the engine is: a Unix socket, or a TCP port with TLS and a token."""

    path: str = ""
    host: str = ""
    port: int = 0
    token: str = field(default="", repr=False)
    tls: ssl.SSLContext | None = None

    def __str__(self) -> str:
        return self.path or f"{self.host}:{self.port}"

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect. Raises NoEngine."""
        try:
            if self.path:
                return await asyncio.open_unix_connection(self.path, limit=LINE_BYTES)
            return await asyncio.open_connection(
                self.host, self.port, ssl=self.tls or True, limit=LINE_BYTES
            )
        except FileNotFoundError:
            raise NoEngine(f"no engine at {self}: there is no such socket") from None
        except OSError as error:
            raise NoEngine(f"no engine at {self}: {error.strerror or error}") from error


def _error(body: dict[str, Any]) -> EngineError | RequestRejected:
    data = body.get("data")
    data = data if isinstance(data, dict) else {}
    kind = data.get("kind")
    if kind in KIND_CODES:
        rest = {name: value for name, value in data.items() if name not in ("kind", "field")}
        return EngineError(kind, body["message"], data.get("field"), rest)
    return RequestRejected(body["code"], body["message"], data)


class Channel:
    """One connection: replies find their requests, events go to `on_event`.

    `on_event` may wait, and then nothing more is read.
    """

    def __init__(
        self,
        address: Address,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        on_event: Callable[[Event], Any] | None = None,
    ) -> None:
        self._address = address
        self._reader = reader
        self._writer = writer
        self._on_event = on_event
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._failure: Exception | None = None
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def open(
        cls, address: Address, on_event: Callable[[Event], Any] | None = None
    ) -> "Channel":
        """Connect, and authenticate where that is needed. Raises NoEngine, EngineError."""
        channel = cls(address, *await address.open(), on_event)
        if address.token:
            try:
                await channel.call("auth", {"token": address.token})
            except BaseException:
                await channel.close()
                raise
        return channel

    @property
    def is_open(self) -> bool:
        """Whether requests can be sent."""
        return self._failure is None

    async def call(self, method: str, params: dict[str, Any]) -> Any:
        """Send a request, wait for its result. Raises EngineError, RequestRejected,
        ConnectionLost."""
        if self._failure is not None:
            raise self._failure
        id = next(self._ids)
        reply: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[id] = reply
        request = {"jsonrpc": "2.0", "id": id, "method": method, "params": params}
        try:
            self._writer.write(_encode(request) + b"\n")
            with contextlib.suppress(ConnectionError):  # the reader tells how it ended
                await self._writer.drain()
            return await reply
        finally:
            self._waiting.pop(id, None)

    async def wait_closed(self) -> None:
        """Wait until the connection is over."""
        await asyncio.wait([self._reading])

    async def close(self) -> None:
        """Close the connection."""
        self._reading.cancel()
        await asyncio.wait([self._reading])
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def _read(self) -> None:
        refusal: Exception | None = None
        try:
            while line := await self._reader.readline():
                message = _decode(line)
                if "method" in message:
                    if self._on_event is not None and message["method"] == "event":
                        await self._on_event(message["params"])
                elif message.get("id") is None:
                    refusal = _error(message["error"])
                else:
                    self._answer(message)
        except (OSError, ValueError) as error:  # also a line that is none: cut off in the middle
            refusal = refusal or ConnectionLost(f"connection to {self._address} lost: {error}")
        finally:
            lost = ConnectionLost(f"the engine at {self._address} closed the connection")
            self._failure = refusal or lost
            for reply in self._waiting.values():
                if not reply.done():
                    reply.set_exception(self._failure)

    def _answer(self, message: dict[str, Any]) -> None:
        reply = self._waiting.get(message["id"])
        if reply is None or reply.done():
            return
        if "error" in message:
            reply.set_exception(_error(message["error"]))
        else:
            reply.set_result(message["result"])


class EventStream:
    """Events as they come. Reconnects when the connection ends and resumes where it was.

    What could not be resumed comes as an event of type `client.gap` with `from`, `to` and
    `reason`; after what is kept follow views of what is there now, as `snapshot.*` up to
    `snapshot.end`. With `snapshot` these come in any case, with False never. Raises ConnectionLost
    when no engine is found for `give_up_s` (None: never).
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
    ) -> None:
        self._address = address
        self._types = list(types)
        self.epoch = epoch
        self.seq = since
        self._give_up_s = give_up_s
        # A snapshot that broke off is asked for again; once seen whole, only after another gap.
        self._snapshot = snapshot
        self._channel: Channel | None = None
        self._gap: Event | None = None
        # Bounded: a consumer that is slow slows the reading, and the engine sees it.
        self._next: asyncio.Queue[Event | None] = asyncio.Queue(maxsize=64)
        self._ended: asyncio.Task[None] | None = None

    async def start(self) -> Self:
        """Subscribe; every event after this is seen. Raises NoEngine, EngineError."""
        channel = await Channel.open(self._address, self._next.put)
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
            except ConnectionLost:
                if give_up_at is not None and loop.time() + delay_s > give_up_at:
                    raise
                await asyncio.sleep(delay_s)
                delay_s = min(2 * delay_s, RETRY_MOST_S)
            else:
                return


class Client:
    """One engine. Requests share a connection, which is made anew when it was lost."""

    def __init__(self, address: Address) -> None:
        self.address = address
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
    ) -> "Client":
        """Connect to the Unix socket at `path`, or to `host` and `port` with TLS and `token`.

        Raises NoEngine, or EngineError `refused` where the engine does not let this user in.
        """
        address = Address(os.fspath(path), host, port, token, tls)
        client = cls(address)
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
                self._channel = await Channel.open(self.address)
            return self._channel

    async def call(self, method: str, /, **params: Any) -> Any:
        """The result of `method`. Raises EngineError, RequestRejected, ConnectionLost.

        A request is sent once: after ConnectionLost it may have been done or not.
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
        Survives a restart of the engine. Raises EngineError `not_found`, ConnectionLost.
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
