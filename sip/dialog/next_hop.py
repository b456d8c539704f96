"""The next hop of a dialog, found again by name after a transport error (RFC 3263 section 4).

Most often a caller's TCP connection is gone, and nobody listens at its far end. The Contact or
Route may be a name that no request has needed so far (docs/decisions/022); the shell looks it up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..hop import Hop
from ..message.uri import SipUri
from .dialog import Dialog


@dataclass(frozen=True, slots=True)
class Lookup:
    """A question to the shell: where `uri` leads.

    `near` has the transport for a URI that names none, and the address family to be preferred.
    `found(hop, now)` is to be called once, with None where the URI leads nowhere.
    """

    uri: SipUri
    near: Hop
    found: Callable[[Hop | None, float], None]


def retry_by_name(
    lookups: list[Lookup], dialog: Dialog, then: Callable[[bool, float], None]
) -> bool:
    """Look the next hop up by name after a request of the dialog could not be sent.

    Calls `then(found, now)` with the result. Returns False where the next hop has no name.
    """
    name, gone = dialog.named_hop, dialog.hop
    if name is None:
        return False

    def found(hop: Hop | None, now: float) -> None:
        # The peer may have said itself meanwhile where it is now.
        then(dialog.hop != gone or dialog.reroute(hop), now)

    lookups.append(Lookup(name, dialog.fallback_hop, found))
    return True
