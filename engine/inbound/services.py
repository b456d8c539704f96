"""What the calls that come in use, besides what every call flow uses."""

from dataclasses import dataclass

from ..callbacks.caller_takeover import CallerTakeover
from ..callbacks.intake import Intake
from ..calls.call_flow import CustomerHistory
from ..routing.admission import Admission
from ..routing.peers import Peers
from ..routing.router import Router
from ..webrtc.page_tokens import PageCalls
from .caller.caller_verification import CallerVerification
from .kept_positions import KeptPositions
from .page_owners import PageOwners


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundServices:
    """Rules, positions, peers, and callbacks: those callers ask for, and those they take over."""

    router: Router
    admission: Admission
    intake: Intake
    takeover: CallerTakeover
    history: CustomerHistory
    positions: KeptPositions
    peers: Peers
    verification: CallerVerification
    page_calls: PageCalls
    page_owners: PageOwners

    def has_position(self, queue: str, number: str | None) -> bool:
        """Whether a caller has a position in the queue already: their own, or a callback's."""
        return (
            self.positions.has(queue, number)
            or self.takeover.position_of(number, queue) is not None
        )
