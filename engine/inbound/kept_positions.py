"""Places that are kept: who hangs up while he waits and calls again soon is in his old place.

A place is his from the moment he joins, so that he has it also when the engine dies under him. It
is on the disk, and gone once he was answered, or did not call again in time.
"""

import heapq
import time
from collections.abc import Callable

import msgspec

from ..store.store import Store

KIND = "place"


class KeptPosition(msgspec.Struct, kw_only=True):
    """The place of `number` in `queue`. `until` is None while call `held_by` waits in it."""

    queue: str
    number: str
    joined_at: float
    regain_s: float
    held_by: str
    until: float | None = None


class KeptPositions:
    """Who has a place to come back to."""

    def __init__(self, store: Store, *, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock
        self._held: dict[str, KeptPosition] = {}
        self._expiring: list[tuple[float, str]] = []

    def __len__(self) -> int:
        return len(self._held)

    async def load(self) -> None:
        """Take over the places of an earlier engine: whoever waited then may call again now."""
        held = await self._store.load(KIND, KeptPosition)
        now = self._clock()
        for key, place in held.items():
            self._held[key] = place
            if place.until is None:
                place.until = now + place.regain_s
            heapq.heappush(self._expiring, (place.until, key))
        self._expire(now)

    def join(
        self,
        call: str,
        queue: str,
        number: str | None,
        regain_s: float,
        waits_since: float | None = None,
    ) -> float:
        """`call` joins `queue` now: since when it waits, which is earlier where it came back.

        `waits_since` is the place of his callback, where one waits in this queue. Two calls from
        one number do not share a place: the later one begins at the end.
        """
        now = self._clock()
        self._expire(now)
        now = now if waits_since is None else min(now, waits_since)
        if number is None or regain_s <= 0:
            return now
        key = _key(queue, number)
        place = self._held.get(key)
        if place is not None and place.until is None:
            return now
        joined_at = now if place is None else min(now, place.joined_at)
        self._keep(
            KeptPosition(
                queue=queue, number=number, joined_at=joined_at, regain_s=regain_s, held_by=call
            )
        )
        return joined_at

    def has(self, queue: str, number: str | None) -> bool:
        """Whether `number` would have a place of before in `queue` now."""
        self._expire(self._clock())
        place = self._held.get(_key(queue, number or ""))
        return place is not None and place.until is not None

    def hung_up(self, call: str, queue: str, number: str | None) -> None:
        """`call` is over and nobody took it: its place is kept for a while."""
        place = self._of(call, queue, number)
        if place is not None:
            place.until = self._clock() + place.regain_s
            heapq.heappush(self._expiring, (place.until, _key(queue, place.number)))
            self._keep(place)

    def used(self, call: str, queue: str, number: str | None) -> None:
        """`call` needs its place no more: it was answered, sent away, or is called back."""
        place = self._of(call, queue, number)
        if place is not None:
            self._drop(_key(queue, place.number))

    def _of(self, call: str, queue: str, number: str | None) -> KeptPosition | None:
        place = self._held.get(_key(queue, number or ""))
        return place if place is not None and place.held_by == call else None

    def _expire(self, now: float) -> None:
        while self._expiring and self._expiring[0][0] <= now:
            until, key = heapq.heappop(self._expiring)
            place = self._held.get(key)
            if place is not None and place.until == until:  # not taken up meanwhile
                self._drop(key)

    def _keep(self, place: KeptPosition) -> None:
        key = _key(place.queue, place.number)
        self._held[key] = place
        self._store.put(KIND, key, place)

    def _drop(self, key: str) -> None:
        del self._held[key]
        self._store.drop(KIND, key)


def _key(queue: str, number: str) -> str:
    return f"{queue} {number}"
