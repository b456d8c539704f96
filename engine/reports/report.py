"""Reports: what is asked, by which definitions, and where it is counted.

A small report is counted in the thread that reads the store. A large one takes seconds of Python,
and would hold up every call for the time that sorting and freeing a hundred thousand rows takes:
it is counted in a process of its own, which is gone when it has answered.
"""

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import tzinfo
from typing import Any

import msgspec

from config.queues import Queue
from config.reporting import Reports as ReportSettings
from media.child_process import python_process

from ..errors import BadParams, EngineError
from ..store.store import Store
from .intervals import LOCAL, Interval, start_of, zone_of
from .measures import Definitions
from .report_count import Kind, Page, Question, answer, has_more_rows
from .report_worker import Order, Refusal, Reply

# More rows than that are counted elsewhere.
ROWS_HERE = 2_000
WORKER_LIMIT_S = 120.0
# How long the pages after the one that was asked for are kept.
KEPT_S = 60.0


class Reports:
    """Answers questions; the large ones one after the other.

    `levels_s` are the service levels of the queues that have one of their own.
    """

    def __init__(
        self,
        store: Store,
        settings: ReportSettings,
        levels_s: Mapping[str, float] | None = None,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._clock = clock
        self._one_at_a_time = asyncio.Lock()
        self._ahead: dict[Question, msgspec.Raw] = {}
        self._forget_timer: asyncio.TimerHandle | None = None
        self._take(settings, levels_s or {})

    @property
    def zone(self) -> tzinfo | None:
        """The place's time zone; None is the machine's own."""
        return zone_of(self._settings.time_zone)

    @property
    def zone_name(self) -> str:
        """Its name; "local" is the machine's own."""
        return self._settings.time_zone or LOCAL

    def configure(
        self, settings: ReportSettings, levels_s: Mapping[str, float] | None = None
    ) -> bool:
        """Count by these settings from now on, the past as well. Whether they are others."""
        before = self._settings, self.definitions
        self._take(settings, levels_s or {})
        return before != (self._settings, self.definitions)

    def _take(self, settings: ReportSettings, levels_s: Mapping[str, float]) -> None:
        self._settings = settings
        self.definitions = Definitions(
            service_level_s=settings.service_level_s,
            short_abandon_s=settings.short_abandon_s,
            include_abandoned=settings.include_abandoned,
            include_short_abandoned=settings.include_short_abandoned,
            include_overflowed=settings.include_overflowed,
            include_expired=settings.include_expired,
            include_withdrawn=settings.include_withdrawn,
            include_lost=settings.include_lost,
            service_level_by_queue=tuple(sorted(levels_s.items())),
        )

    def question(
        self,
        kind: Kind,
        begin: float | None = None,
        end: float | None = None,
        *,
        interval: Interval = "total",
        time_zone: str | None = None,
        **more: Any,
    ) -> Question:
        """What is asked: of today, unless asked otherwise. Raises BadParams."""
        name = time_zone or self.zone_name
        place = zone_of(name)
        now = self._clock()
        end = now if end is None else end
        if begin is None:
            begin = start_of(end, "day", place)
        if begin >= end:
            raise BadParams("from", "must be earlier than to")
        return Question(
            kind=kind,
            begin=begin,
            end=end,
            interval=interval,
            time_zone=name,
            now=now,
            definitions=self.definitions,
            promise_s=self._settings.promise_s,
            alone_s=self._settings.alone_s,
            **more,
        )

    async def answer(self, asked: Question) -> msgspec.Raw:
        """A page of the report. Raises BadParams, StoreError, EngineError `unavailable`.

        The pages after the first are of the same count, while nobody else asks for pages.
        """
        known = self._ahead.pop(_without_now(asked), None) if asked.cursor is not None else None
        if known is not None:
            return known

        def here(connection: sqlite3.Connection) -> list[Page] | None:
            if has_more_rows(connection, asked, ROWS_HERE):
                return None
            return answer(connection, asked)

        pages = await self._store.read(here)
        if pages is None:
            async with self._one_at_a_time:
                pages = await self._elsewhere(asked)
        first, *following = pages
        if following:
            self._keep(asked, following)
        return first.body

    def _keep(self, asked: Question, pages: list[Page]) -> None:
        """Have the pages at hand that are asked for next, for a while."""
        self._ahead = {
            _without_now(msgspec.structs.replace(asked, cursor=page.cursor)): page.body
            for page in pages
        }
        if self._forget_timer is not None:
            self._forget_timer.cancel()
        loop = asyncio.get_running_loop()
        self._forget_timer = loop.call_later(KEPT_S, self._ahead.clear)

    async def _elsewhere(self, asked: Question) -> list[Page]:
        child = python_process("engine.reports.report_worker")
        worker = await asyncio.create_subprocess_exec(
            *child.command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,  # it is not meant by the signals of a terminal
            env=child.environment,
        )
        order = msgspec.json.encode(Order(path=str(self._store.path), asked=asked))
        try:
            async with asyncio.timeout(WORKER_LIMIT_S):
                said, _ = await worker.communicate(order)
        except TimeoutError:
            reason = f"the report was not counted within {WORKER_LIMIT_S:g} s: ask for less"
            raise EngineError("unavailable", reason) from None
        finally:
            if worker.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    worker.kill()
                await worker.wait()
        if worker.returncode != 0:
            raise EngineError("unavailable", "the report could not be counted; see the log")
        reply = msgspec.json.decode(said, type=Reply | Refusal)
        if isinstance(reply, Refusal):
            raise BadParams(reply.field, reply.reason)
        return reply.pages


def service_levels(queues: Iterable[Queue]) -> dict[str, float]:
    """The service levels of the queues that have one of their own, by name."""
    return {queue.name: queue.service_level_s for queue in queues if queue.service_level_s}


def _without_now(asked: Question) -> Question:
    return msgspec.structs.replace(asked, now=0.0)
