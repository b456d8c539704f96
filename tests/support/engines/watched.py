"""A virtual engine whose invariants are checked at every moment, and what a test does with it."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from tests.support.invariants import Invariants, Seen
from tests.support.phones.virtual import VirtualPhone

from .virtual import VirtualEngine, run_engine

LONGEST_S = 1000.0


class WatchedEngine:
    """The engine, its phones, and the events that it published. Phones do nothing by themselves."""

    def __init__(self, engine: VirtualEngine, log: Seen) -> None:
        self.engine, self.network, self.log = engine, engine.world.network, log
        self.ask = engine.ask
        self.phone_of = self.network.call_of
        self.seen = log.of

    async def job(self, job: str) -> dict[str, Any]:
        """A job as it is now."""
        found: dict[str, Any] = await self.ask("callback.get", id=job)
        return found

    async def ended(self, *jobs: str) -> None:
        """Wait until these jobs have ended."""
        for job in jobs:
            await self.log.job_ended(job, within_s=LONGEST_S)

    def state(self, agent: str) -> str:
        """The state of an agent."""
        return next(one.state for one in self.engine.daemon.agents if one.name == agent)

    async def answered(self, user: str, *, rings_s: float = 0.0) -> VirtualPhone:
        """The phone of `user`, which answers once it is called and has rung for `rings_s`."""
        phone = await self.phone_of(user)
        if rings_s:
            phone.act("rings")
            await asyncio.sleep(rings_s)
        phone.act("answers")
        await asyncio.sleep(1)
        return phone


Watched = TypeVar("Watched", bound=WatchedEngine)


def run_watched_engine(
    directory: Path,
    script: Callable[[Watched], Awaitable[None]],
    *,
    as_: Callable[[VirtualEngine, Seen], Watched],
    **sections: Any,
) -> None:
    """Run a script as `run_engine` does, with the engine `as_` the test wants it.

    Nothing may be left at the end, and the events must agree with the jobs and calls.
    """

    async def watched(engine: VirtualEngine) -> None:
        log, invariants = Seen(), Invariants(engine)
        engine.daemon.events.listen(log.listen)
        checks = engine.world.checks
        checks.append(invariants.check_moment)
        before = _tasks()
        await script(as_(engine, log))
        jobs = {job["id"]: job for job in (await engine.ask("callback.list"))["jobs"]}
        invariants.check_evening(jobs)
        log.check(jobs)
        log.check_calls(jobs)
        assert len(_tasks()) == len(before), _tasks()
        checks.clear()

    run_engine(directory, watched, **sections)


def _tasks() -> set[asyncio.Task[Any]]:
    """What runs now, but for the look at trunks that are down, which begins with a silent one."""
    return {task for task in asyncio.all_tasks() if "TrunkHealth" not in repr(task.get_coro())}
