"""Why an INVITE of ours failed, as its response or the lack of one says."""

from __future__ import annotations

import re
from typing import Final

from ..errors import ParseError
from ..events import Cause, Origin
from ..message.grammar import printable, unquote
from ..message.message import Response
from ..message.name_addr import NameAddr
from ..message.reason import reason_text
from ..transaction.transaction import FailureCause

MOST_CONTACTS: Final = 20
"""The most Contacts that are read of one 3xx."""

MOST_WARNING_CHARACTERS: Final = 300

_warning_text = re.compile(r'\s*[0-9]{3} +[^ "]+ +("(?:[^"\\]|\\.)*")').match


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
        reason_text(response),
        response.retry_after_s,
        _extensions_of(response),
        _contacts_of(response),
        _warning_of(response),
    )


def _contacts_of(response: Response) -> tuple[str, ...]:
    """Where a 3xx redirects to, the most wanted first (RFC 3261 section 8.1.3.4)."""
    if not 300 <= response.status < 400:
        return ()
    try:
        contacts = response.contacts
    except ParseError:
        return ()
    wanted = sorted(contacts, key=lambda contact: -_q_of(contact))
    return tuple(contact.uri.encode() for contact in wanted)[:MOST_CONTACTS]


def _q_of(contact: NameAddr) -> float:
    try:
        return min(max(float(contact.params.get("q") or "1"), 0.0), 1.0)
    except ValueError:
        return 0.0


def _warning_of(response: Response) -> str:
    """The text of the first Warning, as a person can read it (RFC 3261 section 20.43)."""
    found = _warning_text((response.get("Warning") or "")[:MOST_WARNING_CHARACTERS])
    return printable(unquote(found[1])) if found else ""


def _extensions_of(response: Response) -> tuple[str, ...]:
    """The extensions that the peer lacks (420) or demands (421), RFC 3261 20.40 and 21.4.16."""
    name = {420: "Unsupported", 421: "Require"}.get(response.status)
    if name is None:
        return ()
    try:
        return tuple(printable(option) for option in response.get_list(name))
    except ParseError:
        return ()
