"""Entries whose position has changed since it was last published.

An entry that leaves the head moves all others. So positions are compared together, from time to
time, and only the first of each queue. No clock and no loop in here.
"""

from collections.abc import Callable, Iterable
from typing import Final

from ..queue import CallQueue
from ..queue_entry import Entry, QueueEvent

PERIOD_S: Final = 5.0
MOST_TOLD: Final = 50
"""Changes are published for this many entries of each queue: the first ones."""

# After these an entry does not stand in its queue any more.
_LEAVING: Final = frozenset({"answered", "abandoned", "overflowed", "left"})


class PositionWatch:
    """The position of each entry that was published last. `publish` gets a changed one."""

    def __init__(self, publish: Callable[[QueueEvent], None]) -> None:
        self._publish = publish
        self._told: dict[int, int] = {}

    @property
    def is_needed(self) -> bool:
        """Whether anybody waits whose position may change."""
        return bool(self._told)

    def note(self, event: QueueEvent) -> None:
        """An event of an entry was published: it had the position, or nobody needs it now."""
        if event.kind in _LEAVING:
            self._told.pop(event.entry.seq, None)
        elif "to_queue" not in event.fields:
            self._told[event.entry.seq] = event.fields["place"]

    def look(self, queues: Iterable[CallQueue], now: float) -> None:
        """Tell those who come first in each queue where they stand, if that has changed."""
        for queue in queues:
            if queue.name is None:  # each waits for one agent alone
                continue
            for place, entry in enumerate(queue.after(None, MOST_TOLD), start=1):
                before = self._told.get(entry.seq)
                if before is not None and before != place:
                    self._tell(entry, queue, before, place, now)

    def _tell(self, entry: Entry, queue: CallQueue, before: int, place: int, now: float) -> None:
        self._told[entry.seq] = place
        said = {
            "place": place,
            "from_place": before,
            "waited_s": entry.waited_s(now),
            "expected_wait_s": queue.expected.wait_s(place, now),
            "priority": entry.priority,
        }
        self._publish(QueueEvent("moved", entry, queue.name, said))
