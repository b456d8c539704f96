"""What a session gives the requests that are sent within its dialog."""

from __future__ import annotations

from typing import Protocol

from ..auth.authorization import Authorization
from ..events import Cause
from .context import UserAgentContext
from .dialog import Dialog


class RequestingSession(Protocol):
    """The part of a session that every request within its dialog uses."""

    context: UserAgentContext
    authorization: Authorization

    @property
    def state(self) -> str:
        """A request is sent, or sent again, only while this is `confirmed`."""

    @property
    def in_dialog(self) -> Dialog:
        """Return the dialog of the session."""

    def changed(self) -> None:
        """The dialog has another CSeq or remote target."""

    def fail(self, cause: Cause, now: float) -> None:
        """End the session, because it cannot continue."""
