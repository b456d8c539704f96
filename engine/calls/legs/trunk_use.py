"""How the legs of one owner use trunks: their lines, their turns, and how each try went."""

from ...routing.targets.destination import DialTarget
from ...routing.trunk_figures import TrunkTry
from ..hangup_cause import HangupCause
from ..services import CallServices
from .leg_listener import ObservedLeg


class TrunkUse:
    """The part of a LegOwner that knows trunks.

    `call` is the call whose reserved lines its legs use up; "" for none.
    """

    def __init__(self, services: CallServices, call: str = "") -> None:
        self._services = services
        self._lines_of = call
        self._dialled: list[str] = []

    def trunk_failed(self, target: DialTarget, cause: HangupCause) -> None:
        """A call by this host of a trunk has failed: calls go by others for a while."""
        self._services.trunk_failed(target, cause)

    def trunk_entered(self, leg: ObservedLeg, trunk: str | None) -> bool:
        """The leg is dialled by this trunk now. False: it is full, and must not be used."""
        if leg.id not in self._dialled:
            self._dialled.append(leg.id)
        return self._services.trunk_load.enter(self._lines_of, leg.record.role, leg.id, trunk)

    def trunk_left(self, leg: ObservedLeg) -> None:
        """The leg is over. A permanent line keeps its trunk until its owner leaves it."""
        if leg.id in self._dialled:
            self._dialled.remove(leg.id)
            self._services.trunk_load.leave(leg.id)

    def trunk_turn_s(self, trunk: str) -> float:
        """The next INVITE to the trunk takes its turn. Returns in how many seconds that comes."""
        return self._services.trunk_load.turn_s(trunk)

    def trunk_tried(self, tried: TrunkTry) -> None:
        """One try by a trunk is over, or answered: count it."""
        self._services.trunk_figures.note(tried)
