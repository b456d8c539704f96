"""The matcher: which entry is offered to which agents, and when one leaves. No clock, no loop.

Each method gets `now` and decides at once. An entry that joins is offered to the best of the free
agents who may take it. An agent who becomes free is offered the first entry that they may take.
Between two steps no entry waits that could be offered to a free agent, unless its queue is paused,
full or paced, or the agent has just left that entry unanswered.
"""

import itertools
import math
import random
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from config.queues import Centre, Queue

from ...errors import EngineError
from ...routing.hours.opening_hours import OpeningHours
from ..agent_pool import AgentPool, PooledAgent
from ..queue import CallQueue
from ..queue_entry import Entry, EntryState, QueueEvent, Scope, Turned
from ..queue_list import QueueList
from ..staffing import Presence, Staffing
from ..waiting import Leave, LeaveReason, Offer, Waiting
from .candidates import FreeAgents, first_servable, reserve
from .deadlines import Deadlines
from .escalation import escalate, next_look
from .held_positions import HeldPositions
from .next_entry import next_for
from .withheld import LEAST_AGAIN_S, Withheld

# How many deadlines are worked off in one step, so that calls are not held up by a rush of them.
STEP = 10
# How many of a queue that goes on after a stop are offered in one step.
FILLED = 10


class Matcher:
    """All queues, the entries that wait in them, and the agents who are free.

    `ring_s` is how long an agent rings for an entry that waits for them alone, by default.
    """

    def __init__(
        self,
        pool: AgentPool,
        publish: Callable[[QueueEvent], None],
        *,
        staffing: Staffing | None = None,
        rng: random.Random | None = None,
        ring_s: float = 30.0,
    ) -> None:
        self._pool = pool
        self._publish = publish
        self.ring_s = ring_s
        self.entries: dict[str, Entry] = {}
        self.staffing = staffing or Staffing()
        self.presence = Presence(pool, self.staffing)
        self.queues = QueueList(self.staffing, rng or random.Random())
        self._queues_by_name = self.queues.by_name
        self.free_agents = FreeAgents(self.staffing)
        self.offers_made = 0
        self._on_call: dict[str, tuple[CallQueue, str]] = {}
        self._seq = itertools.count(1)
        self._withheld = Withheld()
        self._held = HeldPositions()
        self._deadlines: Deadlines[Entry | CallQueue] = Deadlines()

    # -- what is configured -------------------------------------------------------------------

    def configure(
        self,
        queues: Iterable[Queue],
        centres: Mapping[str, Centre],
        calendars: Mapping[str, OpeningHours],
        now: float,
    ) -> None:
        """Use the queues as they are configured now. Entries keep their places."""
        agents = tuple(self._pool.all())
        self.queues.configure(queues, centres, calendars, agents)
        self.free_agents.clear()
        for agent in agents:
            if agent.state == "available":
                self.free_agents.mark_free(agent)
        for queue in self.queues:
            self._set_queue_deadline(queue, now)
        for entry in sorted(self.entries.values(), key=lambda entry: entry.key):
            if entry.centre not in centres:
                entry.centre = None
            if entry.state == "waiting":
                self._deadlines.set(entry, now)  # a step at a time, first in queue first

    def entry(self, entry_id: str) -> Entry:
        """Who waits under this id, or will. Raises EngineError `not_found`."""
        entry = self.entries.get(entry_id) or self._held.get(entry_id)
        if entry is None:
            raise EngineError("not_found", f"nobody waits as {entry_id}", field="id")
        return entry

    # -- joining and leaving ------------------------------------------------------------------

    def join(self, waiting: Waiting, now: float) -> Entry:
        """Add the entry of a waiting party. Raises EngineError as `check` does, and `conflict`."""
        if waiting.id in self.entries:
            raise EngineError("conflict", f"{waiting.id} waits already", field="id")
        if waiting.agent is not None:
            if self._pool.get(waiting.agent) is None:
                reason = f"there is no agent named {waiting.agent!r}"
                raise EngineError("refused", reason, field="agent")
        elif not waiting.is_back or waiting.queue not in self._queues_by_name:
            self.queues.check(waiting.queue or "", now, waiting.kind, has_place=waiting.has_place)
        queue = self._queues_by_name[waiting.queue]
        held = self._held.release(waiting.id, now)
        seq = next(self._seq) if held is None else held.seq
        entry = Entry.of(waiting, seq, now)
        entry.missed = self._withheld.pop(waiting.id)
        self.entries[entry.id] = entry
        turned = None if waiting.agent is not None else self.queues.turned(waiting, now)
        self._enter(entry, queue, now, turned)
        return entry

    def _enter(
        self,
        entry: Entry,
        queue: CallQueue,
        now: float,
        turned: Turned | None = None,
        **fields: Any,
    ) -> None:
        """`entry` comes into a queue, from outside or from another one."""
        waiting = entry.waiting
        queue.receive(entry)
        entry.turned = turned
        if waiting.outside_tried or turned:  # it has left the share of its centre
            entry.centre = None
        elif waiting.centre in self.queues.centres:
            entry.centre = waiting.centre
        else:
            can_take = queue.centre_can_take(entry, self.presence)
            entry.centre = queue.shares.pick(waiting.number, waiting.region, now, can_take)
        entry.set_key()
        queue.add_entry(entry, now)
        queue.tally["joined"] += 1
        self._publish_event("joined", entry, now, centre=entry.centre, **fields)
        outside = self.queues.centres[entry.centre].number if entry.centre is not None else ""
        if outside:
            self._end(entry, "overflowed", now, Leave(reason="overflow", target=outside))
            return
        entry.scope, _ = self._scope(entry, queue, now)
        queue.waiting_index.index_entry(entry)
        self._set_queue_deadline(queue, now)
        self._look_at(entry, now)

    def leave(self, entry_id: str, reason: str, now: float, held_for: str | None = None) -> bool:
        """Remove an entry that has gone or is cancelled. False: it did not wait.

        Its place is held for the job `held_for`, until that joins or `release_place` is called.
        """
        entry = self.entries.get(entry_id)
        if entry is None:
            return False
        is_call = entry.waiting.kind == "call"
        self._end(entry, "abandoned" if is_call and reason == "abandoned" else "withdrawn", now,
                  reason=reason)  # fmt: skip
        if held_for is not None:
            self._held.hold(entry, self._queues_by_name[entry.queue], held_for, now)
        return True

    def release_place(self, job_id: str, now: float) -> None:
        """The job will not join after all: its place is held no more. Idempotent."""
        self._held.release(job_id, now)

    def send_away(self, entry_id: str, reason: LeaveReason, now: float) -> None:
        """Remove an entry from its queue. Raises EngineError `not_found`, `state`."""
        entry = self._waiting(entry_id)
        self._end(entry, "withdrawn", now, Leave(reason=reason))

    def move(self, entry_id: str, queue: str, now: float) -> None:
        """Move an entry to another queue, into the place that its time gives it there.

        Raises EngineError `not_found`, `state`, `refused`, `unavailable`.
        """
        entry = self._waiting(entry_id)
        if entry.waiting.agent is not None:
            raise EngineError("state", f"{entry_id} waits for one agent, in no queue", field="id")
        if entry.queue == queue:
            raise EngineError("state", f"{entry_id} waits in {queue} already", field="queue")
        self.queues.require(queue).check(now, entry.waiting.kind)
        entry.visited.clear()
        self._move(entry, self._queues_by_name[queue], "moved", now)

    def reprioritise(self, entry_id: str, priority: int, now: float) -> None:
        """Change the priority of an entry that waits or is offered. Raises EngineError."""
        entry = self.entry(entry_id)
        queue, by = self._queues_by_name[entry.queue], priority - entry.waiting.priority
        entry.waiting.priority = priority
        if entry.state == "waiting":
            self._raise(entry, queue, by, now)
            self._look_at(entry, now)
        else:
            queue.remove_entry(entry, now)
            entry.priority += by
            entry.set_key()
            queue.add_entry(entry, now)

    def _waiting(self, entry_id: str) -> Entry:
        entry = self.entry(entry_id)
        if entry.state != "waiting":
            raise EngineError("state", f"{entry_id} is just being {entry.state}", field="id")
        return entry

    def _move(self, entry: Entry, target: CallQueue, kind: str, now: float) -> None:
        queue = self._queues_by_name[entry.queue]
        self._publish_event(kind, entry, now, to_queue=target.name)
        queue.tally[kind] += 1
        queue.waiting_index.unindex_entry(entry)
        queue.remove_entry(entry, now)
        entry.entered_at = now
        self._enter(entry, target, now, from_queue=queue.name)

    def _end(
        self,
        entry: Entry,
        state: EntryState,
        now: float,
        leave: Leave | None = None,
        reason: str | None = None,
        agent: str | None = None,
    ) -> None:
        queue = self._queues_by_name[entry.queue]
        previous = entry.state
        entry.enter(state)
        kind = state if state in ("answered", "abandoned", "overflowed") else "left"
        self._publish_event(
            kind, entry, now,
            leave=leave,
            reason=reason or (leave.reason if leave is not None else None),
            target=leave.target if leave is not None else None,
            agent=agent,
        )  # fmt: skip
        queue.tally[state] += 1
        del self.entries[entry.id]
        if entry.missed:
            self._withheld.put(entry.id, entry.missed, now)
        queue.remove_entry(entry, now)
        if previous == "waiting" and entry in queue.waiting_index:
            queue.waiting_index.unindex_entry(entry)
        entry.next_at = math.inf
        if previous == "offered" and state != "answered":
            del queue.active[entry.id]
            if entry.offer is not None and not entry.is_delivered:
                entry.offer.release(self._pool)  # nobody has heard of it, so nobody else does
            self._fill_if_held(queue, now)

    # -- offers -------------------------------------------------------------------------------

    def answered(self, offer: Offer, agent: str, now: float) -> bool:
        """`agent` has won the offer. False: it is no longer open."""
        entry = self._offered(offer)
        if entry is None:
            return False
        queue = self._queues_by_name[entry.queue]
        queue.active[entry.id] = (agent,)
        self._on_call[agent] = (queue, entry.id)
        queue.expected.answered(now)
        self._end(entry, "answered", now, agent=agent)
        return True

    def left_again(self, offer: Offer, agent: str, now: float) -> None:
        """`agent` has won the offer, and hung up before the two were joined: as if unanswered."""
        queue = self._queues_by_name.get(offer.queue, self._queues_by_name[None])
        until = now + max(LEAST_AGAIN_S, queue.config.again_s)
        self._withheld.withhold(offer.waiting.id, agent, until, now)

    def unanswered(self, offer: Offer, now: float) -> bool:
        """No agent answered the offer: the entry waits in its old place again."""
        entry = self._offered(offer)
        if entry is None:
            return False
        queue = self._queues_by_name[entry.queue]
        del queue.active[entry.id]
        entry.enter("waiting")
        entry.offer, entry.is_delivered = None, False
        for name in offer.agents:
            entry.missed[name] = now + max(LEAST_AGAIN_S, queue.config.again_s)
        queue.tally["unanswered"] += 1
        self._publish_event("unanswered", entry, now, agents=offer.agents)
        entry.scope, _ = self._scope(entry, queue, now)
        queue.waiting_index.index_entry(entry)
        self._look_at(entry, now)
        self._fill_if_held(queue, now)
        return True

    def _offered(self, offer: Offer) -> Entry | None:
        entry = self.entries.get(offer.waiting.id)
        return entry if entry is not None and entry.offer is offer else None

    def over(self, agent: str, now: float) -> None:
        """The call of `agent` with an entry is over."""
        queue, entry_id = self._on_call.pop(agent, (None, ""))
        if queue is not None and queue.active.get(entry_id) == (agent,):
            del queue.active[entry_id]
            self._fill_if_held(queue, now)

    def _offer(self, entry: Entry, queue: CallQueue, now: float) -> bool:
        """Offer `entry` to the agents its queue's strategy chooses. False: none is free."""
        chosen = reserve(entry, queue, self.free_agents, self._pool, now)
        if not chosen:
            return False
        entry.enter("offered")
        queue.waiting_index.unindex_entry(entry)
        entry.next_at = math.inf
        queue.released(entry, chosen, now)
        queue.tally["offered"] += 1
        self.offers_made += 1
        entry.is_delivered = False
        entry.offer = Offer(
            waiting=entry.waiting,
            queue=entry.queue,
            agents=chosen,
            ring_s=entry.waiting.ring_s or (queue.config.ring_s if queue.name else self.ring_s),
            wrap_up_s=queue.config.wrap_up_s,
            needs_outcome=queue.config.outcome_required,
        )
        self._publish_event("offered", entry, now, agents=list(chosen), ring_s=entry.offer.ring_s)
        return True

    # -- matching -----------------------------------------------------------------------------

    def free(self, agent: str, now: float) -> None:
        """`agent` is available: offer them the first entry that they may take."""
        found = self._pool.get(agent)
        if found is None:
            return
        profile = self.free_agents.mark_free(found)
        set_deadline = partial(self._set_queue_deadline, now=now)
        while agent in self.free_agents.by_name and found.state == "available":
            best = next_for(profile, self.queues, now, set_deadline)
            if best is None or not self._offer(*best, now):
                return
            self._set_queue_deadline(best[1], now)

    def logged_in(self, agent: str, now: float) -> None:
        """Look again at the entries that are kept for `agent` from now on."""
        for queue in self.queues:
            for entry in queue.waiting_index.wished_for(agent):
                if entry.state == "waiting":
                    self._look_at(entry, now)

    def logged_out(self, agent: str, now: float) -> None:
        """Look again at the entries that were kept for `agent`, or wait for nobody, in steps."""
        for queue in self.queues:
            for entry in queue.waiting_index.kept_for(agent):
                self._deadlines.set(entry, now)
            if queue.overflows_unstaffed and not self.presence.is_staffed(queue.name or ""):
                for entry in queue.waiting_index:
                    self._deadlines.set(entry, now)

    def changed(self, agent: PooledAgent, now: float) -> None:
        """Look again at the entries that are kept for a centre which cannot take them now."""
        if agent.centre is None:
            return
        for queue in self.queues:
            for scope, entries in queue.waiting_index.of_centre(agent.centre):
                skills = dict(zip(scope.names, scope.levels, strict=True))
                if not self.presence.can_take(agent.centre, queue.name or "", skills):
                    for entry in entries:
                        self._deadlines.set(entry, now)

    def _look_at(self, entry: Entry, now: float) -> None:
        """Do what is due for a waiting entry: end it, move it, let others help, or offer it."""
        queue = self._queues_by_name[entry.queue]
        due = escalate(entry, queue, self.queues, self.presence.is_staffed, now)
        if due.raise_by:
            self._raise(entry, queue, due.raise_by, now)
        if due.leave is not None:
            state: EntryState = "overflowed" if due.leave.target else "expired"
            self._end(entry, state, now, due.leave)
            return
        if due.to_queue is not None:
            self._move(entry, self._queues_by_name[due.to_queue], "overflowed", now)
            return
        if entry.missed:
            entry.missed = {name: until for name, until in entry.missed.items() if until > now}
        scope, changes_at = self._scope(entry, queue, now)
        if scope != entry.scope:
            queue.waiting_index.unindex_entry(entry)
            entry.scope = scope
            queue.waiting_index.index_entry(entry)
        if queue.is_held:
            if not queue.has_more:  # else its turn comes at once
                self._fill_if_held(queue, now)
        elif queue.may_release(now):
            self._offer(entry, queue, now)
        self._set_queue_deadline(queue, now)
        if entry.state == "waiting" and not entry.is_over:
            self._deadlines.set(entry, next_look(entry, queue, changes_at, now))

    def _raise(self, entry: Entry, queue: CallQueue, by: int, now: float) -> None:
        queue.waiting_index.unindex_entry(entry)
        queue.remove_entry(entry, now)
        entry.priority += by
        entry.set_key()
        queue.add_entry(entry, now)
        queue.waiting_index.index_entry(entry)

    def _scope(self, entry: Entry, queue: CallQueue, now: float) -> tuple[Scope, float]:
        return queue.scope(entry, now, self.presence)

    # -- held queues --------------------------------------------------------------------------

    def pause(self, name: str, paused: bool, now: float) -> None:
        """Offer nobody of this queue any more, or offer again. Raises EngineError `not_found`."""
        queue = self.queues.named(name)
        queue.paused = paused
        if not paused:
            queue.is_held = True
            self._fill_if_held(queue, now)

    def _fill_if_held(self, queue: CallQueue, now: float) -> None:
        """Offer as many entries as the queue's capacity and pacing allow now."""
        if not queue.is_held:
            return
        queue.has_more = False
        for _ in range(FILLED):
            if not queue.may_release(now):
                break
            entry = first_servable(queue, self.free_agents, now)
            if entry is None:
                queue.is_held = False
                break
            self._offer(entry, queue, now)
        else:
            queue.has_more = True
        self._set_queue_deadline(queue, now)

    # -- deadlines ----------------------------------------------------------------------------

    @property
    def next_deadline(self) -> float | None:
        """When to call `tick` next."""
        return self._deadlines.next_at

    def tick(self, now: float) -> None:
        """Do what is due by now, or the first part of it: see `next_deadline` afterwards."""
        for target in self._deadlines.due(now, STEP):
            if isinstance(target, CallQueue):
                self._queue_due(target, now)
            elif target.state == "waiting":
                self._look_at(target, now)

    def _queue_due(self, queue: CallQueue, now: float) -> None:
        if queue.is_closing(now):
            for entry in queue.waiting_index:
                self._deadlines.set(entry, now)
        self._fill_if_held(queue, now)
        self._set_queue_deadline(queue, now)

    def _set_queue_deadline(self, queue: CallQueue, now: float) -> None:
        self._deadlines.set(queue, queue.next_change(now))

    def shift(self, by_s: float, now: float) -> None:
        """The clock was stepped, and is `now` now: every wait is as long as before."""
        for queue in self.queues:
            queue.shift(by_s)
        self._withheld.shift(by_s)
        self._deadlines.shift(by_s)
        for queue in self.queues:  # it may be closed by now, or open
            self._deadlines.set(queue, now)

    # -- events -------------------------------------------------------------------------------

    def _publish_event(
        self, kind: str, entry: Entry, now: float, leave: Leave | None = None, **fields: Any
    ) -> None:
        queue = self._queues_by_name[entry.queue]
        self._publish(queue.event(kind, entry, now, leave, fields))
