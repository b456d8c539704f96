"""Requests that were accepted, and made no callback of their own.

Their number asked not to be called, was called too often, or is that of a callback of somebody
else. Who asked must not learn that, and so finds what they would find of any other.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from .numbers import one_number

MOST = 20_000
ERASED = "erased"
"""What the number of a request is once it is erased, here and in the engine."""


class UncalledRequests:
    """The latest of them, in memory. `clock` has the date (Unix seconds)."""

    def __init__(self, most: int = MOST, clock: Callable[[], float] = time.time) -> None:
        self._most = most
        self._clock = clock
        self._kept: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self._deadlines: dict[str, float] = {}

    def add(self, callback_id: str, params: dict[str, Any]) -> None:
        """Remember a request with the parameters that the engine was asked with, or would be."""
        self._kept[callback_id] = {
            "id": callback_id,
            "to": one_number(params["to"], params["region"]),
            "created": self._clock(),
            "not_before": params.get("not_before"),
            "context": params["context"],
            "rating": None,
            "state": "queued",
            "ended_at": None,
        }
        self._deadlines[callback_id] = params["deadline"]
        if len(self._kept) > self._most:
            oldest, _request = self._kept.popitem(last=False)
            del self._deadlines[oldest]

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
