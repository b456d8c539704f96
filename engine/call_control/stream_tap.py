"""A service hears what one party of a call says, and is heard by nobody."""

import asyncio
from typing import Any

from media.sources import Peer, Silence

from ..calls.call import Call
from ..calls.call_legs import CallLegs, codecs_like
from ..calls.cancel_scope import while_up
from ..calls.dialling import DEFAULT_CALLER, Caller
from ..calls.hangup_cause import BY_COMMAND, HangupCause
from ..calls.leg import Leg, LegEnded
from ..calls.legs.leg_listener import LegListener, ObservedLeg
from ..calls.services import CallServices
from ..calls.streams.stream_leg import StreamLeg
from ..routing.admission import Admission
from ..routing.targets.destination import Destination

OVER = HangupCause("completed", "the leg that it hears is over")


class StreamTap(LegListener):
    """One stream of what the party of `tapped` says. The call is as it was without it.

    It is silent while the party tells a secret.
    """

    def __init__(
        self,
        services: CallServices,
        admission: Admission,
        call: Call,
        tapped: Leg,
        destination: Destination,
    ) -> None:
        self._services = services
        self._call = call
        self._tapped = tapped
        self._legs = CallLegs(call, services, self._publish, admission)
        leg = self._legs.make("agent", destination)
        assert isinstance(leg, StreamLeg)
        self.leg = leg
        leg.is_listener, leg.of_leg = True, tapped.id

    async def open(self) -> None:
        """Take a port. Raises LegEnded where there is none."""
        try:
            await self.leg.open(beside=self._tapped)
        except BaseException:
            await self._legs.give_back()
            raise

    async def run(self) -> None:
        """Connect the service, and let it hear until either has ended."""
        leg, tapped = self.leg, self._tapped
        self._services.registry.legs[leg.id] = leg
        try:
            async with while_up(tapped):
                caller = Caller(None, self._services.dial.caller_id or DEFAULT_CALLER)
                await leg.dial(
                    caller=caller,
                    ring_s=self._services.dial.ring_s,
                    codecs=codecs_like(tapped),
                )
                tapped.listen(self)
                async with while_up(leg):
                    self.secrecy_changed(tapped)
                    await asyncio.get_running_loop().create_future()
        except LegEnded as ended:
            if ended.leg is leg and leg.record.answered is None:
                cause = str(ended.hangup_cause)
                self._legs.publish("stream.failed", leg, cause=cause, fallback=None)
        finally:
            tapped.forget(self)
            leg.hang_up(OVER)
            await self._legs.give_back()
            self._services.registry.legs.pop(leg.id, None)

    def secrecy_changed(self, tapped: ObservedLeg) -> None:
        """See LegListener."""
        self.leg.hear(Silence() if tapped.tells_secret else Peer(tapped.id))

    def is_of(self, call_id: str | None, leg_id: str | None) -> bool:
        """Whether it is a stream of this call, or leg; `leg_id` may be its own."""
        if leg_id is not None:
            return leg_id in (self._tapped.id, self.leg.id)
        return call_id == self._call.id

    def stop(self) -> None:
        """End it by command."""
        self.leg.hang_up(BY_COMMAND)

    def _publish(self, kind: str, **fields: Any) -> None:
        call = self._call
        about: dict[str, Any] = {
            "call": call.id,
            "job": call.job_id,
            "site": call.site,
            "number": call.about.get("number"),
            "context": call.about.get("context"),
        }
        known = {name: value for name, value in about.items() if value is not None}
        self._services.events.publish(kind, **(known | fields))
