"""The legs over whose sound something is mixed, which are looked after in each frame."""

from collections.abc import Callable

from ...isolation import each_alone
from ...sound.mixed_clip import MixedClip
from ..leg import MediaLeg


class MixedLegs:
    """`awaits` says whether something is being loaded for a leg; `failed` is told of faults."""

    __slots__ = ("_awaits", "_failed", "_legs")

    def __init__(
        self, awaits: Callable[[MediaLeg], bool], failed: Callable[[MediaLeg], None]
    ) -> None:
        self._awaits = awaits
        self._failed = failed
        self._legs: dict[MediaLeg, None] = {}

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self._legs)

    def add_leg(self, leg: MediaLeg) -> None:
        """Something is mixed over what this leg hears, or will be once it is loaded."""
        self._legs[leg] = None

    def mix(self, leg: MediaLeg, clip: MixedClip) -> None:
        """Let a leg hear a clip over whatever it hears."""
        leg.playout.mix(clip)
        self.add_leg(leg)

    def forget_leg(self, leg: MediaLeg) -> None:
        """It is closed. Idempotent."""
        self._legs.pop(leg, None)

    def frame(self, now: float) -> None:
        """To be called every 20 ms: notice what has ended, and what pauses below it."""
        each_alone(tuple(self._legs), lambda leg: leg.sound.keep_mixing(now), self._failed)
        for leg in tuple(self._legs):
            if not (leg.sound.is_mixed or self._awaits(leg)):
                del self._legs[leg]
