"""What a user agent keeps of each session and registration, and what their owner may hold on to.

The events name sessions and registrations by these, so that they stand below both.
"""

from __future__ import annotations

from typing import Protocol

from .message.message import Request
from .transaction.server import ServerTransaction


class DialogUsage(Protocol):
    """One INVITE session (RFC 3261 section 12 to 15), early or confirmed."""

    call_id: str
    local_tag: str
    tag: object | None
    """Any object of the owner."""

    @property
    def owns_call_id(self) -> bool:
        """Whether we made the Call-ID."""

    @property
    def dialog_count(self) -> int:
        """How many dialogs it has, early ones included."""

    def has_dialog(self, remote_tag: str) -> bool:
        """Whether requests with this From tag belong to it."""

    def request_received(self, transaction: ServerTransaction, now: float) -> None:
        """Answer a request within the dialog."""

    def ack_received(self, transaction: ServerTransaction | None, ack: Request, now: float) -> None:
        """Take the ACK for our 2xx."""

    def hangup(self, now: float, *, reason: str | None = None) -> None:
        """End it as its state demands: CANCEL, BYE or a refusal."""

    def finish(self, event: None, now: float) -> None:
        """End without a message to the peer."""


class RegistrationUsage(Protocol):
    """One binding at a registrar (RFC 3261 section 10). It is known by its identity."""

    def stop(self, now: float) -> None:
        """Remove the binding."""
