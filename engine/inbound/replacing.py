"""Calls that come in to take the place of a party of a call that is up (RFC 3891).

A phone that transfers a call has another one call us for that. Only a phone of the same trunk may,
or, where the party was called without a trunk, one that may be called without a trunk as well. A
browser whose page was loaded again takes over the call of the agent who is signed in with it.
"""

from collections.abc import Callable
from typing import NamedTuple

import structlog

from sip.dialog.uac import UacSession
from sip.dialog.uas import UasSession
from sip.errors import SipError
from sip.hop import Hop
from sip.transport.web_edge import browser_name, browser_peer
from sip.usage import DialogUsage

from ..calls.leg import Leg

log = structlog.get_logger()


class NotReplaced(NamedTuple):
    """Why a call does not take the place of another: the SIP status, and a sentence."""

    status: int
    reason: str


def take_place(
    session: UasSession,
    replaced: DialogUsage,
    trunk: str | None,
    trunk_of: Callable[[Hop], str | None],
    objection: str | None,
) -> NotReplaced | None:
    """Let the caller of `session`, who calls by `trunk`, be the party in place of `replaced`.

    `trunk_of` says by which trunk a peer calls, and `objection` what the offer cannot do. Returns
    why it may not; None where it may.
    """
    leg = replaced.owner
    if not isinstance(leg, Leg) or leg.session is not replaced:
        return NotReplaced(481, "there is no such call")
    party = leg.session.peer if isinstance(leg.session, UasSession) else _browser_called(leg)
    if (party or trunk_of(leg.session.peer_hop)) != trunk:
        return NotReplaced(403, "the call to be replaced is of another trunk")
    if objection is not None:
        return NotReplaced(488, objection)
    try:
        leg.replace(session)
    except SipError as error:
        return NotReplaced(491, error.reason)
    log.info("leg_replaced", leg=leg.id, by=session.request.from_.uri.encode())
    return None


def _browser_called(leg: Leg) -> str:
    """The browser that was called, as `peer` names those that call; "" where it was none."""
    session = leg.session
    if not isinstance(session, UacSession):
        return ""
    name = browser_name(session.target)
    return "" if name is None else browser_peer(name)
