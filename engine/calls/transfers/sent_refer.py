"""Who stays is asked by REFER to call the third party in our place (RFC 3515).

Its 202 is no success: what counts is the outcome that it tells by NOTIFY. Where it tells that the
third party was not reached, or nothing in time, the two talk again.
"""

from sip.dialog.extensions.replaces import refer_to_replacing
from sip.errors import SipError
from sip.events import Cause

from ..hangup_cause import TRANSFERRED, HangupCause, of_failed_invite
from ..leg import Leg, LegEnded
from .bridged import BridgedTransfer
from .request import Consult


class ReferredTransfer(BridgedTransfer):
    """Carries one request out. The third party is called by us only to be consulted first."""

    async def connect(self, until: Consult) -> Leg | None:
        """See TransferWay. Raises LegEnded where it was successful: both have left us."""
        partner = await super().connect(until)
        stays = self._request.stays
        if partner is None and self._is_done:
            self._flow.legs.drop(self.third)
            stays.hang_up(TRANSFERRED)
            raise LegEnded(stays, TRANSFERRED)
        return partner

    _is_done = False

    async def _carry_out(self, until: Consult) -> Leg | None:
        request, third = self._request, self.third
        if request.mode != "blind":
            await self._reach(until)
            third.hear(self._services.hold)
        assert request.destination is not None
        refer_to = request.destination.uri_for_phones("to")
        if third.session is not None:
            refer_to = refer_to_replacing(third.session)
        request.stays.hear(self._services.ringing)
        request.leaves.hear(self._services.hold)
        cause = await self._refer(refer_to)
        if cause is None:
            self._is_done = True
            self._report.completed(None)
            return None
        if third.session is not None:  # who stays and the third can be joined by us all the same
            self._report.completed(third, "bridge")
            return third
        raise LegEnded(third, cause)

    async def _refer(self, refer_to: str) -> HangupCause | None:
        """Ask who stays to call. None once the third party has answered, otherwise why not."""
        request = self._request
        try:
            ended = await request.stays.transfers.refer(refer_to, request.ring_s)
        except SipError as error:
            return HangupCause("unavailable", error.reason)
        if ended.status < 300:
            return None
        return of_failed_invite(Cause(ended.status, ended.phrase, "remote"))
