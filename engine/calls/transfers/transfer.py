"""What a transfer asks for, and how one of two who talk is connected with a third party.

The engine calls the third party itself. The party who leaves stays until the third one answers, and
where nobody does, the two talk again. Whoever is called asks the dial policy.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Literal, Protocol

import structlog

from sip.errors import SipError
from sip.usage import ReferralUsage

from ...errors import EngineError
from ...routing.dialplan import Dialplan
from ...routing.targets.destination import Destination
from ..call import TransferMode
from ..call_legs import CallLegs
from ..hangup_cause import HangupCause
from ..leg import Leg, LegEnded
from ..services import CallServices

log = structlog.get_logger()

MOST_TRANSFERS: Final = 10
"""How often the parties of one call may be transferred."""

By = Literal["phone", "command"]

TRANSFERRED: Final = HangupCause("completed", "transferred")
OVER: Final = HangupCause("cancelled", "the call is over")


@dataclass(frozen=True, slots=True)
class TransferRequest:
    """`stays` is to be connected with `to` in place of `leaves`.

    `referral` is the REFER of the phone that asks for it. `replaces` goes along with the INVITE to
    the third party (RFC 3891).
    """

    stays: Leg
    leaves: Leg
    to: str
    destination: Destination
    ring_s: float
    mode: TransferMode = "blind"
    by: By = "phone"
    referral: ReferralUsage | None = None

    @property
    def replaces(self) -> str | None:
        """The dialog that the call to the third party replaces."""
        return None if self.referral is None else self.referral.replaces


class TransferringFlow(Protocol):
    """The part of a call flow that transfers use."""

    @property
    def legs(self) -> CallLegs:
        """The legs of its call."""

    def publish(self, kind: str, **fields: Any) -> None:
        """Publish an event of the call."""

    def admit_third(self, request: TransferRequest) -> Leg:
        """The leg to the third party, where policies and limits permit it. Raises EngineError."""

    async def dial_third(self, leg: Leg, request: TransferRequest) -> None:
        """Call the third party. Raises LegEnded."""

    def party_replaced(self, leg: Leg) -> None:
        """Another party is on this leg now: an agent who was there has no part in the call."""

    async def party_left(self, request: TransferRequest) -> None:
        """The party who leaves is not part of the talk any more."""


class Transfer:
    """Carries one request out."""

    def __init__(
        self,
        request: TransferRequest,
        third: Leg,
        flow: TransferringFlow,
        services: CallServices,
    ) -> None:
        self._request = request
        self._third = third
        self._flow = flow
        self._services = services
        self._about: dict[str, Any] = {
            "leg": request.stays.id,
            "from_leg": request.leaves.id,
            "to": request.to,
            "mode": request.mode,
            "how": "bridge",
            "by": request.by,
        }

    async def connect(self, until: Callable[[Leg], Awaitable[bool]]) -> Leg | None:
        """Call the third party. Returns its leg once it is the partner; None where it is not.

        `until` is awaited with the third leg, once it has answered, where the two consult first:
        it says whether the transfer is completed. Raises LegEnded where the party who leaves has
        hung up and the third has not answered: nobody is left to talk with.
        """
        request, third = self._request, self._third
        self._flow.publish("transfer.started", **self._about)
        request.leaves.let_go()
        try:
            await third.open(beside=request.stays)
            is_attended = request.mode == "attended"
            request.stays.hear(self._services.hold if is_attended else self._services.ringing)
            request.leaves.hear(self._services.ringing if is_attended else self._services.hold)
            await self._flow.dial_third(third, request)
            if request.mode == "attended" and not await until(third):
                self._flow.legs.drop(third)
                self._failed(third.hangup_cause or OVER)
                return None
        except LegEnded as ended:
            self._flow.legs.drop(third)
            self._failed(ended.hangup_cause)
            return None
        except EngineError as error:
            self._flow.legs.drop(third)
            self._failed(HangupCause("unavailable", error.message))
            return None
        except BaseException:
            self._flow.legs.drop(third)
            self._publish_failed(OVER)
            raise
        self._flow.publish("transfer.completed", **self._about, new_leg=third.id)
        self._tell(200, "OK")
        await self._flow.party_left(request)
        request.leaves.hang_up(TRANSFERRED)
        return third

    def _failed(self, cause: HangupCause) -> None:
        """The third party is not there: the two talk again, where both still are."""
        self._publish_failed(cause)
        self._tell(cause.sip_status or 480, cause.phrase)
        leaves = self._request.leaves
        if leaves.hangup_cause is not None:
            raise LegEnded(leaves, leaves.hangup_cause)
        leaves.hold_on()

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


def destination_of(referral: ReferralUsage, dialplan: Dialplan) -> tuple[str, Destination]:
    """Whom a phone wants its partner to be connected with. Raises EngineError `refused`.

    A target at our own address is what a user would dial: an agent, an extension, a number.
    """
    text = referral.user_here or referral.target
    return text, dialplan.destination(text, field="to")


def check_third_party(destination: Destination, parties: tuple[Leg, ...], plan: Dialplan) -> None:
    """Raise EngineError `refused` where a party of the call would be called by its own call."""
    busy = {plan.place_of(leg.record.uri) for leg in parties}
    if any(plan.place_of(target.target) in busy for target in destination.targets):
        raise EngineError("refused", "the target is a party of this call", field="to")
