"""A reader of the store."""

import sqlite3
import threading
from pathlib import Path

import pytest

from engine.store.errors import StoreError
from engine.store.reader import Reader


async def test_a_query_runs_elsewhere_and_cannot_write(tmp_path: Path) -> None:
    path = tmp_path / "some.db"
    reader = Reader(path, sqlite3.connect(path, check_same_thread=False), "test-reader")
    assert await reader.run(lambda it: it.execute("SELECT 1").fetchone()) == (1,)
    thread = await reader.run(lambda _: threading.current_thread().name)
    assert thread.startswith("test-reader")
    with pytest.raises(StoreError, match="cannot be written"):
        await reader.run(lambda it: it.execute("CREATE TABLE t (x)"))
    reader.close()
