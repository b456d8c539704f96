"""Client transactions: RFC 3261 section 17.1 with the Accepted state of RFC 6026 section 7.2."""

from typing import ClassVar, Protocol

from ..hop import Hop
from ..message.message import Request, Response
from .timers import Timer
from .transaction import (
    TERMINATED,
    FailureCause,
    Table,
    Transaction,
    TransactionLayer,
    retransmit,
    stop_timers,
)

CALLING = "calling"
TRYING = "trying"
PROCEEDING = "proceeding"
ACCEPTED = "accepted"
COMPLETED = "completed"


class ClientUser(Protocol):
    """The sender of the request, which gets its responses."""

    def response_received(
        self, transaction: "ClientTransaction", response: Response, now: float
    ) -> None:
        """Handle a response. Retransmissions are not passed, but each 2xx to an INVITE is."""

    def transaction_failed(
        self, transaction: "ClientTransaction", cause: FailureCause, now: float
    ) -> None:
        """Handle a timeout or a transport error."""


class ClientTransaction(Transaction):
    """A request that was sent. `start` sends it and `receive` handles its responses."""

    __slots__ = ("branch", "over_udp", "tcp_limit", "user")

    def __init__(
        self,
        layer: TransactionLayer,
        user: ClientUser,
        request: Request,
        branch: str,
        hop: Hop,
        state: str,
    ) -> None:
        super().__init__(layer, (branch, request.method), request, hop, state)
        self.user = user
        self.branch = branch
        self.over_udp: tuple[Request, Hop] | None = None
        """The request as it goes over UDP, where it goes by TCP because of its size."""

        self.tcp_limit: Timer | None = None
        """When it goes on over UDP, if nothing comes back over TCP."""

    @property
    def has_no_response(self) -> bool:
        """Whether nothing at all has come back."""
        return self.state in (CALLING, TRYING)

    def stop_timers(self) -> None:
        """See Transaction."""
        super().stop_timers()
        self.layer.timers.cancel(self.tcp_limit)
        self.tcp_limit = None

    def restart(self, request: Request, now: float) -> None:
        """Send the request in this form, to where the transaction was moved, from the start."""
        self.over_udp = None
        self.stop_timers()
        self.request = request
        self.reliable = self.hop.transport != "udp"
        self.start(now)

    def start(self, now: float) -> None:
        """Send the request and start the timers of the first state."""
        raise NotImplementedError

    def receive(self, response: Response, now: float) -> None:
        """Handle a response of this transaction (RFC 3261 section 17.1.3)."""
        raise NotImplementedError


def _pass_up(transaction: ClientTransaction, response: Response, now: float) -> None:
    transaction.user.response_received(transaction, response, now)


def _release(transaction: ClientTransaction, message: object, now: float) -> None:
    # From now on only the key and the state are needed. The rest may be large.
    del transaction.user, transaction.request
    transaction.data = b""


def _timed_out(transaction: ClientTransaction, message: object, now: float) -> None:
    transaction.user.transaction_failed(transaction, "timeout", now)


def _unreachable(transaction: ClientTransaction, message: object, now: float) -> None:
    transaction.user.transaction_failed(transaction, "transport", now)


def _send_ack(transaction: ClientTransaction, response: Response, now: float) -> None:
    transaction.data = build_ack(transaction.request, response).encode()
    transaction.layer.send(transaction.hop, transaction.data)


def _retransmit_a(transaction: ClientTransaction, message: object, now: float) -> None:
    retransmit(transaction, message, now)
    transaction.start_retransmission("timer_a", transaction.interval_s * 2, now)


def _retransmit_e(transaction: ClientTransaction, message: object, now: float) -> None:
    retransmit(transaction, message, now)
    t2_s = transaction.layer.values.t2_s
    interval_s = t2_s if transaction.state == PROCEEDING else min(transaction.interval_s * 2, t2_s)
    transaction.start_retransmission("timer_e", interval_s, now)


_OF_FORKS = frozenset(
    {"From", "To", "Call-ID", "CSeq", "Route", "Authorization", "Proxy-Authorization"}
)


def _keep_for_forks(transaction: ClientTransaction, message: object, now: float) -> None:
    # It lives on for half a minute: what the dialogs and ACKs of further 2xx are made of stays.
    transaction.request = transaction.request.with_only(_OF_FORKS)
    transaction.data = b""


def _start_d(transaction: ClientTransaction, message: object, now: float) -> None:
    transaction.linger("timer_d", transaction.layer.values.timer_d_s, now)


def _start_k(transaction: ClientTransaction, message: object, now: float) -> None:
    transaction.linger("timer_k", transaction.layer.values.timer_k_s, now)


def _start_m(transaction: ClientTransaction, message: object, now: float) -> None:
    # Also on reliable transports: another fork may still send a 2xx.
    transaction.start_lifetime("timer_m", transaction.layer.values.timer_m_s, now)


class InviteClientTransaction(ClientTransaction):
    """The INVITE client transaction of RFC 6026 figure 1, which replaces RFC 3261 figure 5."""

    __slots__ = ()

    TABLE: ClassVar[Table] = {
        CALLING: {
            "1xx": (PROCEEDING, (stop_timers, _pass_up)),
            "2xx": (ACCEPTED, (stop_timers, _start_m, _pass_up, _keep_for_forks)),
            "300-699": (COMPLETED, (stop_timers, _send_ack, _start_d, _pass_up)),
            "timer_a": (CALLING, (_retransmit_a,)),
            "timer_b": (TERMINATED, (_timed_out,)),
            "transport_error": (TERMINATED, (_unreachable,)),
        },
        PROCEEDING: {
            "1xx": (PROCEEDING, (_pass_up,)),
            "2xx": (ACCEPTED, (_start_m, _pass_up, _keep_for_forks)),
            "300-699": (COMPLETED, (_send_ack, _start_d, _pass_up)),
            "transport_error": (PROCEEDING, ()),
        },
        ACCEPTED: {
            "1xx": (ACCEPTED, ()),
            "2xx": (ACCEPTED, (_pass_up,)),
            "300-699": (ACCEPTED, ()),
            "timer_m": (TERMINATED, (_release,)),
            "transport_error": (ACCEPTED, ()),
        },
        COMPLETED: {
            "1xx": (COMPLETED, ()),
            "2xx": (COMPLETED, ()),
            "300-699": (COMPLETED, (retransmit,)),
            "timer_d": (TERMINATED, ()),
            "transport_error": (TERMINATED, (_unreachable,)),
        },
        TERMINATED: {},
    }

    def __init__(
        self, layer: TransactionLayer, user: ClientUser, request: Request, branch: str, hop: Hop
    ) -> None:
        super().__init__(layer, user, request, branch, hop, CALLING)

    def start(self, now: float) -> None:
        """Send the INVITE and start timers A and B."""
        values = self.layer.values
        self.data = self.request.encode()
        self.start_retransmission("timer_a", values.timer_a_s, now)
        self.start_lifetime("timer_b", values.timer_b_s, now)
        self.layer.send(self.hop, self.data)

    def receive(self, response: Response, now: float) -> None:
        """Handle a response of this transaction (RFC 3261 section 17.1.3)."""
        status = response.status
        event = "1xx" if status < 200 else "2xx" if status < 300 else "300-699"
        self.handle(event, response, now)


class NonInviteClientTransaction(ClientTransaction):
    """The non-INVITE client transaction of RFC 3261 figure 6."""

    __slots__ = ()

    TABLE: ClassVar[Table] = {
        TRYING: {
            "1xx": (PROCEEDING, (_pass_up,)),
            "200-699": (COMPLETED, (stop_timers, _start_k, _pass_up, _release)),
            "timer_e": (TRYING, (_retransmit_e,)),
            "timer_f": (TERMINATED, (_timed_out,)),
            "transport_error": (TERMINATED, (_unreachable,)),
        },
        PROCEEDING: {
            "1xx": (PROCEEDING, (_pass_up,)),
            "200-699": (COMPLETED, (stop_timers, _start_k, _pass_up, _release)),
            "timer_e": (PROCEEDING, (_retransmit_e,)),
            "timer_f": (TERMINATED, (_timed_out,)),
            "transport_error": (TERMINATED, (_unreachable,)),
        },
        COMPLETED: {
            "1xx": (COMPLETED, ()),
            "200-699": (COMPLETED, ()),
            "timer_k": (TERMINATED, ()),
            "transport_error": (COMPLETED, ()),
        },
        TERMINATED: {},
    }

    def __init__(
        self, layer: TransactionLayer, user: ClientUser, request: Request, branch: str, hop: Hop
    ) -> None:
        super().__init__(layer, user, request, branch, hop, TRYING)

    def start(self, now: float) -> None:
        """Send the request and start timers E and F."""
        values = self.layer.values
        self.data = self.request.encode()
        self.start_retransmission("timer_e", values.timer_e_s, now)
        self.start_lifetime("timer_f", values.timer_f_s, now)
        self.layer.send(self.hop, self.data)

    def receive(self, response: Response, now: float) -> None:
        """Handle a response of this transaction (RFC 3261 section 17.1.3)."""
        self.handle("1xx" if response.status < 200 else "200-699", response, now)


_ACK_COPIES = ("From", "Call-ID", "Route")


def build_ack(invite: Request, response: Response) -> Request:
    """Build the ACK for a final response 300 to 699 (RFC 3261 section 17.1.1.3).

    It has the branch of the INVITE and the To of the response.
    """
    ack = Request("ACK", invite.uri)
    ack.add_field("Via", invite.get_all("Via")[0])
    ack.add_field("Max-Forwards", "70")
    for name in _ACK_COPIES:
        for value in invite.get_all(name):
            ack.add_field(name, value)
    ack.add_field("To", response.get("To") or invite.get("To") or "")
    ack.add_field("CSeq", f"{invite.cseq.number} ACK")
    return ack
