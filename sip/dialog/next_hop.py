"""Resolve the next hop of a dialog again after a transport error (RFC 3263 section 4).

The usual case: the TCP connection of a caller is closed, and no one listens on its remote port.
If the Contact or Route has a host name, the shell looks that name up (docs/decisions/022).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..hop import Hop
from ..message.uri import SipUri
from .dialog import Dialog


@dataclass(frozen=True, slots=True)
class Lookup:
    """A request to the shell to resolve `uri`.

    `near` has the default transport and the preferred address family; None leaves both open. The
    shell calls `found(hops, now)` once, with the best first, and none if the URI leads nowhere.
    `failed` are hops of the URI that did not work: they are tried last for a while. `trunk` is
    the one that the URI is of.
    """

    uri: SipUri
    near: Hop | None
    found: Callable[[tuple[Hop, ...], float], None]
    failed: tuple[Hop, ...] = ()
    trunk: str = ""


def retry_by_name(
    lookups: list[Lookup], dialog: Dialog, then: Callable[[bool, float], None]
) -> bool:
    """Look the next hop of a dialog up by name, after a request could not be sent.

    Calls `then(is_found, now)` later, with True if there is another hop to try. Returns False,
    and calls nothing, if the next hop has no name.
    """
    name, gone = dialog.named_hop, dialog.hop
    if name is None:
        return False

    def found(hops: tuple[Hop, ...], now: float) -> None:
        # A target refresh may have changed the hop in the meantime.
        then(
            dialog.hop != gone
            or any(dialog.reroute(hop) for hop in hops)
            or (not hops and dialog.reroute(None)),
            now,
        )

    lookups.append(Lookup(name, dialog.fallback_hop, found, (gone,)))
    return True
