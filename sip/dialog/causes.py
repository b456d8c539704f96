"""Why an INVITE of ours failed, as its response or the lack of one says."""

from __future__ import annotations

from ..errors import ParseError
from ..events import Cause, Origin
from ..message.grammar import printable
from ..message.message import Response
from ..transaction.transaction import FailureCause


def unreached(cause: FailureCause, transport_reason: str) -> Cause:
    """Why an INVITE without a final response failed, as a status (RFC 3261 section 8.1.3.1)."""
    if cause == "timeout":
        return Cause(408, "Request Timeout", "timeout")
    return Cause(503, transport_reason, "transport")


def refused(response: Response, origin: Origin) -> Cause:
    """What a final response 300 to 699 says."""
    return Cause(
        response.status,
        response.phrase,
        origin,
        response.get("Reason"),
        response.retry_after_s,
        _extensions_of(response),
    )


def _extensions_of(response: Response) -> tuple[str, ...]:
    """The extensions that the peer lacks (420) or demands (421), RFC 3261 20.40 and 21.4.16."""
    name = {420: "Unsupported", 421: "Require"}.get(response.status)
    if name is None:
        return ()
    try:
        return tuple(printable(option) for option in response.get_list(name))
    except ParseError:
        return ()
