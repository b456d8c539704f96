"""Refresh a session by an UPDATE without a description (RFC 3311, RFC 4028 section 7.4)."""

from __future__ import annotations

from typing import Final, Protocol

from ...errors import ParseError
from ...events import Cause
from ...message.message import Response
from ...message.reason import reason_text
from ...transaction.client import ClientTransaction
from ...transaction.transaction import FailureCause
from ..next_hop import retry_by_name
from ..requesting_session import RequestingSession
from .session_timer import SessionTimer, may_send_again

_NOT_TAKEN: Final = frozenset({405, 415, 420, 501})


class RefreshedSession(RequestingSession, Protocol):
    """The part of a session that its refresh uses."""

    timer: SessionTimer

    def update_refused(self, now: float) -> None:
        """The peer takes no UPDATE."""


class UpdateRefresh:
    """Sends one UPDATE. The result is another start of the timer, or the end of the session."""

    __slots__ = ("_retried_by_name", "_session")

    def __init__(self, session: RefreshedSession, now: float) -> None:
        self._session = session
        self._retried_by_name = False
        self._send(now)

    def _send(self, now: float) -> None:
        session = self._session
        context, dialog = session.context, session.in_dialog
        fields = [
            ("Contact", context.contact(dialog.hop, is_secure=dialog.is_secure)),
            *context.request_fields,
            *context.supported,
            *session.timer.request_fields(),
            *session.authorization.headers("UPDATE", dialog.request_uri.encode()),
        ]
        context.start_in_dialog(self, dialog, "UPDATE", fields, now)
        session.changed()

    def response_received(
        self, transaction: ClientTransaction, response: Response, now: float
    ) -> None:
        """See ClientUser."""
        session, status = self._session, response.status
        if status < 200 or session.state != "confirmed":
            return
        if status < 300:
            session.timer.answered(response, now)
            try:
                session.in_dialog.refresh(response)
                session.changed()
            except ParseError:
                session.context.counters.malformed += 1
        elif may_send_again(session, transaction.request, response):
            self._send(now)
        elif status in (408, 481):
            session.fail(Cause(status, response.phrase, "remote", reason_text(response)), now)
        elif status in _NOT_TAKEN:
            session.update_refused(now)
        else:
            # The session goes on. Where no later refresh succeeds, it expires.
            session.timer.retry(session.timer.pause_s, now)

    def transaction_failed(
        self, transaction: ClientTransaction, cause: FailureCause, now: float
    ) -> None:
        """See ClientUser. An unanswered refresh ends the session (RFC 4028 section 10)."""
        session = self._session
        if session.state != "confirmed":
            return
        if cause == "transport" and not self._retried_by_name:
            self._retried_by_name = True
            if retry_by_name(session.context.lookups, session.in_dialog, self._name_resolved):
                return
        status = 408 if cause == "timeout" else 503
        session.fail(Cause(status, "UPDATE not answered", cause), now)

    def _name_resolved(self, is_there: bool, now: float) -> None:
        session = self._session
        if session.state != "confirmed":
            return
        if is_there:
            self._send(now)
        else:
            session.fail(Cause(503, "UPDATE not answered", "transport"), now)
