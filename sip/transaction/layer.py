"""All transactions of a user agent, and the rules that match messages to them.

RFC 3261 sections 17.1.3 and 17.2.3, 8.2.2.2 for merged requests.
"""

from ..counters import Counters
from ..hop import Hop
from ..message.message import Request, Response
from .client import (
    ClientTransaction,
    ClientUser,
    InviteClientTransaction,
    NonInviteClientTransaction,
)
from .server import (
    COMPLETED,
    CONFIRMED,
    InviteServerTransaction,
    NonInviteServerTransaction,
    ServerTransaction,
)
from .timers import TimerHeap, TimerValues
from .transaction import Transaction


class Transactions:
    """Creates, finds and forgets transactions; collects what they send in `output`."""

    def __init__(self, timers: TimerHeap, values: TimerValues, counters: Counters) -> None:
        self.timers = timers
        self.values = values
        self.output: list[tuple[Hop, bytes]] = []
        self.failure_reason = ""
        """Why the transport failed last, for the causes of what ends by it."""
        self._counters = counters
        self._clients: dict[object, ClientTransaction] = {}
        self._servers: dict[object, ServerTransaction] = {}
        self._by_hop: dict[Hop, dict[Transaction, None]] = {}
        self._merged: dict[object, ServerTransaction] = {}

    def __len__(self) -> int:
        return len(self._clients) + len(self._servers)

    # -- what transactions call

    def send(self, hop: Hop, data: bytes) -> None:
        """Queue bytes for the transport."""
        self.output.append((hop, data))

    def retransmit(self, hop: Hop, data: bytes) -> None:
        """Queue bytes for the transport again."""
        self._counters.retransmissions_sent += 1
        self.output.append((hop, data))

    def forget(self, transaction: Transaction) -> None:
        """Drop a terminated transaction."""
        if isinstance(transaction, ClientTransaction):
            self._clients.pop(transaction.key, None)
        elif isinstance(transaction, ServerTransaction):
            self._servers.pop(transaction.key, None)
            if self._merged.get(transaction.merge_key) is transaction:
                del self._merged[transaction.merge_key]
        self._leave_hop(transaction)

    def move(self, transaction: Transaction, hop: Hop) -> None:
        """Let what a transaction sends go to another hop."""
        self._leave_hop(transaction)
        transaction.hop = hop
        self._join_hop(transaction)

    def _join_hop(self, transaction: Transaction) -> None:
        self._by_hop.setdefault(transaction.hop, {})[transaction] = None

    def _leave_hop(self, transaction: Transaction) -> None:
        peers = self._by_hop.get(transaction.hop)
        if peers is not None:
            peers.pop(transaction, None)
            if not peers:
                del self._by_hop[transaction.hop]

    # -- client side

    def start_client(
        self, user: ClientUser, request: Request, branch: str, hop: Hop, now: float
    ) -> ClientTransaction:
        """Send a request in a client transaction of its own."""
        transaction: ClientTransaction
        if request.method == "INVITE":
            transaction = InviteClientTransaction(self, user, request, branch, hop)
        else:
            transaction = NonInviteClientTransaction(self, user, request, branch, hop)
        self._clients[transaction.key] = transaction
        self._join_hop(transaction)
        transaction.start(now)
        return transaction

    def client_for(self, response: Response) -> ClientTransaction | None:
        """The client transaction of a response (17.1.3)."""
        return self._clients.get((response.via.branch, response.cseq.method))

    # -- server side

    def start_server(self, request: Request, key: object, hop: Hop) -> ServerTransaction:
        """A server transaction for a request that matched none; responses go to `hop`."""
        transaction: ServerTransaction
        if request.method == "INVITE":
            transaction = InviteServerTransaction(self, key, request, hop)
            if request.to.tag is None:
                transaction.merge_key = _merge_key(request)
                self._merged[transaction.merge_key] = transaction
        else:
            transaction = NonInviteServerTransaction(self, key, request, hop)
        self._servers[key] = transaction
        self._join_hop(transaction)
        return transaction

    def server_for(self, request: Request, key: object) -> ServerTransaction | None:
        """The server transaction of a retransmitted request or of an ACK (17.2.3)."""
        transaction = self._servers.get(key)
        if transaction is not None and _is_branchless(key):
            ours = transaction.request_to_tag
            if request.method == "ACK":
                ours = transaction.response_to_tag
            if request.to.tag != ours:
                return None
        return transaction

    def invite_for(self, cancel: Request) -> ServerTransaction | None:
        """The INVITE that a CANCEL is about (9.2)."""
        return self._servers.get(server_key(cancel, "INVITE"))

    def is_merged(self, request: Request) -> bool:
        """The same INVITE is being served already, having come another way (8.2.2.2).

        One that was refused is not: a proxy that forks serially may send it on to us again.
        """
        served = self._merged.get(_merge_key(request))
        return served is not None and served.state not in (COMPLETED, CONFIRMED)

    # -- failures

    def transport_failed(self, hop: Hop, reason: str, now: float) -> None:
        """Tell every transaction whose messages go to this hop."""
        self.failure_reason = reason
        peers = self._by_hop.get(hop)
        if peers is not None:
            for transaction in list(peers):
                if transaction in peers:
                    transaction.transport_failed(now)

    def abandon_after(self, transaction: Transaction, after_s: float, now: float) -> None:
        """Terminate a transaction silently, unless it ends by itself within `after_s`."""
        self.timers.schedule(now + after_s, self._abandon, transaction)

    def _abandon(self, transaction: Transaction, now: float) -> None:
        if transaction.state in ("calling", "proceeding"):
            transaction.abandon()

    def abandon_all(self) -> None:
        """Terminate everything silently."""
        for transaction in [*self._clients.values(), *self._servers.values()]:
            transaction.abandon()


def server_key(request: Request, method: str | None = None) -> object:
    """What 17.2.3 compares; an ACK has the key of its INVITE.

    Without the magic cookie (RFC 2543 peers) the fields of the request itself are compared; To
    tags, which differ between INVITE and its ACK, are left to `Transactions.server_for`.
    """
    method = method or ("INVITE" if request.method == "ACK" else request.method)
    via = request.via
    branch = via.branch
    if via.is_rfc3261:
        return (branch, via.host, via.port, method)
    cseq = request.cseq
    return (
        "RFC 2543",
        request.uri.encode(),
        request.call_id,
        request.from_.tag,
        cseq.number,
        (via.host, via.port, branch),
        method,
    )


def _is_branchless(key: object) -> bool:
    return isinstance(key, tuple) and key[0] == "RFC 2543"


def _merge_key(request: Request) -> object:
    return (request.call_id, request.from_.tag, request.cseq.number)
