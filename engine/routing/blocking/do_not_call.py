"""The do-not-call list: blocked numbers, each with a reason, and perhaps an expiry.

It is kept in memory and on disk. A number is blocked from the moment that it was asked for; the
answer comes once it is on the disk. The numbers of files are blocked as well.
"""

import asyncio
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path

import msgspec

from ...errors import EngineError
from ...store.protocols import NOTHING_KEPT, NOTHING_PUBLISHED, LoadedDocuments, Publisher
from ..numbers.reading import NotDialable
from .listed_numbers import ListedNumbers

KIND = "do_not_call"


class Blocked(msgspec.Struct, frozen=True, kw_only=True):
    """One blocked number. `until` is None where it is blocked for good; `by`: who asked for it."""

    number: str
    """The number in E.164."""
    reason: str
    """Why it is blocked."""
    since: float
    """Since when (Unix seconds)."""
    until: float | None = None
    """Until when; null: for good."""
    by: str | None = None
    """Who asked for it."""

    def holds(self, now: float) -> bool:
        """Whether the number is still blocked."""
        return self.until is None or now < self.until

    def lasts_as_long_as(self, other: "Blocked") -> bool:
        """Whether it blocks its number for at least as long as another entry would."""
        return self.until is None or (other.until is not None and other.until <= self.until)


class DoNotCall:
    """The blocked numbers, in E.164.

    The event `number.blocked` is published at once; the dispatcher then cancels the queued jobs.
    """

    def __init__(
        self,
        store: LoadedDocuments = NOTHING_KEPT,
        events: Publisher = NOTHING_PUBLISHED,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._clock = clock
        self._store = store
        self._events = events
        self._numbers: dict[str, Blocked] = {}
        self._listed = ListedNumbers()
        self._order: list[str] | None = None  # the numbers, sorted; None: not since they changed

    async def load(self, now: float) -> None:
        """Read the list from the store, without what has expired. Raises StoreError."""
        stored: Mapping[str, Blocked] = await self._store.load(KIND, Blocked)
        self._numbers = dict(stored)
        for entry in stored.values():
            if not entry.holds(now):
                self._forget(entry.number)

    async def read_files(self, files: Iterable[str], read: Callable[[str], str | None]) -> None:
        """Block the numbers of these files, and no more those of earlier ones.

        `read` gives a number in E.164; None where a text is none. Raises OSError.
        """
        self._listed = await asyncio.to_thread(ListedNumbers.read, tuple(files), read)

    def find(self, number: str, now: float) -> Blocked | None:
        """The entry that blocks `number` now, if one does: by command, or by a file."""
        entry = self._numbers.get(number)
        if entry is not None and not entry.holds(now):
            self._forget(number)
            entry = None
        return self._of_file(number, now) if entry is None else entry

    def _of_file(self, number: str, now: float) -> Blocked | None:
        listed = self._listed.find(number)
        if listed is None:
            return None
        by = f"file {listed.file}"
        reason = listed.reason or f"it stands in {Path(listed.file).name}"
        entry = Blocked(number=number, reason=reason, since=0.0, until=listed.until, by=by)
        return entry if entry.holds(now) else None

    def check(self, number: str, now: float | None = None) -> None:
        """Raise NotDialable where `number` is not to be called; `now` is None for this moment."""
        entry = self.find(number, self._clock() if now is None else now)
        if entry is not None:
            raise NotDialable(
                f"{number} is not to be called: {entry.reason}",
                policy="do_not_call",
                reason=entry.reason,
                until=entry.until,
            )

    def in_order(self, now: float, *, after: str = "", prefix: str = "") -> Iterator[Blocked]:
        """Entries in the order of their numbers. The list may change on the way."""
        order = self._order
        if order is None:  # it changes seldom, and is read in pages
            order = self._order = sorted(self._numbers)
        begin = max(bisect_left(order, prefix), bisect_right(order, after))
        for number in islice(order, begin, None):
            if not number.startswith(prefix):
                return
            entry = self._numbers.get(number)
            if entry is not None and entry.holds(now):
                yield entry

    def views(self, now: float) -> Iterator[Mapping[str, object]]:
        """Every entry that holds, which may change on the way."""
        for number in tuple(self._numbers):
            entry = self._numbers.get(number)
            if entry is not None and entry.holds(now):
                yield msgspec.structs.asdict(entry)

    def __len__(self) -> int:
        return len(self._numbers)

    async def block(self, entry: Blocked) -> None:
        """Block a number, or change why and until when; returns once it is on the disk.

        Raises StoreError where it cannot be written now: it is blocked all the same, and written
        as soon as can be.
        """
        await self.block_all([entry])

    async def block_all(self, entries: Iterable[Blocked]) -> None:
        """As `block`, for several at once."""
        for entry in entries:
            self._numbers[entry.number] = entry
            self._store.put(KIND, entry.number, entry)
            self._publish("number.blocked", entry)
        self._order = None
        await self._store.flush()

    async def unblock(self, number: str, now: float) -> Blocked | None:
        """Allow a number again; gives the entry that blocked it, if one did. As `block`.

        Raises EngineError `refused` where a file blocks it.
        """
        entry = self.find(number, now)
        if entry is None:
            return None
        if number not in self._numbers:
            reason = f"{number} is blocked by {entry.by}: take it out there, and reload"
            raise EngineError("refused", reason, field="number")
        self._forget(number)
        self._publish("number.unblocked", entry)
        await self._store.flush()
        return entry

    def _forget(self, number: str) -> None:
        self._numbers.pop(number, None)
        self._order = None
        self._store.drop(KIND, number)

    def _publish(self, kind: str, entry: Blocked) -> None:
        self._events.publish(
            kind, number=entry.number, reason=entry.reason, until=entry.until, by=entry.by
        )
