"""Requests that were accepted, and made no callback of their own.

Their number asked not to be called, was called too often, or is that of a callback of somebody
else. Who asked must not learn that, and so finds what they would find of any other.
"""

import random
import time
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from ..numbers import one_number

MOST = 20_000
COMMIT_S = (0.003, 0.009)
"""How long after a request the engine usually says that it waits: it is on the disk by then."""
ERASED = "erased"
"""What the number of a request is once it is erased, here and in the engine."""


class UncalledRequests:
    """The latest of them, in memory. `clock` has the date (Unix seconds)."""

    def __init__(self, most: int = MOST, clock: Callable[[], float] = time.time) -> None:
        self._most = most
        self._clock = clock
        self._kept: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self._deadlines: dict[str, float] = {}
        self._parties: dict[str, str] = {}
        """Whose slot it is, of those that are for one."""

    def add(self, callback_id: str, params: dict[str, Any]) -> None:
        """Remember a request with the parameters that the engine was asked with, or would be."""
        self._kept[callback_id] = {
            "id": callback_id,
            "to": one_number(params["to"], params["region"]),
            "created": self._clock(),
            "queued_after_s": random.uniform(*COMMIT_S),
            "waits_in_queue": bool(params.get("queue")),
            "not_before": params.get("not_before"),
            "context": params["context"],
            "rating": None,
            "state": "queued",
            "ended_at": None,
        }
        self._deadlines[callback_id] = params["deadline"]
        if params.get("slot") is not None:
            self._parties[callback_id] = party_of(params)
        if len(self._kept) > self._most:
            oldest, _request = self._kept.popitem(last=False)
            del self._deadlines[oldest]
            self._parties.pop(oldest, None)

    def due_times(self, party: str) -> list[float]:
        """When those that wait for a slot of the party would be due, in order."""
        found = [self.find(one) for one, whose in self._parties.items() if whose == party]
        return sorted(one["not_before"] for one in found if one and one["state"] == "queued")

    def taken(self, party: str, start: float, end: float) -> dict[str, int]:
        """How many places of a slot these have: what the engine is told of it."""
        due = self.due_times(party)
        taken = bisect_left(due, end) - bisect_left(due, start)
        return {"taken": taken} if taken else {}

    def export(self, callback_id: str) -> dict[str, Any]:
        """What the engine would have kept besides of one that is over."""
        found = self._kept[callback_id]
        moments: list[tuple[str, float]] = []
        if found["to"] != ERASED:
            queued, ended = found["created"] + found["queued_after_s"], found["ended_at"]
            moments = [("callback.queued", queued), (f"callback.{found['state']}", ended)]
            due = max(queued, found["not_before"] or queued)
            if found["waits_in_queue"] and due < ended:
                moments[1:1] = [("queue.joined", due), ("queue.left", ended)]
        events = [{"type": kind, "time": at} for kind, at in moments]
        return {"events": events, "recorded_bytes": 0}

    def find(self, callback_id: str) -> dict[str, Any] | None:
        """What a visitor finds of the request: the members that their own job would have."""
        found = self._kept.get(callback_id)
        if found is not None and found["state"] == "queued":
            deadline = self._deadlines[callback_id]
            if deadline <= self._clock():
                found |= {"state": "expired", "ended_at": deadline}
        return found

    def cancel(self, callback_id: str) -> dict[str, Any] | None:
        """Cancel it. None where it is not known, or over."""
        found = self.find(callback_id)
        if found is None or found["state"] != "queued":
            return None
        found |= {"state": "cancelled", "ended_at": self._clock()}
        return found

    def erase(self, callback_id: str) -> None:
        """Keep of it only that there was one."""
        found = self._kept.get(callback_id)
        if found is not None:
            found |= {"to": ERASED, "context": {}}


def party_of(params: Mapping[str, Any]) -> str:
    """The queue or agent that a request is for, as one word."""
    queue = params.get("queue")
    return f"queue {queue}" if queue else f"agent {params.get('agent')}"
