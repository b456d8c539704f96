"""The queues as they are shown: who waits, why they do, and what outsiders may know."""

from collections.abc import Callable
from typing import TypedDict

from ..errors import EngineError
from ..routing.hours.opening_hours import OpeningHours
from . import explain
from .agent_pool import AgentPool
from .availability import (
    AgentAvailability,
    Availability,
    SlotQuery,
    agent_availability,
    availability,
)
from .decision_times import DecisionTimes, DecisionView
from .matching.matcher import Matcher
from .queue import CallQueue, QueueView
from .queue_entry import Entry, EntryView, Key


class QueuesStatus(DecisionView):
    """What engine.status says of the queues."""

    waiting: int
    """How many wait in all queues, offered ones too."""


class QueueReasons(TypedDict):
    """A queue, and why its entries wait."""

    queue: str | None
    """The queue; null: it waits for one agent."""
    waiting: int
    """How many wait."""
    held_back: str | None
    """Why the queue offers nothing now, in words; null: nothing holds it back."""
    why: str | None
    """Why the first waits although an agent is free, in words; null: no such agent is free."""


class QueueExplanation(QueueReasons):
    """queue.explain."""

    entry: EntryView | None
    """The entry that was asked for, or the first; null: nobody waits."""
    agents: list[explain.CouldTake]
    """The agents who may take it; first those who could now."""


class QueueViews:
    """What the control protocol shows of the queues of a matcher. It changes nothing.

    `agent_hours` says when an agent may be asked for by name.
    """

    def __init__(
        self,
        matcher: Matcher,
        pool: AgentPool,
        decision_times: DecisionTimes,
        *,
        agent_hours: Callable[[str | None], OpeningHours | None],
        clock: Callable[[], float],
    ) -> None:
        self._matcher = matcher
        self._lines = matcher.queues.by_name
        self._pool = pool
        self._decision_times = decision_times
        self._agent_hours = agent_hours
        self._clock = clock

    def viewer(self) -> Callable[[CallQueue], QueueView]:
        """What shows a queue, with how many agents it has now."""
        now, staff = self._clock(), self._staff()
        return lambda line: self._view_of(line, staff.get(line.name or "", {}), now)

    def all(self) -> list[QueueView]:
        """Each queue that is shown, as it is shown."""
        return list(map(self.viewer(), self._matcher.queues.shown().values()))

    def view(self, queue: str) -> QueueView:
        """One queue, as it is shown. Raises EngineError `not_found`."""
        line = self._matcher.queues.named(queue)
        return self._view_of(line, self._staff().get(queue, {}), self._clock())

    def availability(
        self, queue: str, days: int, slots: SlotQuery | None = None, *, taken: int = 0
    ) -> Availability:
        """What outsiders may know of a queue, with its hours of `days` days, and their `slots`.

        `taken` are places in it of which the engine does not know: they wait like others. Raises
        EngineError `not_found`.
        """
        line, now = self._matcher.queues.named(queue), self._clock()
        accepts = self._matcher.queues.accepts(queue, now, "callback", taken=taken)
        staff = self._staff().get(queue, {})
        return availability(line, staff, accepts, days, now, slots, taken)

    def agent_availability(
        self, agent: str, days: int, slots: SlotQuery | None = None
    ) -> AgentAvailability:
        """What outsiders may know of an agent. Raises EngineError `not_found`."""
        found = self._pool.get(agent)
        if found is None:
            raise EngineError("not_found", f"there is no agent named {agent!r}", field="agent")
        return agent_availability(found, self._agent_hours(agent), days, self._clock(), slots)

    def _view_of(self, line: CallQueue, staff: dict[str, int], now: float) -> QueueView:
        why = explain.why_waiting(self._matcher, self._pool, line, now)
        return {**line.view(now), "agents": staff, "why_waiting": why}

    def why_waiting(self, queue: str) -> str | None:
        """Why an entry of the queue waits although an agent is free, in words; None: it does not.

        Raises EngineError `not_found`.
        """
        line = self._matcher.queues.named(queue)
        return explain.why_waiting(self._matcher, self._pool, line, self._clock())

    def explained(self, queue: str) -> QueueExplanation:
        """The first who waits in the queue, and who could take them. Raises `not_found`."""
        line = self._matcher.queues.named(queue)
        first = next(line.waiting_index.first(line.order, 1), None)
        if first is not None:
            return self.entry_explained(first.id)
        return {**self._explained(line), "entry": None, "agents": []}

    def entry_explained(self, waiting_id: str) -> QueueExplanation:
        """An entry, and the agents who could take it now. Raises EngineError `not_found`."""
        entry = self._matcher.entry(waiting_id)
        agents = explain.of_entry(self._matcher, self._pool, entry, self._clock())
        view = self.entry_view(waiting_id)
        return {**self._explained(self._lines[entry.queue]), "entry": view, "agents": agents}

    def _explained(self, line: CallQueue) -> QueueReasons:
        now = self._clock()
        return {
            "queue": line.name,
            "waiting": len(line.waiting_index),
            "held_back": line.held_back(now),
            "why": explain.why_waiting(self._matcher, self._pool, line, now),
        }

    def _staff(self) -> dict[str, dict[str, int]]:
        return self._matcher.staffing.counts(self._pool.all())

    def entries(self, queue: str, after: Key | None, count: int) -> list[Entry]:
        """The entries of a queue, the first in line first. Raises EngineError `not_found`."""
        return self._matcher.queues.named(queue).after(after, count)

    def entry_view(self, waiting_id: str) -> EntryView:
        """An entry as the protocol shows it. Raises EngineError `not_found`."""
        return self.view_entry(self._matcher.entry(waiting_id))

    def view_entry(self, entry: Entry) -> EntryView:
        """An entry as the protocol shows it."""
        now, line = self._clock(), self._lines[entry.queue]
        place = line.place(entry)
        return entry.view(now, place, line.expected.wait_s(place, now))

    def status(self) -> QueuesStatus:
        """How many wait, and how long decisions take."""
        return {"waiting": len(self._matcher.entries), **self._decision_times.view()}
