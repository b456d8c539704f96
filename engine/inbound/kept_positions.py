"""Kept positions: a waiting caller who hangs up and calls again soon has their old position.

A position is stored from the moment the caller joins, so that it outlives a crash of the engine. It
is dropped once the caller is answered, or has not called again in time.
"""

import heapq
import time
from collections.abc import Callable

import msgspec

from ..clock import shifted
from ..store.store import Store

KIND = "place"


class KeptPosition(msgspec.Struct, kw_only=True):
    """The position of `number` in `queue`. `until` is None while the call `held_by` waits in it."""

    queue: str
    number: str
    joined_at: float
    regain_s: float
    held_by: str
    until: float | None = None


class KeptPositions:
    """The positions to which callers may come back."""

    def __init__(self, store: Store, *, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock
        self._held: dict[str, KeptPosition] = {}
        self._expiring: list[tuple[float, str]] = []

    def __len__(self) -> int:
        return len(self._held)

    async def load(self, moved_s: float = 0.0) -> None:
        """Read the positions that an earlier engine left. Those who waited may call again now.

        The clock was stepped by `moved_s` since.
        """
        held = await self._store.load(KIND, KeptPosition)
        now = self._clock()
        for key, position in held.items():
            position.joined_at += moved_s
            position.until = shifted(position.until, moved_s)
            self._held[key] = position
            if position.until is None:
                position.until = now + position.regain_s
            heapq.heappush(self._expiring, (position.until, key))
        self._expire(now)

    def join(
        self,
        call: str,
        queue: str,
        number: str | None,
        regain_s: float,
        waits_since: float | None = None,
    ) -> float:
        """`call` joins `queue`. Returns since when it waits: earlier than now where it came back.

        `waits_since` is the position of the caller's callback, where one waits in this queue. Two
        calls from one number do not share a position: the later one begins at the end.
        """
        now = self._clock()
        self._expire(now)
        now = now if waits_since is None else min(now, waits_since)
        if number is None or regain_s <= 0:
            return now
        key = _key(queue, number)
        position = self._held.get(key)
        if position is not None and position.until is None:
            return now
        joined_at = now if position is None else min(now, position.joined_at)
        self._store_position(
            KeptPosition(
                queue=queue, number=number, joined_at=joined_at, regain_s=regain_s, held_by=call
            )
        )
        return joined_at

    def has(self, queue: str, number: str | None) -> bool:
        """Whether an earlier position of `number` in `queue` is kept now."""
        self._expire(self._clock())
        position = self._held.get(_key(queue, number or ""))
        return position is not None and position.until is not None

    def keep(self, call: str, queue: str, number: str | None) -> None:
        """`call` is over and no agent answered it: keep its position for a while."""
        position = self._of(call, queue, number)
        if position is not None:
            position.until = self._clock() + position.regain_s
            heapq.heappush(self._expiring, (position.until, _key(queue, position.number)))
            self._store_position(position)

    def give_up(self, call: str, queue: str, number: str | None) -> None:
        """`call` needs its position no more: it was answered, sent away, or is called back."""
        position = self._of(call, queue, number)
        if position is not None:
            self._drop(_key(queue, position.number))

    def shift(self, by_s: float) -> None:
        """The clock was stepped: each position is kept as long as before."""
        for position in self._held.values():
            position.joined_at += by_s
            position.until = shifted(position.until, by_s)
            self._store_position(position)
        self._expiring = [(until + by_s, key) for until, key in self._expiring]

    def forget_number(self, number: str | None) -> None:
        """Keep no position of `number` any more, in any queue."""
        for key, position in tuple(self._held.items()):
            if number is not None and position.number == number:
                self._drop(key)

    def _of(self, call: str, queue: str, number: str | None) -> KeptPosition | None:
        position = self._held.get(_key(queue, number or ""))
        return position if position is not None and position.held_by == call else None

    def _expire(self, now: float) -> None:
        while self._expiring and self._expiring[0][0] <= now:
            until, key = heapq.heappop(self._expiring)
            position = self._held.get(key)
            if position is not None and position.until == until:  # nobody came back to it meanwhile
                self._drop(key)

    def _store_position(self, position: KeptPosition) -> None:
        key = _key(position.queue, position.number)
        self._held[key] = position
        self._store.put(KIND, key, position)

    def _drop(self, key: str) -> None:
        del self._held[key]
        self._store.drop(KIND, key)


def _key(queue: str, number: str) -> str:
    return f"{queue} {number}"
