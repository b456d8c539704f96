"""One method of the control protocol: what it takes, and what it does."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from .peer import Peer


class Method:
    """The structure of a method's parameters, and what it does with them for a peer.

    `run` may be a coroutine function; one that is not is answered before the next line is read.
    It raises EngineError or BadParams to refuse. Replies of one that `is_large` are made one after
    the other, each when the peer has taken those before.
    """

    __slots__ = ("decoder", "is_large", "run")

    def __init__(
        self,
        params: type[msgspec.Struct],
        run: Callable[[Any, Peer], Awaitable[object] | object],
        *,
        is_large: bool = False,
    ) -> None:
        self.decoder = msgspec.json.Decoder(params)
        self.is_large = is_large
        self.run = run

    @property
    def params(self) -> type[msgspec.Struct]:
        """The structure that its parameters are read into."""
        kind: type[msgspec.Struct] = self.decoder.type
        return kind
