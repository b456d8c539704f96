"""Which media workers run, in the store: the next engine ends those that outlive this one."""

import asyncio
from collections.abc import Sequence

import structlog

from media.orphan_worker import WorkerMark, end, mark_of

from ..store.store import Store

log = structlog.get_logger()

STORED_AS = "media_worker"


class WorkerJournal:
    """Notes the processes of the media workers."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._noted: set[str] = set()

    def note(self, pids: Sequence[int]) -> None:
        """These run now, and no others."""
        marks = [mark for mark in map(mark_of, pids) if mark is not None]
        now = {str(mark.pid) for mark in marks}
        for key in self._noted - now:
            self._store.drop(STORED_AS, key)
        for mark in marks:
            if str(mark.pid) not in self._noted:
                self._store.put(STORED_AS, str(mark.pid), mark)
        self._noted = now

    async def end_left_behind(self) -> None:
        """End the workers of an engine that died. Raises StoreError."""
        for key, mark in (await self._store.load(STORED_AS, WorkerMark)).items():
            if await asyncio.to_thread(end, mark):
                log.warning("media_worker_left_behind", pid=mark.pid)
            self._store.drop(STORED_AS, key)
