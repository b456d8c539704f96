"""The REFER of a phone in a talk (RFC 3515): whether it is followed, and what it asks for."""

from collections.abc import Callable
from functools import partial

import structlog

from sip.errors import SipError
from sip.usage import ReferralUsage

from ...errors import EngineError
from ..leg import Leg
from ..services import CallServices
from .joined import JoinedTransfer, other_leg_of
from .report import publish_refused
from .request import TransferRequest, TransferringFlow, TransferWay, destination_of, ring_s_of

log = structlog.get_logger()


class PhoneRefer:
    """One REFER of the phone of `leaves`, that `stays` be connected with somebody else."""

    def __init__(
        self,
        services: CallServices,
        flow: TransferringFlow,
        referral: ReferralUsage,
        *,
        leaves: Leg,
        stays: Leg,
    ) -> None:
        self._services = services
        self._flow = flow
        self._referral = referral
        self._leaves = leaves
        self._stays = stays

    def judge(
        self,
        check_may_transfer: Callable[[], None],
        admit: Callable[[TransferRequest], TransferWay],
    ) -> tuple[TransferRequest, TransferWay] | None:
        """The transfer to begin; None where it is refused. The phone is told which of the two.

        Both functions raise EngineError where the talk begins no transfer now, or not this one.
        """
        try:
            other = other_leg_of(self._leaves, self._referral)
            if other is None:
                request = self._request()
                way = admit(request)
            else:
                check_may_transfer()
                request, way = self._joining(other)
        except EngineError as error:
            self._refuse(error)
            return None
        self._services.sip.perform(self._referral.accept)
        return request, way

    def _request(self) -> TransferRequest:
        services = self._services
        to, destination = destination_of(self._referral, services.dialplan, services.queues)
        ring_s = ring_s_of(destination, services.dial)
        return TransferRequest(
            self._stays, self._leaves, to, destination, ring_s, referral=self._referral
        )

    def _joining(self, other: Leg) -> tuple[TransferRequest, TransferWay]:
        """Connect the partners that the phone has in two calls. Raises EngineError."""
        if other in (self._leaves, self._stays):
            raise EngineError("refused", "that is a party of this call", field="to")
        request = TransferRequest(
            self._stays,
            self._leaves,
            other.record.uri,
            other.destination,
            0.0,
            mode="attended",
            referral=self._referral,
        )
        return request, JoinedTransfer(request, other, self._flow, self._services)

    def _refuse(self, error: EngineError) -> None:
        referral = self._referral
        status = 403 if error.kind == "refused" else 491 if error.kind == "state" else 480
        try:
            self._services.sip.perform(partial(referral.refuse, status, error.message))
        except SipError as failure:
            log.debug("not_refused", reason=failure.reason)
        to = referral.user_here or referral.target
        publish_refused(self._flow, self._stays, self._leaves, to, "phone", error)
