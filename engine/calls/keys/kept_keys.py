"""Keys that parties may type ahead of the next command that gathers some, each for a while.

Between two gatherings by command nobody knows whether there will be another: so what is pressed is
kept for a time that the first of them names, and is nobody else's meanwhile.
"""

import asyncio
from dataclasses import dataclass

from ..leg import Leg
from ..legs.leg_listener import LegListener, ObservedLeg
from ..legs.pressed_keys import KeyTaker
from .typed_ahead import TypedAhead


@dataclass(frozen=True, slots=True)
class _Kept:
    typed: TypedAhead
    before: KeyTaker | None
    """Whom keys are for afterwards."""
    watch: "_LegEnd"
    limit: asyncio.TimerHandle


class KeptKeys:
    """The keys that parties type ahead, by leg."""

    def __init__(self) -> None:
        self._of_legs: dict[Leg, _Kept] = {}

    def keep(self, leg: Leg, typed: TypedAhead, for_s: float) -> None:
        """What the party presses within `for_s` seconds is for whoever gathers keys next.

        What nobody has gathered by then is forgotten, and keys are for others again.
        """
        watch = _LegEnd(self, leg)
        limit = asyncio.get_running_loop().call_later(for_s, self.claim, leg)
        self._of_legs[leg] = _Kept(typed, leg.take_keys(typed), watch, limit)
        leg.listen(watch)

    def claim(self, leg: Leg) -> TypedAhead | None:
        """The keys that the party has typed ahead, and nothing is kept any more; None: nothing is.

        Later keys go where they went before.
        """
        kept = self._of_legs.pop(leg, None)
        if kept is None:
            return None
        kept.limit.cancel()
        leg.forget(kept.watch)
        leg.take_keys(kept.before)
        return kept.typed


class _LegEnd(LegListener):
    """Forgets the keys of a leg with it."""

    def __init__(self, kept: KeptKeys, leg: Leg) -> None:
        self._kept = kept
        self._leg = leg

    def leg_ended(self, _leg: ObservedLeg) -> None:
        """See LegListener."""
        self._kept.claim(self._leg)
