"""Asking the methods of the control protocol without a socket: as a local client would."""

import inspect
import json
from collections.abc import Mapping
from typing import Any

import msgspec

from engine.control.connections.peer import Peer
from engine.control.method import Method


async def call_method(table: Mapping[str, Method], name: str, **params: Any) -> Any:
    """The result of a method, as the client reads it. Raises EngineError, BadParams."""
    method = table[name]
    given = method.decoder.decode(json.dumps(params).encode())
    result = method.run(given, Peer("unix", uid=0, gid=0, pid=1))
    if inspect.isawaitable(result):
        result = await result
    return json.loads(msgspec.json.encode(result))
