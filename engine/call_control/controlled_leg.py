"""A leg that a client moves: it can wait unanswered, be put on hold by us, and be sent INFO."""

from msgspec import structs

from sip.errors import SipError
from sip.sdp.description import Direction

from ..calls.hangup_cause import HangupCause
from ..calls.leg import Leg
from ..errors import EngineError


class ControlledLeg(Leg):
    """A leg of a ControlledCall. `is_on_hold`: a command has put its party on hold."""

    is_on_hold = False

    def send_ringing(self, status: int) -> None:
        """Answer the party that has called us with 180 or another provisional status."""
        if self._session is not None:
            try:
                self._sip.ring(self._session, status)
            except SipError as error:  # hung up already; the event that says so is on its way
                self._end(HangupCause("hung_up", error.reason))

    def detach(self) -> None:
        """Leave the session to another leg: nothing is hung up."""
        if self._session is not None:
            self._session.hand_to(None)
            self._session = None
        self._dialled = False

    def offer(self, direction: Direction) -> None:
        """Describe our side by another re-INVITE, in this direction. Raises EngineError `state`."""
        if self._session is None or self.audio is None:
            raise EngineError("state", f"leg {self.id} is not up", field="leg")
        local = structs.replace(self._media.local((self.audio.codec,)), direction=direction)
        try:
            self._sip.reinvite(self._session, local)
        except SipError as error:
            raise EngineError("state", f"leg {self.id}: {error.reason}", field="leg") from error

    def send_info(self, content_type: str, body: bytes) -> None:
        """Send a SIP INFO (RFC 6086). Raises EngineError `state`."""
        if self._session is None:
            raise EngineError("state", f"leg {self.id} is not up", field="leg")
        try:
            self._sip.send_info(self._session, content_type, body)
        except SipError as error:
            raise EngineError("state", f"leg {self.id}: {error.reason}", field="leg") from error
