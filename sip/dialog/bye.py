"""Send BYE (RFC 3261 section 15.1.1)."""

from collections.abc import Callable

from ..auth.authorization import Authorization
from ..message.message import Fields, Response
from ..transaction.client import ClientTransaction
from ..transaction.transaction import FailureCause
from .context import UserAgentContext
from .dialog import Dialog
from .next_hop import retry_by_name


class Bye:
    """Ends a dialog by BYE.

    Calls `on_sent()` each time one was sent, as the dialog has another CSeq then, and
    `on_done(now)` after any final response or a timeout.
    """

    __slots__ = (
        "_authorization",
        "_context",
        "_dialog",
        "_on_done",
        "_on_sent",
        "_reason",
        "_retried_by_name",
    )

    def __init__(
        self,
        context: UserAgentContext,
        dialog: Dialog,
        authorization: Authorization,
        *,
        reason: str | None,
        on_sent: Callable[[], None] = lambda: None,
        on_done: Callable[[float], None] | None,
        now: float,
    ) -> None:
        self._context = context
        self._dialog = dialog
        self._authorization = authorization
        self._reason = reason
        self._on_sent = on_sent
        self._on_done = on_done
        self._retried_by_name = False
        self._send(now)

    def _send(self, now: float) -> None:
        context, dialog = self._context, self._dialog
        fields: Fields = [("User-Agent", context.product)]
        if self._reason:
            fields.append(("Reason", self._reason))
        fields += self._authorization.headers("BYE", dialog.request_uri.encode())
        context.start_in_dialog(self, dialog, "BYE", fields, now)
        self._on_sent()

    def response_received(
        self, transaction: ClientTransaction, response: Response, now: float
    ) -> None:
        """See ClientUser."""
        if response.status < 200:
            return
        if self._authorization.accept_challenge(transaction.request, response):
            self._send(now)
        else:
            self._done(now)

    def transaction_failed(
        self, transaction: ClientTransaction, cause: FailureCause, now: float
    ) -> None:
        """See ClientUser."""
        if cause == "transport" and not self._retried_by_name:
            self._retried_by_name = True
            if retry_by_name(self._context.lookups, self._dialog, self._name_resolved):
                return
        self._done(now)

    def _name_resolved(self, is_there: bool, now: float) -> None:
        if is_there:
            self._send(now)
        else:
            self._done(now)

    def _done(self, now: float) -> None:
        if self._on_done is not None:
            self._on_done(now)
