"""What is published of a transfer, and what the phone that asked for it is told."""

from functools import partial
from typing import Any

import structlog

from sip.errors import SipError

from ...errors import EngineError
from ..call import TransferHow
from ..hangup_cause import HangupCause
from ..leg import Leg, LegEnded
from ..services import CallServices
from .request import OVER, By, TransferRequest, TransferringFlow

log = structlog.get_logger()


class TransferReport:
    """Tells of one request from its beginning to its outcome."""

    def __init__(
        self, request: TransferRequest, flow: TransferringFlow, services: CallServices
    ) -> None:
        self._request = request
        self._flow = flow
        self._services = services
        self._about: dict[str, Any] = {
            "leg": request.stays.id,
            "from_leg": request.leaves.id,
            "to": request.to,
            "mode": request.mode,
            "how": request.how,
            "by": request.by,
        }
        if request.destination is None:
            self._about["to_queue"] = request.to

    def started(self) -> None:
        """It begins. The call goes on without the party who leaves, where they hang up now."""
        self._flow.publish("transfer.started", **self._about)
        self._request.leaves.allow_to_leave()

    def completed(self, third: Leg | None, how: TransferHow | None = None) -> None:
        """The third party talks, or the queue has the customer. `how`: if not as was asked."""
        about = self._about if how is None else {**self._about, "how": how}
        fields = {} if third is None else {"new_leg": third.id}
        self._flow.publish("transfer.completed", **about, **fields)
        self._tell(200, "OK")

    def failed(self, cause: HangupCause) -> None:
        """The third party is not there: the two talk again.

        Raises LegEnded where who leaves has hung up, so that nobody is left to talk with.
        """
        self._publish_failed(cause)
        if self._request.on_failed is not None:
            self._request.on_failed(str(cause))
        self._tell(cause.sip_status or 480, cause.phrase)
        leaves = self._request.leaves
        if leaves.hangup_cause is not None:
            raise LegEnded(leaves, leaves.hangup_cause)
        leaves.require_again()

    def broken_off(self) -> None:
        """The call ends before there is an outcome."""
        self._publish_failed(OVER)

    def _publish_failed(self, cause: HangupCause) -> None:
        self._flow.publish(
            "transfer.failed",
            **self._about,
            result=cause.result,
            cause=str(cause),
            sip_status=cause.sip_status,
        )

    def _tell(self, status: int, phrase: str) -> None:
        """Let the phone that asked know the true outcome."""
        referral = self._request.referral
        if referral is not None:
            try:
                self._services.sip.perform(partial(referral.notify, status, phrase))
            except SipError as error:  # the engine stops
                log.debug("not_notified", reason=error.reason)


def publish_refused(
    flow: TransferringFlow, stays: Leg, leaves: Leg, to: str, by: By, error: EngineError
) -> None:
    """Publish that a transfer which was asked for does not begin."""
    flow.publish(
        "transfer.failed",
        leg=stays.id,
        from_leg=leaves.id,
        to=to,
        mode="blind",
        how="bridge",
        by=by,
        result="rejected",
        cause=error.message,
        sip_status=None,
    )
