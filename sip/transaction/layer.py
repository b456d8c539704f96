"""The transactions of a user agent and how messages are matched to them.

See RFC 3261 sections 17.1.3 and 17.2.3, and 8.2.2.2 for merged requests.
"""

import re
from collections.abc import Iterable

from ..counters import Counters
from ..hop import Hop
from ..message.message import Request, Response
from .client import (
    PROCEEDING,
    ClientTransaction,
    ClientUser,
    InviteClientTransaction,
    NonInviteClientTransaction,
)
from .large_requests import TCP_S, LargeRequests, TcpVia
from .server import (
    COMPLETED,
    CONFIRMED,
    InviteServerTransaction,
    NonInviteServerTransaction,
    ServerTransaction,
)
from .timers import TimerHeap, TimerValues
from .transaction import Transaction

# Followed by what ends it: an ICMP error may quote half of it.
_branch = re.compile(rb";branch=([^;,\s]+)[;,\s]").search


class Transactions:
    """Creates, finds and removes transactions. What they send is collected in `output`."""

    def __init__(
        self,
        timers: TimerHeap,
        values: TimerValues,
        counters: Counters,
        tcp_via: TcpVia = lambda _hop, _branch: None,
    ) -> None:
        self._large = LargeRequests(tcp_via)
        self.timers = timers
        self.values = values
        self.output: list[tuple[Hop, bytes]] = []
        self.failure_reason = ""
        """The reason of the last transport error, for the causes of sessions that it ends."""
        self._counters = counters
        self._clients: dict[object, ClientTransaction] = {}
        self._servers: dict[object, ServerTransaction] = {}
        self._by_hop: dict[Hop, dict[Transaction, None]] = {}
        self._merged: dict[object, ServerTransaction] = {}

    def __len__(self) -> int:
        return len(self._clients) + len(self._servers)

    # -- what transactions call

    def send(self, hop: Hop, data: bytes) -> None:
        """Add bytes to the output."""
        self.output.append((hop, data))

    def retransmit(self, hop: Hop, data: bytes) -> None:
        """Add bytes to the output again, counted as a retransmission."""
        self._counters.retransmissions_sent += 1
        self.output.append((hop, data))

    def forget(self, transaction: Transaction) -> None:
        """Remove a terminated transaction."""
        if isinstance(transaction, ClientTransaction):
            self._clients.pop(transaction.key, None)
        elif isinstance(transaction, ServerTransaction):
            self._servers.pop(transaction.key, None)
            if self._merged.get(transaction.merge_key) is transaction:
                del self._merged[transaction.merge_key]
        self._leave_hop(transaction)

    def move(self, transaction: Transaction, hop: Hop) -> None:
        """Send what follows in this transaction to another hop."""
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
        """Send a request in a new client transaction.

        One that is too large for a datagram goes by TCP where the peer has it.
        """
        transaction: ClientTransaction
        small, by_tcp = (request, hop), self._large.by_tcp(request, branch, hop, now)
        request, hop = by_tcp or small
        if request.method == "INVITE":
            transaction = InviteClientTransaction(self, user, request, branch, hop)
        else:
            transaction = NonInviteClientTransaction(self, user, request, branch, hop)
        self._clients[transaction.key] = transaction
        self._join_hop(transaction)
        if by_tcp is not None:
            transaction.over_udp = small
            limit = self.timers.schedule(now + TCP_S, self._tcp_too_slow, transaction)
            transaction.tcp_limit = limit
        transaction.start(now)
        return transaction

    def _tcp_too_slow(self, transaction: ClientTransaction, now: float) -> None:
        if transaction.has_no_response:
            self._go_on_over_udp(transaction, now)

    def _go_on_over_udp(self, transaction: ClientTransaction, now: float) -> bool:
        """Send a large request over UDP after all. False where it did not go by TCP instead."""
        if transaction.over_udp is None:
            return False
        self._large.failed(transaction.hop, now)
        request, hop = transaction.over_udp
        self.move(transaction, hop)
        transaction.restart(request, now)
        return True

    def resume_invite(
        self, user: ClientUser, request: Request, branch: str, hop: Hop
    ) -> ClientTransaction:
        """Continue the client transaction of an INVITE that an earlier process sent.

        A provisional response is taken to have come: nothing is sent, and nothing times out.
        """
        transaction = InviteClientTransaction(self, user, request, branch, hop)
        transaction.state = PROCEEDING
        self._clients[transaction.key] = transaction
        self._join_hop(transaction)
        return transaction

    def client_for(self, response: Response) -> ClientTransaction | None:
        """Find the client transaction of a response (RFC 3261 section 17.1.3)."""
        return self._clients.get((response.via.branch, response.cseq.method))

    # -- server side

    def start_server(self, request: Request, key: object, hop: Hop) -> ServerTransaction:
        """Create the server transaction of a new request. Responses go to `hop`."""
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
        """Find the server transaction of a retransmission or an ACK (RFC 3261 section 17.2.3)."""
        transaction = self._servers.get(key)
        if transaction is not None and _is_branchless(key):
            ours = transaction.request_to_tag
            if request.method == "ACK":
                ours = transaction.response_to_tag
            if request.to.tag != ours:
                return None
        return transaction

    def invite_for(self, cancel: Request) -> ServerTransaction | None:
        """Find the INVITE transaction that a CANCEL is for (RFC 3261 section 9.2)."""
        return self._servers.get(server_key(cancel, "INVITE"))

    def is_merged(self, request: Request) -> bool:
        """Whether the same INVITE is already being handled and came over another path (8.2.2.2).

        An INVITE that was refused does not count: a proxy that forks serially may send it again.
        """
        served = self._merged.get(_merge_key(request))
        return served is not None and served.state not in (COMPLETED, CONFIRMED)

    # -- failures

    def transport_failed(
        self, hop: Hop, reason: str, now: float, quoted: bytes | None = None
    ) -> bool:
        """Report a transport error to every transaction that sends to this hop.

        `quoted` is what an ICMP error repeats of our datagram. Such errors are easily forged, and
        so count only if they quote a request of ours, whose branch nobody else knows, or a
        response, and then for its transaction alone. Returns False if it does not count.
        """
        peers = self._by_hop.get(hop)
        if peers is None:
            return quoted is None
        failed = list(peers) if quoted is None else self._quoted(quoted, hop, peers)
        if not failed:
            return False
        self.failure_reason = reason
        for transaction in failed:
            if transaction in peers and not (
                isinstance(transaction, ClientTransaction)
                and transaction.has_no_response
                and self._go_on_over_udp(transaction, now)
            ):
                transaction.transport_failed(now)
        return True

    def _quoted(self, quoted: bytes, hop: Hop, peers: Iterable[Transaction]) -> list[Transaction]:
        """The transactions that an ICMP error is about."""
        branch = _branch(quoted)
        if branch is None:
            return []
        if quoted.startswith(b"SIP/2.0 "):
            for one in peers:
                if isinstance(one, ServerTransaction) and one.data.startswith(quoted):
                    return [one]
            return []
        method = quoted.partition(b" ")[0].decode("latin-1")
        client = self._clients.get((branch[1].decode("latin-1"), method))
        return list(peers) if client is not None and client.hop == hop else []

    def abandon_after(self, transaction: Transaction, after_s: float, now: float) -> None:
        """Terminate the transaction without notice if it gets no final response in `after_s`."""
        self.timers.schedule(now + after_s, self._abandon, transaction)

    def _abandon(self, transaction: Transaction, now: float) -> None:
        if transaction.state in ("calling", "proceeding"):
            transaction.abandon()

    def abandon_all(self) -> None:
        """Terminate all transactions without notice."""
        for transaction in [*self._clients.values(), *self._servers.values()]:
            transaction.abandon()


def server_key(request: Request, method: str | None = None) -> object:
    """Return the key that RFC 3261 section 17.2.3 compares. An ACK has the key of its INVITE.

    Without the magic cookie (RFC 2543 peers) the key has fields of the request. The To tag differs
    between an INVITE and its ACK, so `Transactions.server_for` compares it.
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
