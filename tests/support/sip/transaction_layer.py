"""A transaction layer and user that write down what happens, and messages to feed machines."""

from sip.hop import Hop
from sip.message.message import Request, Response, response_to
from sip.message.parser import parse
from sip.transaction.client import ClientTransaction
from sip.transaction.server import ServerTransaction
from sip.transaction.timers import TimerHeap, TimerValues
from sip.transaction.transaction import FailureCause, Transaction

UDP = Hop("udp", "192.0.2.9", 5060)
TCP = Hop("tcp", "192.0.2.9", 5060)


class RecordingLayer:
    """Implements TransactionLayer; `sent` holds (time, bytes, whether it is a retransmission)."""

    def __init__(self) -> None:
        self.timers = TimerHeap()
        self.values = TimerValues()
        self.now = 0.0
        self.sent: list[tuple[float, bytes, bool]] = []
        self.forgotten: list[Transaction] = []

    def send(self, hop: Hop, data: bytes) -> None:
        self.sent.append((self.now, data, False))

    def retransmit(self, hop: Hop, data: bytes) -> None:
        self.sent.append((self.now, data, True))

    def forget(self, transaction: Transaction) -> None:
        self.forgotten.append(transaction)

    def move(self, transaction: Transaction, hop: Hop) -> None:
        transaction.hop = hop

    def advance(self, until: float) -> None:
        """Fire every timer due up to `until`, each at its own time."""
        while (deadline := self.timers.next_deadline()) is not None and deadline <= until:
            self.now = deadline
            self.timers.fire_due(deadline)
        self.now = until

    def times(self) -> list[float]:
        """When something was sent."""
        return [at for at, _, _ in self.sent]


class RecordingUser:
    """Implements ClientUser and ServerUser."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.failures: list[str] = []
        self.acks: list[Request] = []

    def response_received(
        self, transaction: ClientTransaction, response: Response, now: float
    ) -> None:
        self.statuses.append(response.status)

    def transaction_failed(
        self, transaction: ClientTransaction, cause: FailureCause, now: float
    ) -> None:
        self.failures.append(cause)

    def ack_received(self, transaction: ServerTransaction, ack: Request, now: float) -> None:
        self.acks.append(ack)

    def response_failed(
        self, transaction: ServerTransaction, cause: FailureCause, now: float
    ) -> None:
        self.failures.append(cause)


def request(method: str = "INVITE", *, branch: str = "z9hG4bKtest", to_tag: str = "") -> Request:
    """A request with two Route fields."""
    to = f"<sip:bob@example.com>;tag={to_tag}" if to_tag else "<sip:bob@example.com>"
    message = parse(
        f"{method} sip:bob@192.0.2.9 SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP 192.0.2.1:5062;branch={branch};rport\r\n"
        "Max-Forwards: 70\r\n"
        "Route: <sip:p1.example.com;lr>\r\n"
        "Route: <sip:p2.example.com;lr>\r\n"
        "From: <sip:alice@example.com>;tag=alice\r\n"
        f"To: {to}\r\n"
        "Call-ID: call-1\r\n"
        f"CSeq: 7 {'INVITE' if method == 'INVITE' else method}\r\n\r\n".encode()
    )
    assert isinstance(message, Request)
    return message


def response(to: Request, status: int) -> Response:
    """A response with a To tag."""
    return response_to(to, status, to_tag="bob")
