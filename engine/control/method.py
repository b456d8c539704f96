"""One method of the control protocol: what it takes, what it does, and what it replies."""

import typing
from collections.abc import Awaitable, Callable
from typing import Any, cast, get_type_hints

import msgspec

from .connections.peer import Peer


class Method:
    """The structure of a method's parameters, and what it does with them for a peer.

    `run` may be a coroutine function; one that is not is answered before the next line is read.
    It raises EngineError or BadParams to refuse. One that `is_costly` takes a millisecond of the
    event loop or more: it has its turn, see capacity/turns.py. One that `is_large` is costly too,
    and its replies to one peer are made one after the other, each when those before were taken.
    `until`, where there is one, is awaited before that, and gives the parameters that `run` then
    has: what it waits for holds up no other request. It keeps nothing, and is cancelled when the
    peer is gone. `result` is the type of its reply, where `run` does not say so.
    """

    __slots__ = ("_result", "decoder", "is_costly", "is_large", "run", "until")

    def __init__(
        self,
        params: type[msgspec.Struct],
        run: Callable[[Any, Peer], Awaitable[object] | object],
        *,
        is_costly: bool = False,
        is_large: bool = False,
        until: Callable[[Any, Peer], Awaitable[msgspec.Struct]] | None = None,
        result: object = None,
    ) -> None:
        self.decoder = msgspec.json.Decoder(params)
        self.is_costly = is_costly
        self.is_large = is_large
        self._result = result
        self.until = until
        self.run = run

    @property
    def params(self) -> type[msgspec.Struct]:
        """The structure that its parameters are read into."""
        return cast(type[msgspec.Struct], self.decoder.type)

    @property
    def result(self) -> object:
        """The type of its reply."""
        if self._result is not None:
            return self._result
        kind = get_type_hints(self.run, include_extras=True).get("return", Any)
        if typing.get_origin(kind) is Awaitable:
            (kind,) = typing.get_args(kind)
        return kind
