"""What the other packages ask of the event log and of the store, as protocols.

`NOTHING_KEPT`, `NOTHING_RECORDED` and `NOTHING_PUBLISHED` are for parts that run without them, as
in a dry run.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Protocol, TypeVar

import msgspec

T = TypeVar("T")


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


class LoadedDocuments(Documents, Protocol):
    """Keeps documents, and reads them at the start."""

    async def load(self, kind: str, type: type[T]) -> Mapping[str, T]:
        """Every document of this `kind` by its key, each read as a `type`. Raises StoreError."""

    async def flush(self) -> None:
        """Wait until everything saved so far is on the disk. Raises StoreError."""


class RowWriter(Protocol):
    """Keeps rows of the tables of schema.py, as the store does."""

    def insert(self, table: str, row: Mapping[str, object]) -> None:
        """Write a row."""


class Rows(Protocol):
    """Reads rows of the tables of schema.py, as the store does."""

    async def query(self, sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """The rows that a SELECT gives. Raises StoreError."""


class RecordingKeeper(Protocol):
    """Knows the recordings, and deletes them with all that is known of them."""

    async def delete_of(self, ids: Iterable[str], reason: str) -> int:
        """Delete those of these calls and jobs. Raises StoreError."""

    async def delete_before(self, limit: float) -> None:
        """Delete those that ended before `limit`. Raises StoreError."""


class NothingKept:
    """A store that keeps nothing."""

    def put(self, kind: str, key: str, value: msgspec.Struct | Mapping[str, Any]) -> None:
        """See Documents."""

    def drop(self, kind: str, key: str) -> None:
        """See Documents."""

    async def load(self, _kind: str, _type: type[T]) -> Mapping[str, T]:
        """See LoadedDocuments."""
        return {}

    async def flush(self) -> None:
        """See LoadedDocuments."""

    def insert(self, table: str, row: Mapping[str, object]) -> None:
        """See RowWriter."""

    async def query(self, _sql: str, _params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """See Rows."""
        return []


class NothingPublished:
    """An event log that nobody reads."""

    def publish(self, type: str, **fields: Any) -> None:
        """See Publisher."""


class NothingRecorded:
    """No recording is known."""

    async def delete_of(self, _ids: Iterable[str], _reason: str) -> int:
        """See RecordingKeeper."""
        return 0

    async def delete_before(self, _limit: float) -> None:
        """See RecordingKeeper."""


NOTHING_RECORDED: Final = NothingRecorded()
NOTHING_KEPT: Final = NothingKept()
NOTHING_PUBLISHED: Final = NothingPublished()
