"""The engine calls the third party itself, and joins it with who stays.

The party who leaves stays until the third one answers, and where nobody does, the two talk again.
"""

from media.sources import Ringing

from ...errors import EngineError
from ..hangup_cause import TRANSFERRED, HangupCause
from ..leg import Leg, LegEnded
from ..legs.leg_listener import LegListener, ObservedLeg
from ..services import CallServices
from .report import TransferReport
from .request import OVER, Consult, TransferRequest, TransferringFlow


class BridgedTransfer:
    """Carries one request out; `third` is the leg to the third party."""

    def __init__(
        self,
        request: TransferRequest,
        third: Leg,
        flow: TransferringFlow,
        services: CallServices,
    ) -> None:
        self._request = request
        self.third = third
        self._flow = flow
        self._services = services
        self._report = TransferReport(request, flow, services)

    async def connect(self, until: Consult) -> Leg | None:
        """See TransferWay."""
        third = self.third
        self._report.started()
        try:
            partner = await self._carry_out(until)
        except LegEnded as ended:
            self._flow.legs.drop(third)
            self._report.failed(ended.hangup_cause)
            return None
        except EngineError as error:
            self._flow.legs.drop(third)
            self._report.failed(HangupCause("unavailable", error.message))
            return None
        except BaseException:
            self._flow.legs.drop(third)
            self._report.broken_off()
            raise
        await self._flow.party_left(self._request)
        self._request.leaves.hang_up(TRANSFERRED)
        return partner

    async def _carry_out(self, until: Consult) -> Leg | None:
        """Reach the third party, and report it. Returns its leg. Raises LegEnded, EngineError."""
        await self._reach(until)
        self._report.completed(self.third)
        return self.third

    async def _reach(self, until: Consult) -> None:
        """Call the third party, and let who leaves consult with it where that is asked for."""
        request, third = self._request, self.third
        await third.open(beside=request.stays)
        services, is_attended = self._services, request.mode == "attended"
        if request.goes_on:
            with _ringing_when_alone(request, services.ringing):
                await self._flow.dial_third(third, request)
        else:
            request.stays.hear(services.hold if is_attended else services.ringing)
            request.leaves.hear(services.ringing if is_attended else services.hold)
            await self._flow.dial_third(third, request)
        if request.mode != "blind" and not await until(third):
            raise LegEnded(third, third.hangup_cause or OVER)


class _ringing_when_alone(LegListener):
    """Let who stays hear the ringing tone once who leaves has hung up, until the body ends."""

    def __init__(self, request: TransferRequest, ringing: Ringing) -> None:
        self._request = request
        self._ringing = ringing

    def __enter__(self) -> None:
        self._request.leaves.listen(self)

    def __exit__(self, *_error: object) -> None:
        self._request.leaves.forget(self)

    def leg_ended(self, _leg: ObservedLeg) -> None:
        """Who leaves has hung up."""
        self._request.stays.hear(self._ringing)
