"""Requests that were accepted, and made no callback of their own.

Their number asked not to be called, was called too often, or is that of a callback of somebody
else. Who asked must not learn that, and so finds what they would find of any other: each has the
course of a callback at which nobody answers, beside those that are made.
"""

import heapq
import random
import time
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from ..numbers import one_number
from .courses import ENDED, Course, Habits, Plan

MOST = 20_000
_MOST_CHANGES = 10
"""How many changes of each are noted, before those of what is forgotten are dropped."""
ERASED = "erased"
"""What the number of a request is once it is erased, here and in the engine."""


class Party(NamedTuple):
    """Who would talk: a queue, or an agent."""

    kind: str
    name: str


class Line(NamedTuple):
    """Who is there, of a queue or an agent, beside those that make no callback.

    `free` is None where it is not known: a phone. `waiting_since`: since when the next one waits.
    """

    free: int | None
    waiting_since: float | None


@dataclass(slots=True)
class _Uncalled:
    """One of the requests. `found` is what its visitor finds, but for how far it is."""

    found: dict[str, Any]
    party: Party
    is_for_slot: bool
    course: Course


class UncalledRequests:
    """The latest of them, in memory. `clock` has the date (Unix seconds)."""

    def __init__(
        self,
        most: int = MOST,
        clock: Callable[[], float] = time.time,
        rng: random.Random | None = None,
    ) -> None:
        self._most = most
        self._clock = clock
        self._rng = rng or random.Random()
        self._kept: OrderedDict[str, _Uncalled] = OrderedDict()
        self._open: dict[Party, dict[str, _Uncalled]] = {}
        """Those that are not over."""
        self._changes: list[tuple[float, str]] = []
        """When one changes: a heap."""

    def add(self, callback_id: str, params: Mapping[str, Any], plan: Plan) -> None:
        """Remember a request with the parameters that the engine was asked with, and how its
        callback would go."""
        now, party = self._clock(), party_of(params)
        found = {
            "id": callback_id,
            "to": one_number(params["to"], params["region"]),
            "created": now,
            "not_before": plan["would_be_due"],
            "context": params["context"],
            "rating": None,
        }
        course = Course(plan, party.kind, now, params["deadline"], self._rng)
        one = _Uncalled(found, party, params.get("slot") is not None, course)
        self._kept[callback_id] = self._open.setdefault(party, {})[callback_id] = one
        self._watch(callback_id, course)
        if len(self._kept) > self._most:
            oldest, request = self._kept.popitem(last=False)
            self._close(oldest, request)

    def _close(self, callback_id: str, request: _Uncalled) -> None:
        of_party = self._open.get(request.party, {})
        of_party.pop(callback_id, None)
        if not of_party:
            self._open.pop(request.party, None)

    def _watch(self, callback_id: str, course: Course) -> None:
        if len(self._changes) > _MOST_CHANGES * self._most:
            self._changes = [one for one in self._changes if one[1] in self._kept]
            heapq.heapify(self._changes)
        for at in course.changes_after(self._clock()):
            heapq.heappush(self._changes, (at, callback_id))
        heapq.heappush(self._changes, (course.due, callback_id))

    # -- what time brings -------------------------------------------------------------------

    def changed(self) -> list[str]:
        """Those whose state may have changed since this was asked."""
        now, changed = self._clock(), []
        while self._changes and self._changes[0][0] <= now:
            changed.append(heapq.heappop(self._changes)[1])
        for callback_id in changed:
            if self.find(callback_id) is None:
                continue
            course = self._kept[callback_id].course
            if course.is_ending(now):
                heapq.heappush(self._changes, (course.moments[-1].at, callback_id))
        return list(dict.fromkeys(changed))

    @property
    def next_change(self) -> float | None:
        """When the next one changes; None: none does."""
        return self._changes[0][0] if self._changes else None

    def waiting(self) -> list[Party]:
        """The queues and agents for whom some wait now."""
        now = self._clock()
        return [
            party
            for party, requests in self._open.items()
            if any(one.course.waits_at(now) for one in requests.values())
        ]

    def look(self, party: Party, line: Line, habits: Habits) -> None:
        """Let those begin whose turn it is: an agent is free for them, or somebody who came later
        was served."""
        now, own, since = self._clock(), self._open.get(party, {}), line.waiting_since
        waiting = [(name, one.course) for name, one in own.items() if one.course.waits_at(now)]
        free = None if line.free is None else line.free - self.active(party)
        for callback_id, course in sorted(waiting, key=lambda each: each[1].place):
            is_next = since is None or since > course.place
            needs_agent = course.is_agent_first and free is not None
            is_passed = course.passed_by is not None and since != course.passed_by
            if not needs_agent or (is_next and (is_passed or (free or 0) > 0)):
                if line.free is None:
                    course.party = "phone"
                course.begin(now, habits)
                self._watch(callback_id, course)
                free = None if free is None else free - 1
            else:
                course.join()
                if is_next:
                    course.passed_by = since

    # -- what they take up ------------------------------------------------------------------

    def active(self, party: Party) -> int:
        """How many agents of a queue would be occupied by them."""
        now = self._clock()
        return sum(one.course.has_agent_at(now) for one in self._open.get(party, {}).values())

    def places(self, party: Party) -> int:
        """How many places in a queue they have."""
        now = self._clock()
        return sum(one.course.has_place_at(now) for one in self._open.get(party, {}).values())

    def due_times(self, party: Party) -> list[float]:
        """When those that wait for a slot of the party would be due, in order."""
        now = self._clock()
        return sorted(
            one.course.due
            for one in self._open.get(party, {}).values()
            if one.is_for_slot and one.course.state_at(now) == "queued"
        )

    def taken(self, party: Party, start: float, end: float) -> dict[str, int]:
        """How many places of a slot these have: what the engine is told of it."""
        due = self.due_times(party)
        taken = bisect_left(due, end) - bisect_left(due, start)
        return {"taken": taken} if taken else {}

    # -- what a visitor finds ---------------------------------------------------------------

    def export(self, callback_id: str) -> dict[str, Any]:
        """What the engine would have kept besides of one that is over."""
        one = self._kept[callback_id]
        moments = [] if one.found["to"] == ERASED else one.course.events_until(self._clock())
        events = [{"type": moment.event, "time": moment.at} for moment in moments]
        return {"events": events, "recorded_bytes": 0}

    def find(self, callback_id: str) -> dict[str, Any] | None:
        """What a visitor finds of the request: the members that their own job would have."""
        one = self._kept.get(callback_id)
        if one is None:
            return None
        now = self._clock()
        state = one.course.state_at(now)
        if state in ENDED:
            self._close(callback_id, one)
        return one.found | {"state": state, "ended_at": one.course.ended_at(now)}

    def cancel(self, callback_id: str) -> float | None:
        """Cancel it. Returns when it is over; None where it is not known, or was over."""
        one = self._kept.get(callback_id)
        over = None if one is None else one.course.cancel(self._clock())
        if over is not None:
            heapq.heappush(self._changes, (over, callback_id))
        return over

    def erase(self, callback_id: str) -> None:
        """Keep of it only that there was one."""
        one = self._kept.get(callback_id)
        if one is not None:
            one.found |= {"to": ERASED, "context": {}}


def party_of(params: Mapping[str, Any]) -> Party:
    """The queue or agent that a request is for."""
    queue = params.get("queue")
    return Party("queue", queue) if queue else Party("agent", params.get("agent") or "")
