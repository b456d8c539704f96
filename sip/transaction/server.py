"""Server transactions: RFC 3261 section 17.2 with the Accepted state of RFC 6026 section 7.1."""

from typing import ClassVar, Protocol

from ..hop import Hop, default_port
from ..message.message import Request, Response
from .transaction import (
    TERMINATED,
    FailureCause,
    Table,
    Transaction,
    TransactionLayer,
    retransmit,
    stop_timers,
)

TRYING = "trying"
PROCEEDING = "proceeding"
ACCEPTED = "accepted"
COMPLETED = "completed"
CONFIRMED = "confirmed"


class ServerUser(Protocol):
    """The user that answers the request."""

    def ack_received(self, transaction: "ServerTransaction", ack: Request, now: float) -> None:
        """Handle an ACK with the branch of an INVITE that was answered 2xx."""

    def response_failed(
        self, transaction: "ServerTransaction", cause: FailureCause, now: float
    ) -> None:
        """Handle a missing ACK for a final response 300 to 699, or a transport error."""


class ServerTransaction(Transaction):
    """A received request. `respond` answers it; `receive` handles retransmissions and the ACK."""

    __slots__ = ("merge_key", "request_to_tag", "response_to_tag", "user")

    def __init__(
        self, layer: TransactionLayer, key: object, request: Request, hop: Hop, state: str
    ) -> None:
        super().__init__(layer, key, request, hop, state)
        self.user: ServerUser | None = None
        self.request_to_tag = request.to.tag
        self.response_to_tag: str | None = None
        self.merge_key: object = None

    def receive(self, request: Request, now: float) -> None:
        """Handle a retransmission or ACK of this transaction (RFC 3261 section 17.2.3)."""
        raise NotImplementedError

    def respond(self, response: Response, now: float) -> None:
        """Send a response. Raises IllegalEvent if a final one was sent before."""
        raise NotImplementedError


def _send(transaction: ServerTransaction, response: Response, now: float) -> None:
    transaction.response_to_tag = response.to.tag
    transaction.data = response.encode()
    transaction.layer.send(transaction.hop, transaction.data)


def _resend(transaction: ServerTransaction, response: Response, now: float) -> None:
    transaction.layer.retransmit(transaction.hop, transaction.data)


def _ack_up(transaction: ServerTransaction, ack: Request, now: float) -> None:
    if transaction.user is not None:
        transaction.user.ack_received(transaction, ack, now)


def _timed_out(transaction: ServerTransaction, message: object, now: float) -> None:
    if transaction.user is not None:
        transaction.user.response_failed(transaction, "timeout", now)


def _unreachable(transaction: ServerTransaction, message: object, now: float) -> None:
    if transaction.user is not None:
        transaction.user.response_failed(transaction, "transport", now)


def _start_g_h(transaction: ServerTransaction, message: object, now: float) -> None:
    values = transaction.layer.values
    transaction.start_retransmission("timer_g", values.timer_g_s, now)
    transaction.start_lifetime("timer_h", values.timer_h_s, now)


def _retransmit_g(transaction: ServerTransaction, message: object, now: float) -> None:
    retransmit(transaction, message, now)
    interval_s = min(transaction.interval_s * 2, transaction.layer.values.t2_s)
    transaction.start_retransmission("timer_g", interval_s, now)


def _start_i(transaction: ServerTransaction, message: object, now: float) -> None:
    transaction.linger("timer_i", transaction.layer.values.timer_i_s, now)


def _start_j(transaction: ServerTransaction, message: object, now: float) -> None:
    transaction.linger("timer_j", transaction.layer.values.timer_j_s, now)


def _start_l(transaction: ServerTransaction, message: object, now: float) -> None:
    transaction.start_lifetime("timer_l", transaction.layer.values.timer_l_s, now)


class InviteServerTransaction(ServerTransaction):
    """The INVITE server transaction of RFC 6026 figure 2, which replaces RFC 3261 figure 7.

    There is no 200 ms timer for 100, because the user sends 100 at once.
    """

    __slots__ = ()

    TABLE: ClassVar[Table] = {
        PROCEEDING: {
            "INVITE": (PROCEEDING, (retransmit,)),
            "ACK": (PROCEEDING, ()),
            "send 1xx": (PROCEEDING, (_send,)),
            "send 2xx": (ACCEPTED, (_send, _start_l)),
            "send 300-699": (COMPLETED, (_send, _start_g_h)),
            "transport_error": (PROCEEDING, (_unreachable,)),
        },
        ACCEPTED: {
            "INVITE": (ACCEPTED, ()),
            "ACK": (ACCEPTED, (_ack_up,)),
            "send 2xx": (ACCEPTED, (_resend,)),
            "timer_l": (TERMINATED, ()),
            "transport_error": (ACCEPTED, (_unreachable,)),
        },
        COMPLETED: {
            "INVITE": (COMPLETED, (retransmit,)),
            "ACK": (CONFIRMED, (stop_timers, _start_i)),
            "timer_g": (COMPLETED, (_retransmit_g,)),
            "timer_h": (TERMINATED, (_timed_out,)),
            "transport_error": (COMPLETED, (_unreachable,)),
        },
        CONFIRMED: {
            "INVITE": (CONFIRMED, ()),
            "ACK": (CONFIRMED, ()),
            "timer_i": (TERMINATED, ()),
            "transport_error": (CONFIRMED, ()),
        },
        TERMINATED: {},
    }

    def __init__(self, layer: TransactionLayer, key: object, request: Request, hop: Hop) -> None:
        super().__init__(layer, key, request, hop, PROCEEDING)

    def receive(self, request: Request, now: float) -> None:
        """Handle a retransmitted INVITE or an ACK (RFC 3261 section 17.2.3)."""
        self.handle(request.method, request, now)

    def respond(self, response: Response, now: float) -> None:
        """Send a response. The user retransmits a 2xx by sending it again (RFC 3261 13.3.1.4)."""
        status = response.status
        event = "send 1xx" if status < 200 else "send 2xx" if status < 300 else "send 300-699"
        self.handle(event, response, now)

    def transport_failed(self, now: float) -> None:
        """Handle a transport error. The loss of the TCP connection does not end a call.

        Later responses go to the port in the Via of the caller (RFC 3261 section 18.2.2). The last
        response may be lost. The user retransmits a 2xx; any other is sent again here.
        """
        hop = self.hop
        via = self.request.via
        listener = hop._replace(port=via.port or default_port(hop.transport))
        if hop.transport == "tls":
            listener = listener._replace(name=via.host)
        if not self.reliable or hop == listener:
            super().transport_failed(now)
            return
        self.layer.move(self, listener)
        if self.state == COMPLETED:
            retransmit(self, None, now)


class NonInviteServerTransaction(ServerTransaction):
    """The non-INVITE server transaction of RFC 3261 figure 8."""

    __slots__ = ()

    TABLE: ClassVar[Table] = {
        TRYING: {
            "request": (TRYING, ()),
            "send 1xx": (PROCEEDING, (_send,)),
            "send 200-699": (COMPLETED, (_send, _start_j)),
            "transport_error": (TRYING, ()),
        },
        PROCEEDING: {
            "request": (PROCEEDING, (retransmit,)),
            "send 1xx": (PROCEEDING, (_send,)),
            "send 200-699": (COMPLETED, (_send, _start_j)),
            "transport_error": (TERMINATED, (_unreachable,)),
        },
        COMPLETED: {
            "request": (COMPLETED, (retransmit,)),
            "timer_j": (TERMINATED, ()),
            "transport_error": (TERMINATED, (_unreachable,)),
        },
        TERMINATED: {},
    }

    def __init__(self, layer: TransactionLayer, key: object, request: Request, hop: Hop) -> None:
        super().__init__(layer, key, request, hop, TRYING)

    def receive(self, request: Request, now: float) -> None:
        """Handle a retransmission of the request (RFC 3261 section 17.2.3)."""
        self.handle("request", request, now)

    def respond(self, response: Response, now: float) -> None:
        """Send a response. Raises IllegalEvent if a final one was sent before."""
        self.handle("send 1xx" if response.status < 200 else "send 200-699", response, now)
