"""The ACKs for the 2xx responses to one INVITE of ours (RFC 3261 section 13.2.2.4)."""

from typing import Final

from ..auth.authorization import Authorization, credentials_of
from ..errors import ParseError
from ..hop import Hop
from ..message.message import Request, Response
from ..transaction.client import ClientTransaction
from ..transaction.transaction import FailureCause
from .bye import Bye
from .context import Core
from .dialog import Dialog, bare_dialog_of_uac, dialog_of_uac

MAX_FORKS: Final = 32
"""Answers and early dialogs of one INVITE that are looked at: no proxy forks further."""


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
        """Send the ACK again if this 2xx was acknowledged before; beyond MAX_FORKS, do nothing.

        Returns whether there is nothing more to do.
        """
        sent = self._sent.get(response.to.tag or "")
        if sent is None:
            return len(self._sent) >= MAX_FORKS
        self._core.transactions.retransmit(*sent)
        return True

    def first(self, transaction: ClientTransaction, response: Response, now: float) -> Dialog:
        """Acknowledge a new fork.

        Raises ParseError for a 2xx without a readable Contact or Record-Route. Whoever sent it has
        answered all the same: it is acknowledged and ended the way that the INVITE went.
        """
        invite = transaction.request
        try:
            dialog = dialog_of_uac(invite, response, transaction.hop)
        except ParseError:
            self._core.counters.malformed += 1
            dialog = bare_dialog_of_uac(invite, response, transaction.hop)
            self._acknowledge(invite, dialog)
            self.decline(dialog, now)
            raise
        self._acknowledge(invite, dialog)
        return dialog

    def _acknowledge(self, invite: Request, dialog: Dialog) -> None:
        core = self._core
        data = build_ack(core, invite, dialog).encode()
        self._sent[dialog.remote_tag] = (dialog.hop, data)
        core.transactions.send(dialog.hop, data)

    def decline(self, dialog: Dialog, now: float) -> None:
        """End a fork that is not wanted."""
        Bye(self._core, dialog, self._authorization, reason=None, on_done=None, now=now)

    def response_received(
        self, transaction: ClientTransaction, response: Response, now: float
    ) -> None:
        """See ClientUser: what comes when the session is over."""
        if 200 <= response.status < 300 and not self.repeat(response):
            self.decline(self.first(transaction, response, now), now)

    def transaction_failed(
        self, transaction: ClientTransaction, cause: FailureCause, now: float
    ) -> None:
        """See ClientUser."""


def build_ack(core: Core, invite: Request, dialog: Dialog) -> Request:
    """The ACK for a 2xx: a request of its own, with the credentials of its INVITE."""
    via = core.via(dialog.hop, core.new_branch())
    return dialog.request("ACK", via, credentials_of(invite), number=invite.cseq.number)
