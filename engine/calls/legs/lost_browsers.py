"""Browsers whose connection was lost in mid-call: their legs end, unless the page comes back.

A page that is loaded again, or whose network has changed, takes its leg over (RFC 3891) by another
connection. A tab that was closed does not.
"""

import asyncio
from collections.abc import Collection
from typing import Protocol

import structlog

from sip.hop import Hop
from sip.message.reason import status_reason

from ..hangup_cause import HangupCause
from ..leg import Leg

log = structlog.get_logger()


class Legs(Protocol):
    """Knows the legs that are up."""

    def legs_at(self, hop: Hop) -> Collection[Leg]:
        """The legs whose peer is at this address."""


class LostBrowsers:
    """Ends the legs of a browser `rejoin_s` after its connection was lost."""

    def __init__(self, legs: Legs, rejoin_s: float) -> None:
        self._legs = legs
        self.rejoin_s = rejoin_s

    def lost(self, hop: Hop) -> None:
        """The connection of the browser at `hop` is lost."""
        if not self._legs.legs_at(hop):
            return
        log.info("browser_lost_in_call", hop=str(hop), rejoin_s=self.rejoin_s)
        asyncio.get_running_loop().call_later(self.rejoin_s, self._end, hop)

    def _end(self, hop: Hop) -> None:
        reason = f"the browser is gone for {self.rejoin_s:g} s"
        for leg in self._legs.legs_at(hop):
            leg.hang_up(HangupCause("hung_up", reason), status_reason(487, reason))
