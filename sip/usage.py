"""Protocols for the sessions and registrations of a user agent.

Events refer to a session or registration by these protocols. So events do not import the classes
that emit them.
"""

from __future__ import annotations

from typing import Protocol

from .hop import Hop
from .message.message import Request
from .saved import SavedSession
from .transaction.server import ServerTransaction


class DialogUsage(Protocol):
    """One INVITE session, early or confirmed (RFC 3261 sections 12 to 15)."""

    call_id: str
    local_tag: str

    @property
    def owner(self) -> object | None:
        """Whoever the events of it are for; None: nobody takes it up yet, or any more."""

    def hand_to(self, owner: object | None) -> None:
        """Let the events be for another owner from now on, or for nobody."""

    @property
    def owns_call_id(self) -> bool:
        """Whether this side made the Call-ID, which means that it sent the first INVITE."""

    @property
    def dialog_count(self) -> int:
        """The number of its dialogs, early ones included."""

    def has_dialog(self, remote_tag: str) -> bool:
        """Whether requests with this From tag belong to it."""

    def objection_to_replace(self, *, early_only: bool) -> int | None:
        """With what to refuse an INVITE that would replace this session; None: it may."""

    def request_received(self, transaction: ServerTransaction, now: float) -> None:
        """Answer a request within the dialog."""

    def ack_received(self, transaction: ServerTransaction | None, ack: Request, now: float) -> None:
        """Handle the ACK for our 2xx."""

    def save(self) -> SavedSession | None:
        """What a later process needs to end the session; None: there is nothing to end."""

    def hangup(self, now: float, *, reason: str | None = None) -> None:
        """End the session: by CANCEL, BYE or a final response, depending on its state."""

    def finish(self, event: None, now: float) -> None:
        """End the session without a message to the peer."""


class ReferralUsage(Protocol):
    """A REFER that waits for the owner's decision, and whose sender hears of what follows."""

    target: str
    """The URI that the peer's partner is to be connected with."""
    user_here: str | None
    """The user part of the target where that is at this host; None elsewhere."""
    replaces: str | None
    """The dialog that the call to the target is to replace (RFC 3891)."""
    replaced_here: DialogUsage | None
    """That dialog where it is one of ours: whatever the target, nobody is to be called."""

    def accept(self, now: float) -> None:
        """Accept it: the target is called."""

    def refuse(self, status: int, reason: str, now: float) -> None:
        """Refuse it with a final status."""

    def notify(self, status: int, phrase: str, now: float) -> None:
        """Tell the peer what the target has answered."""


class RegistrationUsage(Protocol):
    """One binding at a registrar (RFC 3261 section 10). Two are the same only by identity."""

    def stop(self, now: float) -> None:
        """Remove the binding."""

    def connection_lost(self, hop: Hop, now: float) -> None:
        """The connection to `hop` is lost: calls for this binding may come no more."""

    def host_down(self, host: str, now: float) -> None:
        """The host of this name is down: calls for a binding there may come no more."""
