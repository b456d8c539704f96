"""Lets the courses of requests that make no callback go on, as agents become free and time goes
by."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from ringback_client import EngineError

from ..errors import Refusal
from .courses import Habits
from .uncalled_requests import Line, Party, UncalledRequests

LOOK_S = 1.0
"""How often it is looked whether an agent is free for one that waits."""
HABITS_HOLD_S = 60.0
_LOOKED_THROUGH = (50, 200, 200, 200, 200)
"""How many callbacks of all clients are on each page in which the gateway's own are looked for."""
_ENOUGH = 10


class CoursePlayer:
    """`call` asks the engine, `tell` tells who follows a request that it may have changed."""

    def __init__(
        self,
        uncalled: UncalledRequests,
        call: Callable[..., Awaitable[Any]],
        tell: Callable[[str], None],
    ) -> None:
        self._uncalled = uncalled
        self._call = call
        self._tell = tell
        self._stirred = asyncio.Event()
        self._look_at: dict[Party, float] = {}
        self._habits: dict[Party, tuple[float, Habits]] = {}

    def stir(self, party: Party) -> None:
        """A request of this party came, or is over: look at once."""
        self._look_at.pop(party, None)
        self._stirred.set()

    def stir_all(self) -> None:
        """One is over, or is about to be."""
        self._stirred.set()

    async def play(self) -> None:
        """Play, for ever."""
        while True:
            self._stirred.clear()
            await self._look()
            for callback_id in self._uncalled.changed():
                self._tell(callback_id)
            try:
                async with asyncio.timeout(self._pause_s()):
                    await self._stirred.wait()
            except TimeoutError:
                continue

    def _pause_s(self) -> float | None:
        """How long nothing is to be done; None: until another request comes."""
        at = self._uncalled.next_change
        until_change = None if at is None else max(0.0, at - time.time())
        if not self._look_at:
            return until_change
        until_look = max(0.0, min(self._look_at.values()) - _now())
        return until_look if until_change is None else min(until_look, until_change)

    async def _look(self) -> None:
        waiting = self._uncalled.waiting()
        self._look_at = {one: at for one, at in self._look_at.items() if one in waiting}
        for party in waiting:
            now = _now()
            if self._look_at.get(party, now) > now:
                continue
            self._look_at[party] = now + LOOK_S
            try:
                habits, line = await self._habits_of(party), await self._line(party)
            except (Refusal, EngineError):  # it is asked again
                continue
            self._uncalled.look(party, line, habits)

    async def _line(self, party: Party) -> Line:
        """Who is there now."""
        try:
            found = await self._call(f"{party.kind}.availability", **{party.kind: party.name})
        except EngineError as error:
            if party.kind == "agent" and error.kind == "not_found":  # a phone
                return Line(None, None)
            raise
        free = found["agents_free"] if party.kind == "queue" else int(found["free"])
        return Line(free if found["open"] else 0, found.get("waiting_since"))

    async def _habits_of(self, party: Party) -> Habits:
        """How callbacks of this party went lately."""
        known, now = self._habits.get(party), _now()
        if known is None or now - known[0] > HABITS_HOLD_S:
            known = self._habits[party] = now, Habits.of(await self._latest_jobs(party))
        return known[1]

    async def _latest_jobs(self, party: Party) -> list[Any]:
        """The gateway's latest of this party. Each page has those of all clients looked through,
        and is shown without the others'."""
        jobs: list[Any] = []
        cursor = None
        for limit in _LOOKED_THROUGH:
            found = await self._call(
                "callback.list", limit=limit, cursor=cursor, **{party.kind: party.name}
            )
            jobs += found["jobs"]
            cursor = found["cursor"]
            if len(jobs) >= _ENOUGH or cursor is None:
                break
        return jobs


def _now() -> float:
    return asyncio.get_running_loop().time()
