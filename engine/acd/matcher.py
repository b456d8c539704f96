"""The matcher: who is offered to whom, and when somebody leaves. No clock, no loop, no socket.

It is told what happens, with `now`, and decides at once: an entry that joins is offered to the best
of the free agents who may take it, an agent who becomes free is offered the first of the entries
that he may take. Between two steps nobody waits who could be offered to somebody free, but where
a queue is paused, full or paced, or the agent has just left that entry unanswered.
"""

import itertools
import math
import random
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from config.queues import Centre, Queue

from ..errors import EngineError
from ..routing.opening_hours import OpeningHours
from .agent_pool import AgentPool
from .candidates import FreeAgents, candidates, first_servable, next_for
from .deadlines import Deadlines
from .escalation import escalate, next_look
from .queue import CallQueue
from .queue_entry import Entry, EntryState, QueueEvent, Scope
from .queue_list import QueueList
from .staffing import Staffing
from .waiting import Leave, LeaveReason, Offer, Waiting

# How many deadlines are worked off in one step, so that calls are not held up by a rush of them.
STEP = 10
# How many of a queue that goes on after a stop are offered in one step, likewise.
FILLED = 10


class Matcher:
    """All queues, whoever waits in them, and the agents who are free.

    `ring_s` is how long an agent rings for one who waits for him alone, unless that one says it.
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
        self.queues = QueueList(self.staffing, rng or random.Random())
        self._lines = self.queues.by_name
        self.free_agents = FreeAgents(self.staffing)
        self.offers_made = 0
        self._on_call: dict[str, tuple[CallQueue, str]] = {}
        self._seq = itertools.count(1)
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
        for line in self.queues:
            self._set_line_deadline(line, now)
        for entry in sorted(self.entries.values(), key=lambda entry: entry.key):
            if entry.centre not in centres:
                entry.centre = None
            if entry.state == "waiting":
                self._deadlines.set(entry, now)  # a step at a time, first in line first

    def entry(self, entry_id: str) -> Entry:
        """Who waits under this id. Raises EngineError `not_found`."""
        entry = self.entries.get(entry_id)
        if entry is None:
            raise EngineError("not_found", f"nobody waits as {entry_id}", field="id")
        return entry

    # -- joining and leaving ------------------------------------------------------------------

    def join(self, waiting: Waiting, now: float) -> Entry:
        """Take in one who waits. Raises EngineError as `check` does, and `conflict`."""
        if waiting.id in self.entries:
            raise EngineError("conflict", f"{waiting.id} waits already", field="id")
        if waiting.agent is not None:
            if self._pool.get(waiting.agent) is None:
                reason = f"there is no agent named {waiting.agent!r}"
                raise EngineError("refused", reason, field="agent")
        elif not waiting.is_back or waiting.queue not in self._lines:
            self.queues.check(waiting.queue or "", now, has_place=waiting.has_place)
        line = self._lines[waiting.queue]
        entered_at = waiting.joined_at if waiting.since is None else waiting.since
        entry = Entry(
            waiting=waiting,
            seq=next(self._seq),
            arrived_at=entered_at if waiting.outside_tried else now,  # he was not away
            entered_at=entered_at,
            priority=waiting.priority,
            queue=waiting.queue,
            skills=dict(waiting.skills),
        )
        self.entries[entry.id] = entry
        self._enter(entry, line, now)
        return entry

    def _enter(self, entry: Entry, line: CallQueue, now: float, **fields: Any) -> None:
        """`entry` comes into a queue, from outside or from another one."""
        waiting = entry.waiting
        line.receive(entry)
        if waiting.outside_tried:  # anybody may have him who was sent away already
            entry.centre = None
        elif waiting.centre in self.queues.centres:
            entry.centre = waiting.centre
        else:
            entry.centre = line.shares.pick(waiting.number, waiting.region, now)
        entry.set_key()
        line.add_entry(entry, now)
        line.tally["joined"] += 1
        self._publish_event("joined", entry, now, centre=entry.centre, **fields)
        outside = self.queues.centres[entry.centre].number if entry.centre is not None else ""
        if outside:
            self._end(entry, "overflowed", now, Leave(reason="overflow", target=outside))
            return
        entry.scope, _ = self._scope(entry, line, now)
        line.waiting_index.index_entry(entry)
        self._set_line_deadline(line, now)
        self._look_at(entry, now)

    def leave(self, entry_id: str, reason: str, now: float) -> bool:
        """Who waited has gone, or is called off; his queue forgets him. False: he was not there."""
        entry = self.entries.get(entry_id)
        if entry is None:
            return False
        is_call = entry.waiting.kind == "call"
        self._end(entry, "abandoned" if is_call and reason == "abandoned" else "withdrawn", now,
                  reason=reason)  # fmt: skip
        return True

    def send_away(self, entry_id: str, reason: LeaveReason, now: float) -> None:
        """The queue gives up one who waits. Raises EngineError `not_found`, `state`."""
        entry = self._waiting(entry_id)
        self._end(entry, "withdrawn", now, Leave(reason=reason))

    def move(self, entry_id: str, queue: str, now: float) -> None:
        """Let one wait in another queue, in the place that his time gives him there.

        Raises EngineError `not_found`, `state`, `refused`, `unavailable`.
        """
        entry = self._waiting(entry_id)
        if entry.waiting.agent is not None:
            raise EngineError("state", f"{entry_id} waits for one agent, in no queue", field="id")
        if entry.queue == queue:
            raise EngineError("state", f"{entry_id} waits in {queue} already", field="queue")
        self.queues.check(queue, now)
        entry.visited.clear()
        self._move(entry, self._lines[queue], "moved", now)

    def reprioritise(self, entry_id: str, priority: int, now: float) -> None:
        """Give one who waits, or is being offered, another priority. Raises EngineError."""
        entry = self.entry(entry_id)
        line, by = self._lines[entry.queue], priority - entry.waiting.priority
        entry.waiting.priority = priority
        if entry.state == "waiting":
            self._raise(entry, line, by, now)
            self._look_at(entry, now)
        else:
            line.remove_entry(entry, now)
            entry.priority += by
            entry.set_key()
            line.add_entry(entry, now)

    def _waiting(self, entry_id: str) -> Entry:
        entry = self.entry(entry_id)
        if entry.state != "waiting":
            raise EngineError("state", f"{entry_id} is just being {entry.state}", field="id")
        return entry

    def _move(self, entry: Entry, target: CallQueue, kind: str, now: float) -> None:
        line = self._lines[entry.queue]
        self._publish_event(kind, entry, now, to_queue=target.name)
        line.tally[kind] += 1
        line.waiting_index.unindex_entry(entry)
        line.remove_entry(entry, now)
        entry.entered_at = now
        self._enter(entry, target, now, from_queue=line.name)

    def _end(
        self,
        entry: Entry,
        state: EntryState,
        now: float,
        leave: Leave | None = None,
        reason: str | None = None,
        agent: str | None = None,
    ) -> None:
        line = self._lines[entry.queue]
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
        line.tally[state] += 1
        del self.entries[entry.id]
        line.remove_entry(entry, now)
        if previous == "waiting" and entry in line.waiting_index:
            line.waiting_index.unindex_entry(entry)
        entry.next_at = math.inf
        if previous == "offered" and state != "answered":
            del line.active[entry.id]
            if entry.offer is not None and not entry.is_delivered:
                entry.offer.release(self._pool)  # nobody was told of it, so nobody else does
            self._fill_if_held(line, now)

    # -- offers -------------------------------------------------------------------------------

    def answered(self, offer: Offer, agent: str, now: float) -> bool:
        """`agent` has won the offer. False: it is no longer open."""
        entry = self._offered(offer)
        if entry is None:
            return False
        line = self._lines[entry.queue]
        line.active[entry.id] = (agent,)
        self._on_call[agent] = (line, entry.id)
        line.expected.answered(now)
        self._end(entry, "answered", now, agent=agent)
        return True

    def unanswered(self, offer: Offer, now: float) -> bool:
        """Nobody took the offer: who was offered waits in his old place again."""
        entry = self._offered(offer)
        if entry is None:
            return False
        line = self._lines[entry.queue]
        del line.active[entry.id]
        entry.enter("waiting")
        entry.offer, entry.is_delivered = None, False
        for name in offer.agents:
            entry.missed[name] = now + line.config.again_s
        line.tally["unanswered"] += 1
        self._publish_event("unanswered", entry, now, agents=offer.agents)
        entry.scope, _ = self._scope(entry, line, now)
        line.waiting_index.index_entry(entry)
        self._look_at(entry, now)
        self._fill_if_held(line, now)
        return True

    def _offered(self, offer: Offer) -> Entry | None:
        entry = self.entries.get(offer.waiting.id)
        return entry if entry is not None and entry.offer is offer else None

    def over(self, agent: str, now: float) -> None:
        """The call that `agent` had for one who waited is over."""
        line, entry_id = self._on_call.pop(agent, (None, ""))
        if line is not None and line.active.get(entry_id) == (agent,):
            del line.active[entry_id]
            self._fill_if_held(line, now)

    def _offer(self, entry: Entry, line: CallQueue, now: float) -> bool:
        """Offer `entry` to whom its queue's strategy chooses. False: nobody may be had."""
        agents = list(candidates(entry, line, self.free_agents, now))
        chosen: list[str] = []
        while agents and len(chosen) < line.strategy.at_once:
            agent = line.strategy.choose(agents, entry.skills)
            agents.remove(agent)
            self.free_agents.mark_busy(agent.name)
            if self._pool.reserve(agent.name, entry.id, now):
                line.strategy.taken(agent)
                chosen.append(agent.name)
        if not chosen:
            return False
        entry.enter("offered")
        line.waiting_index.unindex_entry(entry)
        entry.next_at = math.inf
        line.released(entry, tuple(chosen), now)
        line.tally["offered"] += 1
        self.offers_made += 1
        entry.is_delivered = False
        entry.offer = Offer(
            waiting=entry.waiting,
            queue=entry.queue,
            agents=tuple(chosen),
            ring_s=entry.waiting.ring_s or (line.config.ring_s if line.name else self.ring_s),
            wrap_up_s=line.config.wrap_up_s,
        )
        self._publish_event("offered", entry, now, agents=chosen, ring_s=entry.offer.ring_s)
        return True

    # -- matching -----------------------------------------------------------------------------

    def free(self, agent: str, now: float) -> None:
        """`agent` is available: offer him the first of whom he may take."""
        operator = self._pool.get(agent)
        if operator is None:
            return
        profile = self.free_agents.mark_free(operator)
        set_deadline = partial(self._set_line_deadline, now=now)
        while agent in self.free_agents.by_name and operator.state == "available":
            found = next_for(profile, self.queues, now, set_deadline)
            if found is None or not self._offer(*found, now):
                return
            self._set_line_deadline(found[1], now)

    def logged_out(self, agent: str, now: float) -> None:
        """Nobody is kept for `agent` any more: whoever was is looked at again, in steps."""
        for line in self.queues:
            for entry in line.waiting_index.kept_for(agent):
                self._deadlines.set(entry, now)

    def _look_at(self, entry: Entry, now: float) -> None:
        """Do what is due for one who waits: let him go, let others help, offer him."""
        line = self._lines[entry.queue]
        due = escalate(entry, line, self.queues.centres, partial(self.queues.accepts, now=now), now)
        if due.raise_by:
            self._raise(entry, line, due.raise_by, now)
        if due.leave is not None:
            state: EntryState = "overflowed" if due.leave.target else "expired"
            self._end(entry, state, now, due.leave)
            return
        if due.to_queue is not None:
            self._move(entry, self._lines[due.to_queue], "overflowed", now)
            return
        if entry.missed:
            entry.missed = {name: until for name, until in entry.missed.items() if until > now}
        scope, changes_at = self._scope(entry, line, now)
        if scope != entry.scope:
            line.waiting_index.unindex_entry(entry)
            entry.scope = scope
            line.waiting_index.index_entry(entry)
        if line.is_held:
            if not line.has_more:  # else its turn comes at once
                self._fill_if_held(line, now)
        elif line.may_release(now):
            self._offer(entry, line, now)
        self._set_line_deadline(line, now)
        if entry.state == "waiting" and not entry.is_over:
            self._deadlines.set(entry, next_look(entry, line, changes_at))

    def _raise(self, entry: Entry, line: CallQueue, by: int, now: float) -> None:
        line.waiting_index.unindex_entry(entry)
        line.remove_entry(entry, now)
        entry.priority += by
        entry.set_key()
        line.add_entry(entry, now)
        line.waiting_index.index_entry(entry)

    def _scope(self, entry: Entry, line: CallQueue, now: float) -> tuple[Scope, float]:
        return line.scope(entry, now, self._is_logged_in)

    def _is_logged_in(self, agent: str) -> bool:
        operator = self._pool.get(agent)
        return operator is not None and operator.state != "logged_out"

    # -- held queues --------------------------------------------------------------------------

    def pause(self, name: str, paused: bool, now: float) -> None:
        """Offer nobody of this queue any more, or offer again. Raises EngineError `not_found`."""
        line = self.queues.named(name)
        line.paused = paused
        if not paused:
            line.is_held = True
            self._fill_if_held(line, now)

    def _fill_if_held(self, line: CallQueue, now: float) -> None:
        """Let go whom a held queue may let go now."""
        if not line.is_held:
            return
        line.has_more = False
        for _ in range(FILLED):
            if not line.may_release(now):
                break
            entry = first_servable(line, self.free_agents, now)
            if entry is None:
                line.is_held = False
                break
            self._offer(entry, line, now)
        else:
            line.has_more = True
        self._set_line_deadline(line, now)

    # -- deadlines ----------------------------------------------------------------------------

    @property
    def next_deadline(self) -> float | None:
        """When `tick` is to be called next."""
        return self._deadlines.next_at

    def tick(self, now: float) -> None:
        """Do what is due by now, or the first part of it: see `next_deadline` afterwards."""
        for target in self._deadlines.due(now, STEP):
            if isinstance(target, CallQueue):
                self._line_due(target, now)
            elif target.state == "waiting":
                self._look_at(target, now)

    def _line_due(self, line: CallQueue, now: float) -> None:
        if line.is_closing(now):
            for entry in line.waiting_index:
                self._deadlines.set(entry, now)
        self._fill_if_held(line, now)
        self._set_line_deadline(line, now)

    def _set_line_deadline(self, line: CallQueue, now: float) -> None:
        self._deadlines.set(line, line.next_change(now))

    # -- events -------------------------------------------------------------------------------

    def _publish_event(
        self, kind: str, entry: Entry, now: float, leave: Leave | None = None, **fields: Any
    ) -> None:
        line = self._lines[entry.queue]
        place = line.place(entry)
        said = {
            "place": place,
            "waited_s": entry.waited_s(now),
            "expected_wait_s": line.expected.wait_s(place, now),
            "priority": entry.priority,
        }
        offer = entry.offer if kind == "offered" else None
        self._publish(QueueEvent(kind, entry, line.name, said | fields, offer=offer, leave=leave))
