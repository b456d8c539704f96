"""One connection of a client to an engine: requests find their replies, events are handed on."""

import asyncio
import contextlib
import itertools
import math
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec

from .control.jsonrpc import INVALID_PARAMS
from .errors import KIND_CODES, EngineError

Event = dict[str, Any]

REQUEST_BYTES = 1 << 20  # the protocol's limit
# How long a reply may take, unless the client says otherwise: the engine waits for a disk, and
# counts large reports.
REPLY_S = 60.0
# Above any reply; the reader holds at most twice this before the engine feels it.
LINE_BYTES = 4 << 20

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class ClientError(Exception):
    """What goes wrong between client and engine, other than the engine's own refusals."""


class ConnectionLost(ClientError):
    """The connection ended; whether a request under way was done is not known."""


class NoEngine(ConnectionLost):
    """Nobody answers at that address."""


class NoReply(ClientError):
    """The engine has not answered in time; whether a request was done is not known."""


class RequestRejected(ClientError):
    """The request was not understood, or JSON cannot say it: JSON-RPC code, message, data naming
    the field."""

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


@asynccontextmanager
async def within(limit_s: float | None, what: str) -> AsyncIterator[None]:
    """What may take `limit_s`, None: any time. Raises NoReply after that."""
    limit = asyncio.timeout(limit_s)
    try:
        async with limit:
            yield
    except TimeoutError:
        if not limit.expired():
            raise
        raise NoReply(f"{what}: no reply within {limit_s:g} s") from None


def _error(body: dict[str, Any]) -> EngineError | RequestRejected:
    data = body.get("data")
    data = data if isinstance(data, dict) else {}
    kind = data.get("kind")
    if kind in KIND_CODES:
        rest = {name: value for name, value in data.items() if name not in ("kind", "field")}
        return EngineError(kind, body["message"], data.get("field"), rest)
    return RequestRejected(body["code"], body["message"], data)


def _request_line(id: int, method: str, params: dict[str, Any]) -> bytes:
    """A request as it is sent. Raises RequestRejected where JSON cannot say it."""
    request = {"jsonrpc": "2.0", "id": id, "method": method, "params": params}
    try:
        line = _encode(request)
    except (TypeError, ValueError, RecursionError) as error:
        raise _rejected("params", f"cannot be sent as JSON: {error}") from error
    if b"null" in line:  # which is what the encoder makes of infinity, and means the default
        for name, value in params.items():
            if not _is_finite(value):
                raise _rejected(name, "must be a finite number")
    if len(line) > REQUEST_BYTES:  # the error for it would have no id
        raise _rejected("params", f"the request is {len(line)} bytes long; at most {REQUEST_BYTES}")
    return line + b"\n"


def _is_finite(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, dict):
        return all(_is_finite(inner) for inner in value.values())
    return not isinstance(value, list | tuple) or all(_is_finite(inner) for inner in value)


def _rejected(field: str, reason: str) -> RequestRejected:
    data = {"field": field, "reason": reason}
    return RequestRejected(INVALID_PARAMS, f"{field}: {reason}", data)


class Channel:
    """One connection: replies find their requests, events go to `on_event`.

    `on_event` may wait, and then nothing more is read. A reply may take `reply_s`, None: any time.
    """

    def __init__(
        self,
        address: Address,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        on_event: Callable[[Event], Any] | None = None,
        reply_s: float | None = REPLY_S,
    ) -> None:
        self._address = address
        self._reply_s = reply_s
        self._reader = reader
        self._writer = writer
        self._on_event = on_event
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._failure: Exception | None = None
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def open(
        cls,
        address: Address,
        on_event: Callable[[Event], Any] | None = None,
        reply_s: float | None = REPLY_S,
    ) -> "Channel":
        """Connect, and authenticate where that is needed. Raises NoEngine, NoReply, EngineError."""
        async with within(reply_s, f"connecting to {address}"):
            opened = await address.open()
        channel = cls(address, *opened, on_event, reply_s)
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
        ConnectionLost, NoReply."""
        if self._failure is not None:
            raise self._failure
        id = next(self._ids)
        line = _request_line(id, method, params)
        reply: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[id] = reply
        try:
            async with within(self._patience_s(method, params), method):
                self._writer.write(line)
                with contextlib.suppress(ConnectionError):  # the reader tells how it ended
                    await self._writer.drain()
                return await reply
        finally:
            self._waiting.pop(id, None)

    def _patience_s(self, method: str, params: dict[str, Any]) -> float | None:
        """How long the reply may take: a drain as long as it is told to wait, besides."""
        if method != "engine.drain" or self._reply_s is None:
            return self._reply_s
        timeout_s = params.get("timeout_s")
        return None if timeout_s is None else self._reply_s + timeout_s

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
