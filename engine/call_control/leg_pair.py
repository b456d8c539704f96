"""Two legs of calls by command that are bridged: they hear each other until they are parted."""

from collections.abc import Callable

from media.sources import Hold, Silence
from media.worker_pool import WorkerPool

from ..calls.bridge import Bridge
from ..calls.legs.leg_listener import ObservedLeg
from .controlled_leg import ControlledLeg


class LegPair(Bridge):
    """A bridge of two legs. `on_parted(ended)` is called once, with the leg that has ended, if any.

    A party that a command has put on hold hears music, and its partner hears silence.
    """

    def __init__(
        self,
        first: ControlledLeg,
        second: ControlledLeg,
        *,
        media: WorkerPool,
        hold: Hold,
        publish: Callable[..., None],
        on_parted: Callable[["LegPair", ObservedLeg | None], None],
    ) -> None:
        super().__init__(first, second, media=media, hold=hold, publish=publish)
        self.legs = (first, second)
        self._on_parted = on_parted

    def partner_of(self, leg: ControlledLeg) -> ControlledLeg:
        """The other leg."""
        first, second = self.legs
        return second if leg is first else first

    def part(self, ended: ObservedLeg | None = None) -> None:
        """Take the pair apart. Idempotent."""
        if self._joined:
            self.leave()
            self._on_parted(self, ended)

    def leg_ended(self, leg: ObservedLeg) -> None:
        """One of the two has hung up."""
        self.part(leg)

    def arrange(self) -> None:
        """Let each party hear what it should: the other, music, or silence."""
        if any(leg.is_on_hold for leg in self.legs):
            for leg in self.legs:
                waits = leg.is_on_hold or self.partner_of(leg).is_held
                leg.hear(self._hold if waits else Silence())
        else:
            super().arrange()
