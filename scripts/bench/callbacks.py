"""Requests callbacks at a steady rate, and watches how each of them ends."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from ringback_client import Client

ENDED = ("completed", "failed", "cancelled", "expired")
WATCHED = [f"callback.{state}" for state in (*ENDED, "dialing_agent", "whispering")]
WATCHED += ["callback.dialing_customer", "callback.bridged"]


class Followed:
    """One callback whose events are kept. Use `event` and `ended` to wait for them."""

    def __init__(self, job: str) -> None:
        self.id = job
        self._seen: dict[str, dict[str, Any]] = {}
        self._changed = asyncio.Event()

    def take(self, event: dict[str, Any]) -> None:
        """One more event of this callback."""
        self._seen[event["type"].partition(".")[2]] = event
        self._changed.set()

    async def event(self, *states: str) -> dict[str, Any]:
        """The event of the first of these states that is reached."""
        while True:
            for state in states:
                if state in self._seen:
                    return self._seen[state]
            self._changed.clear()
            await self._changed.wait()

    async def ended(self) -> tuple[str, str]:
        """The state the callback ended in, and why."""
        event = await self.event(*ENDED)
        return str(event["type"].partition(".")[2]), str(event.get("cause", ""))


class Callbacks:
    """Requests callbacks between phones of a load peer and counts what becomes of them.

    `states` counts the events by state, `ended` has each job's last state. Use as an asynchronous
    context manager.
    """

    def __init__(self, socket: str, peer: str) -> None:
        self._socket = socket
        self._peer = peer
        self._number = 0
        self._followed: dict[str, Followed] = {}
        self._changed = asyncio.Event()
        self.states: Counter[str] = Counter()
        self.ended: dict[str, str] = {}

    async def __aenter__(self) -> Self:
        self.client = await Client.connect(self._socket)
        self._events = await self.client.events(types=WATCHED).start()
        self._watching = asyncio.create_task(self._watch())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._watching
        await self._events.close()
        await self.client.close()

    async def request(self, agent_side: str, customer: str, **parameters: Any) -> Followed:
        """Ask for a callback between phones that behave so.

        Raises EngineError where the engine refuses.
        """
        self._number += 1
        number = self._number
        followed = self._followed[f"bench-{number}"] = Followed(f"bench-{number}")
        await self.client.call(
            "callback.request",
            id=followed.id,
            agent=f"sip:a{number}.{agent_side}@{self._peer}",
            to=f"sip:b{number}.{customer}@{self._peer}",
            **parameters,
        )
        return followed

    async def at_rate(
        self, count: int, per_s: float, agent_side: str, customer: str, **parameters: Any
    ) -> list[str]:
        """Request `count` callbacks evenly in time, without waiting for one before the next."""

        async def one(_: int) -> str:
            return (await self.request(agent_side, customer, **parameters)).id

        return await spread(count, per_s, one)

    async def reached(self, state: str, count: int, limit_s: float) -> bool:
        """Wait until `count` callbacks were in this state; False: not in time."""
        return await self._until(lambda: self.states[state] >= count, limit_s)

    async def all_ended(self, jobs: list[str], limit_s: float) -> bool:
        """Wait until each of these jobs has ended; False when they did not in time."""
        open_jobs = set(jobs)

        def over() -> bool:
            open_jobs.difference_update(self.ended)
            return not open_jobs

        return await self._until(over, limit_s)

    async def _until(self, condition: Callable[[], bool], limit_s: float) -> bool:
        try:
            async with asyncio.timeout(limit_s):
                while not condition():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return condition()
        return True

    async def _watch(self) -> None:
        async for event in self._events:
            state, job = event["type"].partition(".")[2], event.get("job", "")
            self.states[state] += 1
            if state in ENDED:
                self.ended[job] = state
                followed = self._followed.pop(job, None)
            else:
                followed = self._followed.get(job)
            if followed is not None:
                followed.take(event)
            self._changed.set()


async def spread(count: int, per_s: float, start: Callable[[int], Any]) -> list[Any]:
    """Start `count` coroutines evenly in time and wait for all of them."""
    loop = asyncio.get_running_loop()
    begin = loop.time()
    tasks = []
    for index in range(count):
        delay_s = begin + index / per_s - loop.time()
        if delay_s > 0:
            await asyncio.sleep(delay_s)
        tasks.append(asyncio.create_task(start(index)))
    return list(await asyncio.gather(*tasks))
