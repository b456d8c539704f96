"""The queues, as the rest of the engine uses them: the matcher on a clock and an event loop.

What the matcher decides is published as `queue.*` at once, in the order in which it was decided;
`on_offer` and `on_leave` are called in the next turn of the loop, never from within a call of the
party that waits. An offer or a leave that was overtaken in between is left out.
"""

import asyncio
import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from config.queues import Centre, EntryKind, Queue

from ..clock import Timer
from ..routing.hours.opening_hours import OpeningHours
from ..store.protocols import NOTHING_KEPT, Documents, Publisher
from .agent_pool import AgentPool, PooledAgent
from .decision_times import DecisionTimes
from .matching.matcher import Matcher
from .positions.position_watch import PERIOD_S, PositionWatch
from .queue import DIRECT, CallQueue
from .queue_entry import QueueEvent
from .queue_views import QueueViews
from .staffing import Staffing
from .waiting import Leave, LeaveReason, Offer, Waiting

T = TypeVar("T")

PAUSED_AS = "queue_paused"
ON_CALL = frozenset({"reserved", "ringing", "talking"})


class Queues:
    """All queues, on the event loop and the wall clock.

    `start` has to be called once the loop runs and the agents are there.
    """

    def __init__(
        self,
        pool: AgentPool,
        events: Publisher,
        *,
        ring_s: float = 30.0,
        store: Documents = NOTHING_KEPT,
        staffing: Staffing | None = None,
        rng: random.Random | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._pool = pool
        self._events = events
        self._store = store
        self._clock = clock
        self.matcher = Matcher(pool, self._publish_event, staffing=staffing, rng=rng, ring_s=ring_s)
        self._lines = self.matcher.queues.by_name
        self.calendars: Mapping[str, OpeningHours] = {}
        self.decision_times = DecisionTimes()
        self.views = QueueViews(
            self.matcher,
            pool,
            self.decision_times,
            agent_hours=self.agent_hours,
            clock=clock,
        )
        self._positions = PositionWatch(self._publish_event)
        self._position_timer: asyncio.TimerHandle | None = None
        self._unsubscribe: Callable[[], None] = lambda: None
        self._depth = 0
        self._pending: list[Callable[[], object]] = []
        self._timer = Timer(clock, self._tick)

    def start(
        self,
        queues: Sequence[Queue] = (),
        centres: Sequence[Centre] = (),
        calendars: Mapping[str, OpeningHours] | None = None,
        *,
        paused: Iterable[str] = (),
    ) -> None:
        """Begin to match. `paused` are the queues that an earlier engine left paused."""
        self._unsubscribe = self._pool.subscribe(on_free=self._on_free, on_change=self._on_change)
        self.configure(queues, centres, calendars)
        for name in paused:
            if name in self._lines:
                self._step(lambda now, name=name: self.matcher.pause(name, True, now))  # type: ignore[misc]

    def configure(
        self,
        queues: Sequence[Queue],
        centres: Sequence[Centre] = (),
        calendars: Mapping[str, OpeningHours] | None = None,
        *,
        ring_s: float | None = None,
    ) -> None:
        """Use this configuration from now on; entries keep their places.

        An agent rings for `ring_s` (None: as long as before).
        """
        if ring_s is not None:
            self.matcher.ring_s = ring_s
        by_name = {centre.name: centre for centre in centres}
        self.calendars = known = calendars or {}
        self._step(lambda now: self.matcher.configure(queues, by_name, known, now))

    def stop(self) -> None:
        """Offer nobody any more."""
        self._unsubscribe()
        self._timer.stop()
        if self._position_timer is not None:
            self._position_timer.cancel()

    # -- for call flows ----------------------------------------------------------------------

    def check(
        self, queue: str, kind: EntryKind = "callback", *, has_place: bool = False, taken: int = 0
    ) -> None:
        """Whether `queue` accepts one more entry now, or one that `has_place` in it.

        `taken` are places in it of which the engine does not know. Raises EngineError `refused`
        where it is not known, `unavailable` where it is full or closed: data has `reason`, and
        `opens_at` and `schedule` of one that is closed.
        """
        self.matcher.queues.check(queue, self._clock(), kind, has_place=has_place, taken=taken)

    def join(self, waiting: Waiting) -> None:
        """Let one wait. `on_offer` or `on_leave` are called in a later turn of the loop.

        Raises EngineError as `check` does, and `conflict` if they wait already.
        """
        self._step(lambda now: self.matcher.join(waiting, now))

    def leave(
        self, waiting_id: str, reason: str = "withdrawn", *, held_for: str | None = None
    ) -> bool:
        """Remove an entry that leaves for a reason of its own. Returns False if it did not wait.

        Their place is held for the job `held_for` until it joins, or `release_place` is called.

        With reason `abandoned` a call is counted as such; anything else is neither counted
        against anybody. A call flow that has got an offer releases its agents itself.
        """
        return self._step(lambda now: self.matcher.leave(waiting_id, reason, now, held_for))

    def release_place(self, job_id: str) -> None:
        """A job for which a place is held will not join. Idempotent."""
        self._step(lambda now: self.matcher.release_place(job_id, now))

    def answered(self, offer: Offer, agent: str) -> bool:
        """`agent` won the offer; False where it was no longer open."""
        return self._step(lambda now: self.matcher.answered(offer, agent, now))

    def left_again(self, offer: Offer, agent: str) -> None:
        """`agent` won the offer, and hung up in the whisper: withhold the entry from them."""
        self._step(lambda now: self.matcher.left_again(offer, agent, now))

    def unanswered(self, offer: Offer) -> bool:
        """No agent answered: the entry waits in its old place. False if it does not wait."""
        return self._step(lambda now: self.matcher.unanswered(offer, now))

    def place(self, waiting_id: str) -> int:
        """The place; 1 is next. Raises EngineError `not_found`."""
        entry = self.matcher.entry(waiting_id)
        return self._lines[entry.queue].place(entry)

    def expected_wait_s(self, waiting_id: str) -> float | None:
        """The expected wait; None if it is not known. Raises EngineError `not_found`."""
        entry = self.matcher.entry(waiting_id)
        line = self._lines[entry.queue]
        return line.expected.wait_s(line.place(entry), self._clock())

    # -- for rules ----------------------------------------------------------------------------

    def count_waiting(self, queue: str) -> int:
        """How many wait for an offer in a queue; 0 where there is none of this name."""
        line = self._lines.get(queue)
        return 0 if line is None else len(line.waiting_index)

    def count_free(self, queue: str) -> int:
        """How many agents of a queue are available."""
        available = (agent for agent in self._pool.all() if agent.state == "available")
        return sum(queue in self.matcher.staffing.own_queues(agent) for agent in available)

    def count_agents(self, queue: str) -> int:
        """How many agents a queue has as its own, wherever they are."""
        return sum(self.matcher.staffing.counts(self._pool.all()).get(queue, {}).values())

    def has_agent(self, name: str) -> bool:
        """Whether there is an agent of this name: requests may name a phone in place of one."""
        return self._pool.get(name) is not None

    def agent_hours(self, agent: str | None) -> OpeningHours | None:
        """When an agent may be asked for by name; None: always, or there is none of this name."""
        found = self._pool.get(agent) if agent is not None else None
        return None if found is None else self.calendars.get(found.calendar)

    def outcomes_of(self, queue: str | None) -> list[str] | None:
        """The outcomes that calls of a queue may have; None: as for every agent."""
        return self.config_of(queue).outcomes

    def config_of(self, queue: str | None) -> Queue:
        """The settings of a queue; those of a direct request where there is none of this name."""
        line = self._lines.get(queue)
        return DIRECT if line is None else line.config

    def shown(self) -> dict[str, CallQueue]:
        """Every queue that is shown: see QueueList."""
        return self.matcher.queues.shown()

    # -- for commands -------------------------------------------------------------------------

    def move(self, waiting_id: str, queue: str) -> None:
        """Move an entry to another queue. Raises EngineError."""
        self._step(lambda now: self.matcher.move(waiting_id, queue, now))

    def remove(self, waiting_id: str, reason: LeaveReason = "withdrawn") -> None:
        """Remove an entry. Raises EngineError `not_found`, or `state` while it is offered."""
        self._step(lambda now: self.matcher.send_away(waiting_id, reason, now))

    def reprioritise(self, waiting_id: str, priority: int) -> None:
        """Change the priority of an entry; returns its position. Raises EngineError `not_found`."""
        self._step(lambda now: self.matcher.reprioritise(waiting_id, priority, now))

    def pause(self, queue: str, paused: bool = True) -> None:
        """Offer nobody of `queue`, or offer again. Raises EngineError `not_found`."""
        if self.matcher.queues.named(queue).paused != paused:
            self._step(lambda now: self.matcher.pause(queue, paused, now))
            self._events.publish("queue.paused" if paused else "queue.resumed", queue=queue)
            if paused:
                self._store.put(PAUSED_AS, queue, {})
            else:
                self._store.drop(PAUSED_AS, queue)

    # -- steps --------------------------------------------------------------------------------

    def _on_free(self, agent: str) -> None:
        self._soon(lambda: self._step(lambda now: self.matcher.free(agent, now)))

    def _on_change(self, agent: PooledAgent, previous: str) -> None:
        if agent.state not in ON_CALL:
            self._soon(lambda: self._step(partial(self._off_call, agent, agent.state, previous)))

    def _off_call(self, agent: PooledAgent, state: str, previous: str, now: float) -> None:
        self.matcher.over(agent.name, now)
        if state == "logged_out":
            self.matcher.logged_out(agent.name, now)
        elif previous == "logged_out":
            self.matcher.logged_in(agent.name, now)
        self.matcher.changed(agent, now)

    def _soon(self, work: Callable[[], object]) -> None:
        """At once, or after the step that is being made: the matcher makes one at a time."""
        if self._depth:
            self._pending.append(work)
        else:
            work()

    def _step(self, work: Callable[[float], T]) -> T:
        assert not self._depth, "a step within a step"
        self._depth += 1
        offers = self.matcher.offers_made
        self.decision_times.begin()
        try:
            result = work(self._clock())
        finally:
            self._depth -= 1
            self._timer.set(self.matcher.next_deadline)
        self.decision_times.end(self.matcher.offers_made - offers)
        while self._pending and not self._depth:
            self._pending.pop(0)()
        return result

    def _publish_event(self, one: QueueEvent) -> None:
        waiting = one.entry.waiting
        if one.kind == "joined" and one.queue is not None:
            waiting.on_queue(one.queue)
        if waiting.kind == "call" and waiting.call is None:
            about: dict[str, Any] = {"call": waiting.id}
        else:
            about = {"job": waiting.id, "call": waiting.call}
        about |= {
            "site": waiting.site,
            "number": waiting.number,
            "queue": one.queue,
            "agent": _only_one(one.fields.get("agents")) or waiting.agent,
            "context": waiting.context or None,
            "kind": waiting.kind,
        }
        self._events.publish(f"queue.{one.kind}", **about | _given(one.fields))
        self._positions.note(one)
        if self._position_timer is None and self._positions.is_needed:
            self._look_at_positions_later()
        if one.offer is not None or one.leave is not None:
            asyncio.get_running_loop().call_soon(self._hand_over, one)

    def _hand_over(self, one: QueueEvent) -> None:
        entry = one.entry
        if one.leave is not None:
            entry.waiting.on_leave(one.leave)
        elif one.offer is not None and entry.offer is one.offer and not entry.is_over:
            entry.is_delivered = True
            entry.waiting.on_offer(one.offer)

    # -- time ---------------------------------------------------------------------------------

    def _tick(self) -> None:
        self._step(self.matcher.tick)

    def _look_at_positions_later(self) -> None:
        loop = asyncio.get_running_loop()
        self._position_timer = loop.call_later(PERIOD_S, self._look_at_positions)

    def _look_at_positions(self) -> None:
        self._position_timer = None
        self._positions.look(self._lines.values(), self._clock())
        if self._position_timer is None and self._positions.is_needed:
            self._look_at_positions_later()

    def shift(self, by_s: float) -> None:
        """The clock was stepped: nobody waits longer or shorter for it."""
        self.matcher.shift(by_s, self._clock())
        self._timer.reset(self.matcher.next_deadline)


def _only_one(agents: Sequence[str] | None) -> str | None:
    return agents[0] if agents is not None and len(agents) == 1 else None


def _given(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


__all__ = ["Leave", "Offer", "Queues", "Waiting"]
