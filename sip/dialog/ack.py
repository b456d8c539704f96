"""The ACKs for the 2xx responses to one INVITE of ours (RFC 3261 section 13.2.2.4)."""

from typing import Final

from ..auth.authorization import Authorization, credentials_of
from ..errors import ParseError
from ..hop import Hop
from ..message.message import Request, Response
from ..transaction.client import ClientTransaction
from ..transaction.transaction import FailureCause
from .bye import Bye
from .context import UserAgentContext
from .dialog import Dialog, bare_dialog_of_uac, dialog_of_uac

MAX_FORKS: Final = 32
"""The most answers that one INVITE may have. Real proxies fork less."""


class Acknowledgements:
    """Sends one ACK for each fork, and sends it again for each retransmitted 2xx.

    It remains the user of the INVITE transaction when the session is over. So only this small
    object lives until timer M fires.
    """

    __slots__ = ("_authorization", "_context", "_sent")

    def __init__(self, context: UserAgentContext, authorization: Authorization) -> None:
        self._context = context
        self._authorization = authorization
        self._sent: tuple[tuple[str, Hop, bytes], ...] = ()  # by tag; nearly always one

    def repeat_ack(self, response: Response) -> bool:
        """Send the ACK again for a retransmitted 2xx.

        Returns True if the 2xx needs nothing more: it was a retransmission, or it belongs to a
        fork beyond MAX_FORKS.
        """
        tag = response.to.tag or ""
        for of_tag, hop, data in self._sent:
            if of_tag == tag:
                self._context.transactions.retransmit(hop, data)
                return True
        return len(self._sent) >= MAX_FORKS

    def acknowledge_fork(
        self,
        transaction: ClientTransaction,
        response: Response,
        now: float,
        answer: bytes = b"",
    ) -> Dialog:
        """Acknowledge a new fork. `answer` is our answer to an offer of the 2xx.

        Raises ParseError for a 2xx whose Contact or Record-Route cannot be read. The peer has
        answered nevertheless, so the fork is acknowledged and ended over the route of the INVITE.
        """
        invite = transaction.request
        try:
            dialog = dialog_of_uac(invite, response, transaction.hop, self._context.may_reach)
        except ParseError:
            self._context.counters.malformed += 1
            dialog = bare_dialog_of_uac(invite, response, transaction.hop)
            self._acknowledge(invite, dialog)
            self.decline_fork(dialog, now)
            raise
        self._acknowledge(invite, dialog, answer)
        return dialog

    def _acknowledge(self, invite: Request, dialog: Dialog, answer: bytes = b"") -> None:
        context = self._context
        data = build_ack(context, invite, dialog, answer).encode()
        self._sent = (*self._sent, (dialog.remote_tag, dialog.hop, data))
        context.transactions.send(dialog.hop, data)

    def decline_fork(self, dialog: Dialog, now: float) -> None:
        """End a fork that is not needed, by BYE."""
        Bye(self._context, dialog, self._authorization, reason=None, on_done=None, now=now)

    def response_received(
        self, transaction: ClientTransaction, response: Response, now: float
    ) -> None:
        """See ClientUser. Handles 2xx responses that arrive when the session is over."""
        if 200 <= response.status < 300 and not self.repeat_ack(response):
            self.decline_fork(self.acknowledge_fork(transaction, response, now), now)

    def transaction_failed(
        self, transaction: ClientTransaction, cause: FailureCause, now: float
    ) -> None:
        """See ClientUser."""


def build_ack(
    context: UserAgentContext, invite: Request, dialog: Dialog, answer: bytes = b""
) -> Request:
    """Build the ACK for a 2xx. It repeats the credentials of the INVITE."""
    via = context.via(dialog.hop, context.new_branch())
    extra = credentials_of(invite)
    if answer:
        extra.append(("Content-Type", "application/sdp"))
    return dialog.request("ACK", via, extra, answer, number=invite.cseq.number)
