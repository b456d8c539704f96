"""A reader of the store: a connection that writes nothing, and a thread of its own."""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from .errors import explain

T = TypeVar("T")


class Reader:
    """Runs one query after another; a long one holds up nothing but the others of this reader."""

    def __init__(self, path: Path, connection: sqlite3.Connection, name: str) -> None:
        self._path = path
        self._connection = connection
        connection.execute("PRAGMA query_only = ON")
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)

    async def run(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """What `query` gives. Raises StoreError."""
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._thread, query, self._connection)
        except sqlite3.Error as error:
            raise explain(self._path, error) from error

    def close(self) -> None:
        """Wait for the query under way and close the connection."""
        self._thread.shutdown()
        self._connection.close()
