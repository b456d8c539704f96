"""A control server with small handlers, and a bare client that sees every line."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any, cast

import msgspec
import pytest
from msgspec import Meta

from config.sections import Control
from engine.control.connections.peer import Peer
from engine.control.connections.server import ControlServer
from engine.control.method import Method
from engine.control.params import NoParams
from engine.control.rights import Rights
from engine.errors import EngineError
from engine.request import CallbackRequest, Params
from engine.store.event_log import EventLog

LIMIT_S = 40.0


class Number(Params):
    """Parameters of the test methods."""

    n: Annotated[int, Meta(ge=0)]


class Handlers:
    """ping and add answer at once, wait answers once `release` is called, the others fail."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.waiting = 0
        self.costly_done = 0
        self.large_done = 0
        self.requests: list[CallbackRequest] = []

    def table(self) -> dict[str, Method]:
        return {
            "ping": Method(NoParams, self.ping),
            "add": Method(Number, self.add),
            "wait": Method(Number, self.wait),
            "die": Method(NoParams, self.die),
            "die_later": Method(NoParams, self.die_later),
            "unencodable": Method(NoParams, self.unencodable),
            "big": Method(Number, self.big),
            "large": Method(Number, self.big, is_large=True),
            "news": Method(Number, self.news, is_large=True, until=self.wait_for_news),
            "call.get": Method(Number, self.later),
            "costly": Method(Number, self.costly, is_costly=True),
            "conflict": Method(NoParams, self.conflict),
            "callback.request": Method(CallbackRequest, self.callback),
        }

    async def ping(self, _params: NoParams, _peer: Peer) -> dict[str, Any]:
        return {"version": "1", "epoch": "test"}

    def add(self, params: Number, _peer: Peer) -> int:
        return params.n + 1

    async def wait(self, params: Number, _peer: Peer) -> int:
        self.waiting += 1
        await self.gate.wait()
        return params.n

    def die(self, _params: NoParams, _peer: Peer) -> None:
        raise KeyError("defect")

    async def die_later(self, _params: NoParams, _peer: Peer) -> None:
        await asyncio.sleep(0)
        raise KeyError("defect")

    async def unencodable(self, _params: NoParams, _peer: Peer) -> object:
        return object()

    async def big(self, params: Number, _peer: Peer) -> str:
        return "x" * params.n

    async def wait_for_news(self, params: Number, _peer: Peer) -> Number:
        self.waiting += 1
        try:
            await self.gate.wait()
        finally:
            self.waiting -= 1
        return Number(n=params.n * 1000)

    async def news(self, params: Number, _peer: Peer) -> str:
        self.large_done += 1
        return "x" * params.n

    async def later(self, params: Number, _peer: Peer) -> str:
        return "x" * await self.wait(params, _peer)

    def costly(self, params: Number, _peer: Peer) -> int:
        until = time.perf_counter() + 0.003
        while time.perf_counter() < until:
            pass
        self.costly_done += 1
        return params.n

    async def conflict(self, _params: NoParams, _peer: Peer) -> None:
        raise EngineError("conflict", "it is another", field="id", data={"job": "j1"})

    async def callback(self, params: CallbackRequest, _peer: Peer) -> dict[str, Any]:
        params.require_party()
        self.requests.append(params)
        return {"id": params.id}


class BareClient:
    """A bare connection: sends bytes, receives lines."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, *lines: bytes) -> None:
        self.writer.write(b"".join(line + b"\n" for line in lines))

    def request(self, id: object, method: str, /, **params: Any) -> None:
        body = {"jsonrpc": "2.0", "id": id, "method": method, "params": params}
        self.send(json.dumps(body).encode())

    async def receive(self) -> dict[str, Any]:
        async with asyncio.timeout(LIMIT_S):
            line = await self.reader.readline()
        assert line.endswith(b"\n"), line
        message: dict[str, Any] = json.loads(line)
        assert message["jsonrpc"] == "2.0"
        return message

    async def ask(self, method: str, /, **params: Any) -> dict[str, Any]:
        self.request("ask", method, **params)
        return await self.receive()

    async def error(self) -> dict[str, Any]:
        message = await self.receive()
        error: dict[str, Any] = message["error"]
        return error

    def stop_reading(self) -> None:
        """Leave in the kernel's buffer what comes from now on."""
        cast(asyncio.ReadTransport, self.writer.transport).pause_reading()

    def go_on_reading(self) -> None:
        cast(asyncio.ReadTransport, self.writer.transport).resume_reading()

    async def is_closed(self) -> bool:
        async with asyncio.timeout(LIMIT_S):
            return await self.reader.read(1) == b""

    async def close(self) -> None:
        self.writer.close()
        await self.writer.wait_closed()


class Serving:
    """A running server and what it serves."""

    def __init__(self, settings: Control, log: EventLog, methods: Mapping[str, Method]) -> None:
        self.settings = settings
        self.events = log
        self.server = ControlServer(settings, methods, log)

    async def connect(self) -> BareClient:
        path = str(self.settings.socket)
        return BareClient(*await asyncio.open_unix_connection(path, limit=64 << 20))


@asynccontextmanager
async def serving(
    directory: Path,
    handlers: Handlers | None = None,
    log: EventLog | None = None,
    **settings: Any,
) -> AsyncIterator[Serving]:
    """A server on a socket in `directory`, stopped at the end with nothing left over."""
    control = Control(socket=directory / "control.sock", **settings)
    handlers = handlers or Handlers()
    served = Serving(control, log or EventLog(epoch="e1"), handlers.table())
    await served.server.start()
    try:
        yield served
    finally:
        await served.server.stop()
        assert served.server.connections == 0
        assert served.events.listeners == 0


def without_privileges(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every local user be an ordinary one, also where root runs the tests."""
    monkeypatch.setattr(Rights, "is_privileged", staticmethod(lambda _peer: False))


def encode(value: object) -> bytes:
    """Compact JSON."""
    return msgspec.json.encode(value)
