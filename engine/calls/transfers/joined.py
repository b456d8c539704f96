"""A phone has two calls with us, and connects its two partners (RFC 3891): nobody is called.

Its REFER names our own dialog with it. The call that it was sent in goes on with the partner of the
other one, which stays up beside it: each ends where either partner hangs up.
"""

from sip.usage import ReferralUsage

from ...errors import EngineError
from ..hangup_cause import TRANSFERRED, HangupCause
from ..leg import Leg, LegEnded
from ..legs.leg_listener import EitherEnded
from ..services import CallServices
from .report import TransferReport
from .request import OVER, Consult, TransferRequest, TransferringFlow


def other_leg_of(phone: Leg, referral: ReferralUsage) -> Leg | None:
    """The other leg to a phone, whose dialog its REFER names; None where it names none of ours.

    Raises EngineError `refused` where that is the leg of somebody else.
    """
    other = None if referral.replaced_here is None else referral.replaced_here.owner
    if not isinstance(other, Leg) or other.session is not referral.replaced_here:
        return None
    assert phone.session is not None
    hops = {leg.session.peer_hop.host for leg in (phone, other) if leg.session is not None}
    if len(hops) > 1 or phone.record.trunk != other.record.trunk:
        raise EngineError("refused", "the call to be replaced is of another phone", field="to")
    return other


class JoinedTransfer:
    """Carries out one request of a phone, whose other leg is `other`."""

    def __init__(
        self, request: TransferRequest, other: Leg, flow: TransferringFlow, services: CallServices
    ) -> None:
        self._request = request
        self._other = other
        self._flow = flow
        self._report = TransferReport(request, flow, services)

    async def connect(self, until: Consult) -> Leg | None:
        """See TransferWay."""
        request = self._request
        self._report.started()
        partner = self._other.hand_over(request.stays)
        if partner is None:
            self._report.failed(HangupCause("unavailable", "nobody talks in the other call"))
            return None
        self._report.completed(partner)
        await self._flow.party_left(request)
        request.leaves.hang_up(TRANSFERRED)
        return partner


class LentPartner:
    """The same in the other call: who stays there talks with `third`, whose call goes on."""

    def __init__(
        self, request: TransferRequest, third: Leg, flow: TransferringFlow, services: CallServices
    ) -> None:
        self._request = request
        self._third = third
        self._flow = flow
        self._report = TransferReport(request, flow, services)

    async def connect(self, until: Consult) -> Leg | None:
        """See TransferWay. Returns never: raises LegEnded where either of the two has hung up."""
        request, two = self._request, (self._third, self._request.stays)
        ended = EitherEnded()
        for leg in two:
            leg.listen(ended)
        try:
            self._report.started()
            self._report.completed(self._third)
            await self._flow.party_left(request)
            request.leaves.hang_up(TRANSFERRED)
            if all(leg.hangup_cause is None for leg in two):
                await ended.wait()
        finally:
            for leg in two:
                leg.forget(ended)
        first = next(leg for leg in two if leg.hangup_cause is not None)
        raise LegEnded(first, first.hangup_cause or OVER)
