"""How many calls each trunk carries, and whether it may carry, or begin, one more.

A callback reserves the lines that it needs before anybody is called: its customer is dialled only
once an agent has answered, and must not find the trunk full then. A leg that is dialled takes the
line that its call has reserved, or a free one.

`max_calls_per_s` holds twice: callbacks are released at this pace, and no INVITE is sent before its
turn, whatever it is for.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from config.sections import Trunk

from ..trunk_states import TrunksFull
from .pace import Pace


def _loop_time() -> float:
    return asyncio.get_running_loop().time()


class TrunkLoad:
    """Counts the legs that we dial by each trunk. Calls that come in are not limited here."""

    def __init__(
        self, trunks: Sequence[Trunk] = (), clock: Callable[[], float] = _loop_time
    ) -> None:
        self._clock = clock
        self._released: dict[str, Pace] = {}
        self._invites: dict[str, Pace] = {}
        self._held: Counter[str] = Counter()
        self._legs: dict[str, str] = {}
        self._reserved: dict[str, list[tuple[str, str]]] = {}
        self.configure(trunks)

    def configure(self, trunks: Sequence[Trunk]) -> None:
        """Use these limits from now on. Calls that are up go on."""
        self._limits = {trunk.name: trunk.max_calls for trunk in trunks}
        self._released = _paces(trunks, self._released)
        self._invites = _paces(trunks, self._invites)

    def max_calls(self, trunk: str) -> int:
        """The limit of a trunk; 0: none."""
        return self._limits.get(trunk, 0)

    def max_calls_per_s(self, trunk: str) -> float:
        """How many calls it begins a second at most; 0: any number."""
        pace = self._released.get(trunk)
        return 0.0 if pace is None else pace.per_s

    def is_full(self, trunk: str) -> bool:
        """Whether the trunk carries, or has reserved, all the calls that it may, or has just begun
        as many as it may."""
        return self.free_in_s(trunk) != 0.0

    def free_in_s(self, trunk: str) -> float | None:
        """How long until the trunk may begin a call; None: until one of its calls is over."""
        if not self._has_room(trunk, 1):
            return None
        pace = self._released.get(trunk)
        return 0.0 if pace is None else pace.free_in_s(self._clock())

    def free(self, trunk: str) -> int | None:
        """How many calls the trunk may begin now; None: any number."""
        limit, pace = self.max_calls(trunk), self._released.get(trunk)
        lines = None if not limit else max(0, limit - self._held[trunk])
        if pace is None:
            return lines
        starts = pace.free(self._clock())
        return starts if lines is None else min(starts, lines)

    def turn_s(self, trunk: str) -> float:
        """The next INVITE to the trunk takes its turn. Returns in how many seconds that comes."""
        pace = self._invites.get(trunk)
        return 0.0 if pace is None else pace.book(self._clock())

    def _begins(self, trunk: str) -> None:
        pace = self._released.get(trunk)
        if pace is not None:
            pace.note(self._clock())

    def reserve(self, call: str, wanted: Iterable[tuple[str, str | None]]) -> None:
        """Keep lines for the legs of a call, each a role and a trunk (None: it needs no line).

        Raises TrunksFull where one of the trunks has too few; then nothing is reserved.
        """
        lines = [(role, trunk) for role, trunk in wanted if trunk is not None]
        for trunk, count in Counter(trunk for _role, trunk in lines).items():
            if not self._has_room(trunk, count):
                reason = f"trunk {trunk} is full ({self._limits[trunk]} calls)"
                raise TrunksFull(reason, "to", trunks=(trunk,))
            again_in_s = self.free_in_s(trunk)
            if again_in_s:
                reason = f"trunk {trunk} begins {self.max_calls_per_s(trunk):g} calls a second"
                raise TrunksFull(reason, "to", trunks=(trunk,), again_in_s=again_in_s)
        if lines:
            self._reserved[call] = lines
            self._held.update(trunk for _role, trunk in lines)
            for _role, trunk in lines:
                self._begins(trunk)

    def enter(self, call: str, role: str, leg: str, trunk: str | None) -> bool:
        """A leg is dialled by `trunk` now, and by no other. False: the trunk is full.

        What its call has reserved for the role is used up, whichever trunk it goes by.
        """
        self.leave(leg)
        was_reserved = False
        for line in self._reserved.get(call, ()):
            if line[0] == role:
                self._reserved[call].remove(line)
                self._free(line[1])
                was_reserved = line[1] == trunk
                break
        if trunk is None:
            return True
        if not self._has_room(trunk, 1):
            return False
        if not was_reserved:
            self._begins(trunk)
        self._legs[leg] = trunk
        self._held[trunk] += 1
        return True

    def leave(self, leg: str) -> None:
        """The leg is over, or is dialled by another trunk."""
        trunk = self._legs.pop(leg, None)
        if trunk is not None:
            self._free(trunk)

    def over(self, call: str) -> None:
        """The call is over: what it had reserved, and did not use, is free."""
        for _role, trunk in self._reserved.pop(call, ()):
            self._free(trunk)

    def _has_room(self, trunk: str, count: int) -> bool:
        limit = self.max_calls(trunk)
        return not limit or self._held[trunk] + count <= limit

    def _free(self, trunk: str) -> None:
        self._held[trunk] -= 1
        if not self._held[trunk]:
            del self._held[trunk]


def _paces(trunks: Sequence[Trunk], known: dict[str, Pace]) -> dict[str, Pace]:
    """Those of trunks that have one. What has begun still counts where the pace stays as it is."""
    return {
        trunk.name: known[trunk.name]
        if trunk.name in known and known[trunk.name].per_s == trunk.max_calls_per_s
        else Pace(trunk.max_calls_per_s)
        for trunk in trunks
        if trunk.max_calls_per_s
    }
