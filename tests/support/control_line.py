"""The control socket as its documentation has it: lines of JSON, replies by id, events.

Kept apart from ringback_client on purpose: the protocol is judged by a second reading of it.
"""

import asyncio
import contextlib
import itertools
import json
from pathlib import Path
from typing import Any

from .arrivals import Arrivals

REPLY_S = 40.0


class Refused(Exception):
    """A JSON-RPC error reply."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(f"{error['code']} {error['message']} {error.get('data')}")
        self.code: int = error["code"]
        self.message: str = error["message"]
        self.data: dict[str, Any] = error.get("data") or {}


class ControlLine:
    """One connection to an engine's control socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.events: Arrivals[dict[str, Any]] = Arrivals()
        self.unasked: Arrivals[dict[str, Any]] = Arrivals()
        self._writer = writer
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._reading = asyncio.create_task(self._read(reader))

    @classmethod
    async def open(cls, path: Path) -> "ControlLine":
        """Connect to the socket at `path`. Raises OSError."""
        return cls(*await asyncio.open_unix_connection(str(path), limit=1 << 22))

    async def call(self, method: str, **params: object) -> Any:
        """The result of a request. Raises Refused, TimeoutError, ConnectionError."""
        if not self.is_open:
            raise ConnectionResetError("the engine has closed the connection")
        request_id = next(self._ids)
        reply = asyncio.get_running_loop().create_future()
        self._waiting[request_id] = reply
        self.send_line(
            json.dumps({"jsonrpc": "2.0", "id": request_id, "method": method, "params": params})
        )
        async with asyncio.timeout(REPLY_S):
            answer = await reply
        if "error" in answer:
            raise Refused(answer["error"])
        return answer["result"]

    def send_line(self, text: str | bytes) -> None:
        """Send a line as it is; a reply to it that has no known id goes to `unasked`."""
        self._writer.write((text.encode() if isinstance(text, str) else text) + b"\n")

    @property
    def is_open(self) -> bool:
        """Whether the engine has not closed it."""
        return not self._reading.done()

    async def close(self) -> None:
        """Hang up the connection."""
        self._reading.cancel()
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        try:
            await self._read_lines(reader)
        finally:
            for waiting in self._waiting.values():
                if not waiting.done():
                    waiting.set_exception(ConnectionResetError("closed before it was answered"))

    async def _read_lines(self, reader: asyncio.StreamReader) -> None:
        while (line := await reader.readline()).endswith(b"\n"):
            message = json.loads(line)
            if message.get("method") == "event":
                self.events.add(message["params"])
            elif (waiting := self._waiting.pop(message.get("id"), None)) is not None:
                if not waiting.done():
                    waiting.set_result(message)
            else:
                self.unasked.add(message)
