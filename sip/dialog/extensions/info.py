"""Send an INFO within a dialog (RFC 6086)."""

from ...events import Cause
from ...message.message import Response
from ...transaction.client import ClientTransaction
from ...transaction.transaction import FailureCause
from ..requesting_session import RequestingSession


class Info:
    """Sends one INFO. A refusal changes nothing; a dialog that the peer does not know ends."""

    __slots__ = ("_body", "_content_type", "_session")

    def __init__(
        self, session: RequestingSession, content_type: str, body: bytes, now: float
    ) -> None:
        self._session = session
        self._content_type = content_type
        self._body = body
        self._send(now)

    def _send(self, now: float) -> None:
        session = self._session
        context, dialog = session.context, session.in_dialog
        fields = [
            *context.request_fields,
            *session.authorization.headers("INFO", dialog.request_uri.encode(), self._body),
            ("Content-Type", self._content_type),
        ]
        context.start_in_dialog(self, dialog, "INFO", fields, now, self._body)
        session.changed()

    def response_received(
        self, transaction: ClientTransaction, response: Response, now: float
    ) -> None:
        """See ClientUser."""
        session, status = self._session, response.status
        if status < 300 or session.state != "confirmed":
            return
        if session.authorization.accept_challenge(transaction.request, response):
            self._send(now)
        elif status == 481:
            session.fail(Cause(status, response.phrase, "remote", response.get("Reason")), now)

    def transaction_failed(
        self, transaction: ClientTransaction, cause: FailureCause, now: float
    ) -> None:
        """See ClientUser. The session timer, or the next request, finds out whether it is up."""
