"""Puts the packets of one stream into order, without a clock: nothing waits that comes in order.

For who hears packets as they come, and plays nothing.
"""

from typing import Final, Generic, TypeVar

# How many newer packets are waited for until one counts as lost.
_WAITS: Final = 2
MOST_LOST: Final = 10
"""More than this is no loss: the sender was silent, or another stream has begun."""

_MASK: Final = 0xFFFF

T = TypeVar("T")


class InOrder(Generic[T]):
    """What comes by sequence numbers of 16 bits, from the first one on."""

    __slots__ = ("_late", "_next")

    def __init__(self) -> None:
        self._next: int | None = None
        self._late: dict[int, T] = {}

    @property
    def is_complete(self) -> bool:
        """Whether nothing waits."""
        return not self._late

    def restart(self) -> None:
        """Another stream begins."""
        self._next = None
        self._late.clear()

    def put(self, sequence: int, packet: T) -> list[tuple[int, T]]:
        """A packet has come. What goes on now, each with how many before it are lost.

        What has been given up already, or came twice, is not told of.
        """
        late, expected = self._late, sequence if self._next is None else self._next
        ahead = sequence - expected & _MASK
        if ahead > _MASK // 2:
            return []
        late[sequence] = packet
        missing = 0
        if ahead:
            if len(late) <= _WAITS and ahead <= MOST_LOST:
                return []
            missing = min(one - expected & _MASK for one in late)
        found = []
        following = expected + missing & _MASK
        while following in late:
            found.append((missing if missing <= MOST_LOST else 0, late.pop(following)))
            following, missing = following + 1 & _MASK, 0
        self._next = following
        return found
