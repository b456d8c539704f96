"""One connection to an engine: it matches replies to requests and hands on events."""

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

from .errors import (
    INVALID_PARAMS,
    KIND_CODES,
    ConnectionLost,
    EngineError,
    NoEngine,
    NoReply,
    RequestRejected,
)

Event = dict[str, Any]

REQUEST_BYTES = 1 << 20  # the protocol's limit
# How long a reply may take by default: the engine waits for its disk, and counts large reports.
REPLY_S = 60.0
# More than any reply. The reader buffers at most twice this before the engine notices.
LINE_BYTES = 4 << 20

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


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
    """Run the body for at most `limit_s` seconds (None: no limit), then raise NoReply."""
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
    """A request as one line of JSON. Raises RequestRejected where JSON cannot express it."""
    request = {"jsonrpc": "2.0", "id": id, "method": method, "params": params}
    try:
        line = _encode(request)
    except (TypeError, ValueError, RecursionError) as error:
        raise _rejected("params", f"cannot be sent as JSON: {error}") from error
    if b"null" in line:  # the encoder writes infinity as null, and null asks for the default
        for name, value in params.items():
            if not _is_finite(value):
                raise _rejected(name, "must be a finite number")
    if len(line) > REQUEST_BYTES:  # the engine's error about it would have no id
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


class Connection:
    """One open connection. `on_event` receives the events.

    Nothing more is read while `on_event` waits. A reply may take `reply_s` (None: no limit).
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
        self._pending: dict[int, asyncio.Future[Any]] = {}
        self._failure: Exception | None = None
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def open(
        cls,
        address: Address,
        on_event: Callable[[Event], Any] | None = None,
        reply_s: float | None = REPLY_S,
    ) -> "Connection":
        """Connect, and authenticate where there is a token.

        Raises NoEngine, NoReply, EngineError.
        """
        async with within(reply_s, f"connecting to {address}"):
            opened = await address.open()
        connection = cls(address, *opened, on_event, reply_s)
        if address.token:
            try:
                await connection.call("auth", {"token": address.token})
            except BaseException:
                await connection.close()
                raise
        return connection

    @property
    def is_open(self) -> bool:
        """Whether requests can be sent."""
        return self._failure is None

    async def call(self, method: str, params: dict[str, Any]) -> Any:
        """Send a request and return its result.

        Raises EngineError, RequestRejected, ConnectionLost, NoReply.
        """
        if self._failure is not None:
            raise self._failure
        id = next(self._ids)
        line = _request_line(id, method, params)
        reply: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._pending[id] = reply
        try:
            async with within(self._reply_limit_s(method, params), method):
                self._writer.write(line)
                with contextlib.suppress(ConnectionError):  # the reader knows how it ended
                    await self._writer.drain()
                return await reply
        finally:
            self._pending.pop(id, None)

    def _reply_limit_s(self, method: str, params: dict[str, Any]) -> float | None:
        """How long the reply may take. A drain has its own timeout on top."""
        if method != "engine.drain" or self._reply_s is None:
            return self._reply_s
        timeout_s = params.get("timeout_s")
        return None if timeout_s is None else self._reply_s + timeout_s

    async def wait_closed(self) -> None:
        """Wait until the connection has ended."""
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
                    self._resolve(message)
        except (OSError, ValueError) as error:  # ValueError: the line was cut off in the middle
            refusal = refusal or ConnectionLost(f"connection to {self._address} lost: {error}")
        finally:
            lost = ConnectionLost(f"the engine at {self._address} closed the connection")
            self._failure = refusal or lost
            for reply in self._pending.values():
                if not reply.done():
                    reply.set_exception(self._failure)

    def _resolve(self, message: dict[str, Any]) -> None:
        reply = self._pending.get(message["id"])
        if reply is None or reply.done():
            return
        if "error" in message:
            reply.set_exception(_error(message["error"]))
        else:
            reply.set_result(message["result"])
