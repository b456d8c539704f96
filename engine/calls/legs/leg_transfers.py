"""What SIP has for moving one party of a call: REFER in both directions, and Replaces.

A phone may ask by REFER that its partner be connected elsewhere. We may ask it by REFER to call
somebody else in our place (RFC 3515). And somebody may call us to take its place (RFC 3891).
"""

import asyncio
from functools import partial
from typing import Protocol

from sip import events as sip_events
from sip.dialog.session import Session
from sip.dialog.uas import UasSession
from sip.endpoint import SipEndpoint
from sip.errors import SipError
from sip.sdp.offer_answer import LocalAudio, NegotiatedAudio
from sip.transport.web_edge import is_of_page
from sip.usage import ReferralUsage

MOST_SUCCESSORS = 10
"""How often another party may take the place of the one of a leg."""

REFER_MARGIN_S = 5.0
"""How much longer than the third party may ring the outcome of a REFER is waited for."""


class TransferredLeg(Protocol):
    """The part of a leg that its transfers use."""

    @property
    def session(self) -> Session | None:
        """Its SIP session; None before there is one, and once it is over."""

    def offer_referral(self, referral: ReferralUsage) -> bool:
        """Ask who listens to the leg to take a referral. Whether anybody did."""

    def succeed(self, session: UasSession, audio: NegotiatedAudio) -> None:
        """Go on with `session`, whose party has taken the place of the one before."""


class LegTransfers:
    """The referrals and the successor of one leg."""

    __slots__ = ("_leg", "_outcome", "_sip", "_successor", "_successors")

    def __init__(self, leg: TransferredLeg, sip: SipEndpoint) -> None:
        self._leg = leg
        self._sip = sip
        self._successor: UasSession | None = None
        self._successors = 0
        self._outcome: asyncio.Future[sip_events.ReferralEnded] | None = None

    async def refer(self, refer_to: str, ring_s: float) -> sip_events.ReferralEnded:
        """Ask the phone to call `refer_to` in our place. Returns what has become of that.

        Raises SipError where the leg is not up, or another REFER is under way.
        """
        session = self._leg.session
        if session is None:
            raise SipError("the leg is not up")
        outcome: asyncio.Future[sip_events.ReferralEnded]
        outcome = self._outcome = asyncio.get_running_loop().create_future()
        try:
            self._sip.perform(partial(session.refer, refer_to, ring_s + REFER_MARGIN_S))
            return await outcome
        finally:
            self._outcome = None

    def replace(self, session: UasSession, audio: LocalAudio) -> None:
        """Answer `session`; once that is acknowledged it takes the place of the session there is.

        Raises SipError where it is over already, or another one is about to take the place.
        """
        if self._successor is not None:
            raise SipError("another call is about to take the place of this one")
        if self._successors >= MOST_SUCCESSORS:
            raise SipError(f"the party was replaced {MOST_SUCCESSORS} times already")
        self._sip.accept(session, audio)
        self._successor = session
        self._successors += 1

    def handle(self, event: sip_events.Event, session: Session | None) -> bool:
        """Handle an event that is about a transfer. False where it is not."""
        successor = self._successor
        match event:
            case sip_events.Answered() if event.session is successor is not None:
                self._successor = None
                self._leg.succeed(successor, event.audio)
            case sip_events.Failed() | sip_events.Ended() if event.session is successor is not None:
                self._successor = None
            case sip_events.Referred() if event.session is session:
                self._referred(event.referral)
            case sip_events.ReferralEnded() if event.session is session:
                if self._outcome is not None and not self._outcome.done():
                    self._outcome.set_result(event)
            case _:
                return False
        return True

    def _referred(self, referral: ReferralUsage) -> None:
        """The phone asks for a transfer: only who talks may, and no visitor of a web page."""
        session = self._leg.session
        if isinstance(session, UasSession) and is_of_page(session.peer):
            self._sip.perform(partial(referral.refuse, 403, "a web page transfers nobody"))
            return
        if not self._leg.offer_referral(referral):
            reason = "this party has no partner who could be transferred"
            self._sip.perform(partial(referral.refuse, 603, reason))

    def stop(self) -> None:
        """The leg has ended: who was about to take its place is hung up."""
        successor, self._successor = self._successor, None
        if successor is not None:
            successor.hand_to(None)
            self._sip.hangup(successor)
