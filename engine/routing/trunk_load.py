"""How many calls each trunk carries, and whether it may carry one more (`max_calls`).

A callback reserves the lines that it needs before anybody is called: its customer is dialled only
once an agent has answered, and must not find the trunk full then. A leg that is dialled takes the
line that its call has reserved, or a free one.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from config.sections import Trunk

from .trunk_states import TrunksFull


class TrunkLoad:
    """Counts the legs that we dial by each trunk. Calls that come in are not limited here."""

    def __init__(self, trunks: Sequence[Trunk] = ()) -> None:
        self._held: Counter[str] = Counter()
        self._legs: dict[str, str] = {}
        self._reserved: dict[str, list[tuple[str, str]]] = {}
        self.configure(trunks)

    def configure(self, trunks: Sequence[Trunk]) -> None:
        """Use these limits from now on. Calls that are up go on."""
        self._limits = {trunk.name: trunk.max_calls for trunk in trunks}

    def max_calls(self, trunk: str) -> int:
        """The limit of a trunk; 0: none."""
        return self._limits.get(trunk, 0)

    def is_full(self, trunk: str) -> bool:
        """Whether the trunk carries, or has reserved, all the calls that it may."""
        return not self._has_room(trunk, 1)

    def reserve(self, call: str, wanted: Iterable[tuple[str, str | None]]) -> None:
        """Keep lines for the legs of a call, each a role and a trunk (None: it needs no line).

        Raises TrunksFull where one of the trunks has too few; then nothing is reserved.
        """
        lines = [(role, trunk) for role, trunk in wanted if trunk is not None]
        for trunk, count in Counter(trunk for _role, trunk in lines).items():
            if not self._has_room(trunk, count):
                raise TrunksFull(f"trunk {trunk} is full ({self._limits[trunk]} calls)", "to")
        if lines:
            self._reserved[call] = lines
            self._held.update(trunk for _role, trunk in lines)

    def enter(self, call: str, role: str, leg: str, trunk: str | None) -> bool:
        """A leg is dialled by `trunk` now, and by no other. False: the trunk is full.

        What its call has reserved for the role is used up, whichever trunk it goes by.
        """
        self.leave(leg)
        for line in self._reserved.get(call, ()):
            if line[0] == role:
                self._reserved[call].remove(line)
                self._free(line[1])
                break
        if trunk is None:
            return True
        if self.is_full(trunk):
            return False
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
