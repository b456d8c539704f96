"""The way to a dialog's peer by its name, where the way the dialog was made by is gone.

Most often that is the connection of a caller over TCP, at whose far end nobody listens. A Contact
or Route that is a name was not needed so far (docs/decisions/022): now the shell looks it up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..hop import Hop
from ..message.uri import SipUri

if TYPE_CHECKING:
    from .context import Core
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


def take_detour(core: Core, dialog: Dialog, then: Callable[[bool, float], None]) -> bool:
    """Look for another way after a request of the dialog could not be sent.

    `then(whether there is one, now)` is called when that is known. False where the next hop is no
    name: then there is none.
    """
    name, gone = dialog.named_hop, dialog.hop
    if name is None:
        return False

    def found(hop: Hop | None, now: float) -> None:
        # The peer may have said itself meanwhile where it is now.
        then(dialog.hop != gone or dialog.reroute(hop), now)

    core.lookups.append(Lookup(name, dialog.fallback_hop, found))
    return True
