"""Browsers whose connection was lost in mid-call: their legs end, unless the page comes back.

A page that is loaded again, or whose network has changed, takes its leg over (RFC 3891) by another
connection. A tab that was closed does not. Of a machine that sleeps nothing comes, and nothing says
that it is gone: it has longer.
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
    """Ends the legs of a browser `rejoin_s` after its connection was closed.

    Where it was given up because the browser no longer answers, it has `sleep_s`.
    """

    def __init__(self, legs: Legs, rejoin_s: float, sleep_s: float) -> None:
        self._legs = legs
        self.rejoin_s, self.sleep_s = rejoin_s, sleep_s

    def lost(self, hop: Hop, is_silent: bool) -> None:
        """The connection of the browser at `hop` is lost."""
        if not self._legs.legs_at(hop):
            return
        wait_s = self.sleep_s if is_silent else self.rejoin_s
        log.info("browser_lost_in_call", hop=str(hop), is_silent=is_silent, wait_s=wait_s)
        asyncio.get_running_loop().call_later(wait_s, self._end, hop, wait_s)

    def _end(self, hop: Hop, waited_s: float) -> None:
        reason = f"the browser is gone for {waited_s:g} s"
        for leg in self._legs.legs_at(hop):
            leg.hang_up(HangupCause("hung_up", reason), status_reason(487, reason))
