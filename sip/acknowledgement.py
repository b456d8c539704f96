"""The ACKs for the 2xx responses to one INVITE of ours (RFC 3261 section 13.2.2.4)."""

from .authorization import Authorization, credentials_of
from .bye import Bye
from .client_transaction import ClientTransaction
from .core import Core
from .dialog import Dialog, dialog_of_uac
from .errors import ParseError
from .hop import Hop
from .message import Request, Response
from .transaction import FailureCause


class Acknowledgements:
    """Sends ACKs, one for each fork, and again for each 2xx that comes again.

    It stays the user of the INVITE transaction when the session is over, so that this alone is
    kept until timer M.
    """

    __slots__ = ("_authorization", "_core", "_sent")

    def __init__(self, core: Core, authorization: Authorization) -> None:
        self._core = core
        self._authorization = authorization
        self._sent: dict[str, tuple[Hop, bytes]] = {}

    def repeat(self, response: Response) -> bool:
        """Send the ACK again if this 2xx was acknowledged before."""
        sent = self._sent.get(response.to.tag or "")
        if sent is None:
            return False
        self._core.transactions.retransmit(*sent)
        return True

    def first(self, transaction: ClientTransaction, response: Response) -> Dialog | None:
        """Acknowledge a new fork; None when no dialog can be read from its 2xx."""
        core, invite = self._core, transaction.request
        try:
            dialog = dialog_of_uac(invite, response, transaction.hop)
        except ParseError:
            core.counters.malformed += 1
            return None
        data = build_ack(core, invite, dialog).encode()
        self._sent[dialog.remote_tag] = (dialog.hop, data)
        core.transactions.send(dialog.hop, data)
        return dialog

    def decline(self, dialog: Dialog, now: float) -> None:
        """End a fork that is not wanted."""
        Bye(self._core, dialog, self._authorization, reason=None, on_done=None, now=now)

    def response_received(
        self, transaction: ClientTransaction, response: Response, now: float
    ) -> None:
        """See ClientUser: what comes when the session is over."""
        if 200 <= response.status < 300 and not self.repeat(response):
            dialog = self.first(transaction, response)
            if dialog is not None:
                self.decline(dialog, now)

    def transaction_failed(
        self, transaction: ClientTransaction, cause: FailureCause, now: float
    ) -> None:
        """See ClientUser."""


def build_ack(core: Core, invite: Request, dialog: Dialog) -> Request:
    """The ACK for a 2xx: a request of its own, with the credentials of its INVITE."""
    via = core.via(dialog.hop, core.new_branch())
    return dialog.request("ACK", via, credentials_of(invite), number=invite.cseq.number)
