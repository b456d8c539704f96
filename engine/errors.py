"""How the engine refuses: errors with a kind, a sentence for a person, and what is to blame."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from pydantic import ValidationError

Kind = Literal["conflict", "not_found", "refused", "unavailable", "state"]


KIND_CODES: dict[Kind, int] = {
    "conflict": -32000,
    "not_found": -32001,
    "refused": -32002,
    "unavailable": -32003,
    "state": -32004,
}


class EngineError(Exception):
    """A request that was understood and not done. `message` is a sentence for a person.

    `field` names the parameter that is to blame, if one is. `data` is added to the error's data.
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


def refused_settings(error: "ValidationError", named: str) -> EngineError:
    """`refused`: settings that a command gives do not hold. `named` is the parameter of the name.

    The value is not repeated: it may be a secret.
    """
    found = error.errors(include_url=False, include_input=False)[0]
    place = [str(part) for part in found["loc"]] or [found.get("ctx", {}).get("key", "")]
    field = ".".join(named if part == "name" else part for part in place)
    reason = found["msg"].removeprefix("Value error, ").replace("Input should", "must")
    return EngineError("refused", f"{field}: {reason}", field=field)


class BadParams(ValueError):
    """A parameter that does not hold: `field` is its name inside the structure that says so."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field
        self.reason = reason
