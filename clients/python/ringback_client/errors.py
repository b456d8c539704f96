"""What can go wrong with a request: the engine refuses it, or does not understand or answer it."""

from collections.abc import Mapping
from typing import Any, Literal

Kind = Literal["conflict", "not_found", "refused", "unavailable", "state"]

KIND_CODES: dict[Kind, int] = {
    "conflict": -32000,
    "not_found": -32001,
    "refused": -32002,
    "unavailable": -32003,
    "state": -32004,
}
INVALID_PARAMS = -32602


class EngineError(Exception):
    """The engine understood the request and does not carry it out.

    `message` is a sentence for a person. `field` names the parameter that is to blame, or is None.
    `data` holds the further details of the error.
    """

    def __init__(
        self,
        kind: Kind,
        message: str,
        field: str | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.field = field
        self.data = dict(data or {})

    @property
    def code(self) -> int:
        """The JSON-RPC error code of this kind."""
        return KIND_CODES[self.kind]


class ClientError(Exception):
    """A failure between client and engine. The engine's own refusals are EngineError."""


class ConnectionLost(ClientError):
    """The connection ended. The engine may have carried out a pending request, or not."""


class NoEngine(ConnectionLost):
    """No engine listens at that address."""


class NoReply(ClientError):
    """The engine did not answer in time. It may have carried out the request, or not."""


class RequestRejected(ClientError):
    """The engine did not understand the request, or JSON cannot express it.

    `code` is the JSON-RPC error code. `data` may name the wrong parameter.
    """

    def __init__(self, code: int, message: str, data: dict[str, Any]) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data

    @property
    def field(self) -> str | None:
        """The name of the wrong parameter, or None."""
        return self.data.get("field")
