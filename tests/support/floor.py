"""A call centre's floor in virtual time: the real agents and the real queues, no phones.

Guests wait; when one is offered, the test says what the agents do. Runs on a VirtualLoop.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from config.agents import Agent as AgentSettings
from config.agents import AgentDefaults
from config.queues import Centre, Queue
from engine.acd.agent_timer import AgentTimer
from engine.acd.agents import AgentRegistry
from engine.acd.queues import Queues
from engine.acd.waiting import Leave, Offer, Waiting
from engine.routing.hours.opening_hours import OpeningHours

from .virtual_loop import run

# A Wednesday, 10:00 in London.
START = 1_795_600_800.0


def agent(name: str, **settings: Any) -> AgentSettings:
    """An agent's settings; logged in from the start unless they say otherwise."""
    if "addresses" not in settings:
        settings.setdefault("uri", f"sip:{name}@127.0.0.1:5080")
    return AgentSettings(name=name, **settings)


def queue(name: str = "sales", **settings: Any) -> Queue:
    """A queue's settings."""
    return Queue(name=name, **settings)


class Guest:
    """An entry that waits, and what its call flow has heard."""

    def __init__(self, floor: "Floor", waiting_id: str, **who: Any) -> None:
        self.floor = floor
        self.offers: list[Offer] = []
        self.left: Leave | None = None
        self.taken: str | None = None
        self.waiting = Waiting(
            id=waiting_id, on_offer=self.offers.append, on_leave=self._leaves, **who
        )
        self._done = 0

    def _leaves(self, leave: Leave) -> None:
        self.left = leave

    @property
    def id(self) -> str:
        return self.waiting.id

    @property
    def offer(self) -> Offer | None:
        """The offer whose agents ring now."""
        return self.offers[-1] if len(self.offers) > self._done else None

    @property
    def rings(self) -> tuple[str, ...]:
        """The agents who ring now."""
        return self.offer.agents if self.offer is not None else ()

    def is_taken(self, by: str | None = None) -> None:
        """One of the agents (the first, unless `by` is given) answers."""
        offer = self.offer
        assert offer is not None
        self._done = len(self.offers)
        winner = by or offer.agents[0]
        agents = self.floor.agents
        for name in offer.agents:
            agents.ringing(name, self.id)
        assert agents.talking(winner, self.id)
        self.taken = winner
        self.floor.queues.answered(offer, winner)
        for name in offer.agents:
            agents.release(name, self.id)

    def is_missed(self) -> None:
        """None of the agents answers."""
        offer = self.offer
        assert offer is not None
        self._done = len(self.offers)
        for name in offer.agents:
            self.floor.agents.ringing(name, self.id)
            self.floor.agents.missed(name, self.id, "no answer", counts=offer.queue is not None)
        self.floor.queues.unanswered(offer)

    def hangs_up(self, reason: str = "abandoned") -> None:
        """The entry leaves; the agents who ring for it are free."""
        offer, self._done = self.offer, len(self.offers)
        self.floor.queues.leave(self.id, reason)
        if offer is not None:
            for name in offer.agents:
                self.floor.agents.release(name, self.id)

    def is_done(self) -> None:
        """The call is over."""
        assert self.taken is not None
        winner, self.taken = self.taken, None
        self.floor.agents.finished(winner, self.id)


class Floor:
    """Agents and queues at work."""

    def __init__(
        self,
        queues: Sequence[Queue],
        agents: Sequence[AgentSettings],
        *,
        centres: Sequence[Centre] = (),
        calendars: Mapping[str, OpeningHours] | None = None,
        defaults: AgentDefaults | None = None,
        seed: int = 1,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self.events: list[dict[str, Any]] = []
        self.watch: list[Callable[[dict[str, Any]], None]] = []
        self.agents = AgentRegistry(agents, defaults=defaults, events=self, clock=self.clock)
        self.queues = Queues(self.agents, self, rng=random.Random(seed), clock=self.clock)
        self.agents.start()
        self._agent_clock = AgentTimer(self.agents, clock=self.clock)
        self._agent_clock.start()
        self.queues.start(queues, centres, calendars)

    def clock(self) -> float:
        """Now, in Unix seconds."""
        return START + self._loop.time()

    def publish(self, type: str, **fields: Any) -> None:
        """Take an event, as the event log does."""
        event = {"type": type, "at": self._loop.time()} | fields
        self.events.append(event)
        for watcher in self.watch:
            watcher(event)

    async def join(self, waiting_id: str, queue: str | None = "sales", **more: Any) -> Guest:
        """Let an entry wait. `ago_s` is how long it has waited already."""
        who: dict[str, Any] = {"kind": "call", "queue": queue}
        who["joined_at"] = self.clock() - more.pop("ago_s", 0.0)
        guest = Guest(self, waiting_id, **(who | more))
        self.queues.join(guest.waiting)
        await self.turn()
        return guest

    async def turn(self) -> None:
        """Let the loop go on with what has been decided, and deliver it."""
        for _ in range(3):
            await asyncio.sleep(0)

    async def after(self, seconds: float) -> None:
        """Let time pass."""
        await asyncio.sleep(seconds)
        await self.turn()

    def state(self, name: str) -> str:
        """The state of an agent."""
        return self.agents.known(name).state

    def seen(self, kind: str) -> list[dict[str, Any]]:
        """The events of this type so far."""
        return [event for event in self.events if event["type"] == kind]

    def close(self) -> None:
        """Stop the clocks."""
        self.queues.stop()
        self._agent_clock.stop()


def run_floor(
    script: Callable[[Floor], Awaitable[None]],
    queues: Sequence[Queue],
    agents: Sequence[AgentSettings] = (),
    **more: Any,
) -> None:
    """Run a script on a floor with these queues and agents, in virtual time."""

    async def main() -> None:
        floor = Floor(queues, agents, **more)
        try:
            await script(floor)
        finally:
            floor.close()

    run(main())
