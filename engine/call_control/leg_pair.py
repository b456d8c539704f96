"""Two legs of calls by command that are bridged: they hear each other until they are parted."""

from collections.abc import Callable, Sequence

from media.sources import Hold, Silence, Source
from media.worker_pool import WorkerPool

from ..calls.bridge import Bridge
from ..calls.leg import Leg
from ..calls.legs.leg_listener import ObservedLeg
from ..calls.supervision.supervisors import Supervisors
from .controlled_leg import ControlledLeg


class LegPair(Bridge):
    """A bridge of two legs. `on_parted(ended)` is called once, with the leg that has ended, if any.

    A party that a command has put on hold hears music, and its partner hears silence.
    """

    def __init__(
        self,
        legs: tuple[ControlledLeg, ControlledLeg],
        *,
        media: WorkerPool,
        hold: Hold,
        publish: Callable[..., None],
        supervisors: Sequence[Supervisors],
        on_parted: Callable[["LegPair", ObservedLeg | None], None],
    ) -> None:
        super().__init__(legs, media=media, hold=hold, publish=publish, supervisors=supervisors)
        self.legs = legs
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

    def _on_hold(self) -> frozenset[Leg]:
        return frozenset(leg for leg in self.legs if leg.is_on_hold)

    def _is_heard(self, leg: Leg) -> bool:
        return super()._is_heard(leg) and leg not in self._on_hold()

    def _hears_music(self, leg: Leg) -> bool:
        return leg in self._on_hold()

    def _alone(self, leg: Leg) -> Source:
        """Music on hold, whichever side holds the call; silence while only its partner waits."""
        held = any(other.is_held for other in self._others(leg))
        return self._hold if held or leg in self._on_hold() else Silence()
