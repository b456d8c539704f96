"""What the other packages ask of the event log and of the store, as protocols."""

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec


class Publisher(Protocol):
    """Publishes events, as the event log does."""

    def publish(self, type: str, **fields: Any) -> object:
        """Publish an event of `type`."""


class Documents(Protocol):
    """Keeps documents, as the store does."""

    def put(self, kind: str, key: str, value: msgspec.Struct | Mapping[str, Any]) -> object:
        """Keep `value` under `kind` and `key`."""

    def drop(self, kind: str, key: str) -> object:
        """Forget the document under `kind` and `key`."""
