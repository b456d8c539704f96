"""The clock of a phone against ours: how the sound of a recording follows it without a jump."""

from typing import Final

from ...rtp.rtp import CLOCK_HZ

# Of so many frames the one that came quickest tells of the clocks; the others of the network.
_GROUP_FRAMES: Final = 500
# How far sound may be from where it arrived: what jitter of the first frame may have made.
_TOLERATED: Final = CLOCK_HZ // 50


class ClockDrift:
    """Says by how many ticks of 1/8000 s the next frame is to be moved: -1, 0 or 1.

    One tick a frame is not heard. It follows clocks that are up to 0.6 % apart.
    """

    __slots__ = ("_frames", "_left", "_quickest")

    def __init__(self) -> None:
        self.begin_anew()

    def begin_anew(self) -> None:
        """Another stream has begun."""
        self._frames = 0
        self._quickest = 0
        self._left = 0

    def step(self, late: int) -> int:
        """A frame has arrived `late` ticks after its place; below 0 it was early."""
        if self._left:
            step = 1 if self._left > 0 else -1
            self._left -= step
            return step
        if not self._frames or late < self._quickest:
            self._quickest = late
        self._frames += 1
        if self._frames == _GROUP_FRAMES:
            self._frames = 0
            if abs(self._quickest) > _TOLERATED:
                self._left = self._quickest
        return 0
