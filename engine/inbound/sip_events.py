"""Takes each SIP event to its part: the trunks, the calls that come in, or a leg."""

from sip.events import Event, ExtensionsRefused, IncomingInvite, RegistrationChanged

from ..calls.legs.leg_events import LegEvents
from ..routing.trunks import Trunks
from .inbound import Inbound


class SipEvents:
    """Routes SIP events by their type."""

    def __init__(self, trunks: Trunks, inbound: Inbound, legs: LegEvents) -> None:
        self._trunks = trunks
        self._inbound = inbound
        self._legs = legs

    def on_sip(self, event: Event) -> None:
        """Give the event to the one part that it is for."""
        if isinstance(event, RegistrationChanged):
            self._trunks.on_sip(event)
        elif isinstance(event, IncomingInvite):
            self._inbound.on_invite(event)
        elif isinstance(event, ExtensionsRefused):
            self._inbound.on_extensions_refused(event)
        else:
            self._legs.on_sip(event)
