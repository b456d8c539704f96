"""What the parts of a user agent share: timers, transactions, addresses, sessions, events."""

from __future__ import annotations

import random
from collections import deque

from ..counters import Counters
from ..events import Event
from ..hop import Hop
from ..message.body import ACCEPTED_BODIES
from ..message.headers import MAGIC_COOKIE, Via
from ..message.message import Fields, Request
from ..message.uri import SipUri
from ..policy import EveryPeer, PeerPolicy
from ..transaction.client import ClientTransaction, ClientUser
from ..transaction.layer import Transactions
from ..transaction.timers import TimerHeap, TimerValues
from ..usage import DialogUsage, RegistrationUsage
from .clearing import Clearing
from .dialog import Dialog
from .half_open import HalfOpenCalls, HalfOpenLimits
from .local_address import Local, LocalAddress, LocalAddresses
from .next_hop import Lookup
from .unsaved_sessions import UnsavedSessions

ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, REFER, NOTIFY"
DialogKey = tuple[str, str, str]
"""Call-ID, our tag and the peer's tag."""


def dialog_key(request: Request) -> DialogKey:
    """The dialog that a request of the peer names."""
    return request.call_id, request.to.tag or "", request.from_.tag or ""


SUPPORTED_OPTIONS = frozenset({"100rel", "norefersub", "replaces", "timer"})
"""The option tags that a Require may name (RFC 3261 section 19.2)."""

SUPPORTED = "100rel, 199, norefersub, replaces, timer"
"""What our requests and answers say that we know. 199 is never required (RFC 6228)."""


class UserAgentContext:
    """The shared state of one user agent. All random values come from `rng`."""

    def __init__(
        self,
        local: Local,
        values: TimerValues,
        product: str,
        rng: random.Random,
        policy: PeerPolicy | None = None,
        half_open: HalfOpenCalls | None = None,
    ) -> None:
        self.values = values
        self.rng = rng
        self.timers = TimerHeap()
        self.counters = Counters()
        # One bound method for all sessions, which keep it.
        self.on_read_past = self.counters.add_read_past
        self.transactions = Transactions(self.timers, values, self.counters, self._tcp_via)
        self.events: deque[Event] = deque()
        self.lookups: list[Lookup] = []
        self.product = product
        self.policy = policy or EveryPeer()
        self.half_open = half_open or HalfOpenCalls(HalfOpenLimits())
        self.saves = UnsavedSessions()
        self.clearing = Clearing()
        self._sessions: dict[str, list[DialogUsage]] = {}
        self._ended: set[DialogKey] = set()
        self.session_count = 0
        self.incoming_count = 0
        self.registrations: set[RegistrationUsage] = set()
        self.supported = [("Supported", SUPPORTED)]
        self.capabilities = [("Allow", ALLOW), ("Accept", ACCEPTED_BODIES), *self.supported]
        # The answer to OPTIONS (RFC 3261 section 11.2).
        self.all_capabilities = [
            *self.capabilities,
            ("Accept-Encoding", "identity"),
            ("Accept-Language", "en"),
        ]
        self.request_fields = [("Allow", ALLOW), ("User-Agent", product)]
        self.local = LocalAddresses(local, product.lower())

    def here(self, hop: Hop) -> LocalAddress:
        """Return our address for peers at `hop`."""
        return self.local.of(hop.host, hop.local)

    def has_sent(self, via: Via) -> bool:
        """Whether this Via is one of ours."""
        return self.local.has(via.transport, via.host, via.port)

    def is_here(self, uri: SipUri) -> bool:
        """Whether a URI leads to one of our own addresses."""
        return self.local.has("UDP", *uri.address)

    def may_reach(self, hop: Hop, peer: Hop) -> bool:
        """Whether requests of a dialog with `peer` may be sent to `hop`, as its Contact wants."""
        has_transport = hop.transport != "tls" or self.here(peer).listens("tls")
        permitted = has_transport and self.policy.may_reach(hop, peer)
        self.counters.not_permitted += not permitted
        return permitted

    # -- identity

    def new_branch(self) -> str:
        """Return a unique branch (RFC 3261 section 8.1.1.7)."""
        return f"{MAGIC_COOKIE}{self.rng.getrandbits(80):020x}"

    def new_tag(self) -> str:
        """Return a tag of 64 random bits; RFC 3261 section 19.3 demands 32."""
        return f"{self.rng.getrandbits(64):016x}"

    def new_call_id(self) -> str:
        """Return a Call-ID that cannot be guessed."""
        return f"{self.rng.getrandbits(128):032x}"

    def via(self, hop: Hop, branch: str) -> str:
        """Return the Via for a request to `hop`."""
        return self.here(hop).via(hop.transport, branch)

    def _tcp_via(self, hop: Hop, branch: str) -> str | None:
        return self.via(hop, branch) if self.here(hop).listens("tcp") else None

    def contact(self, hop: Hop, user: str | None = None, *, is_secure: bool = False) -> str:
        """Return the Contact for a peer reached through `hop`; `is_secure`: as a sips: URI.

        `user` replaces the product name as its user part.
        """
        if is_secure:
            user = user or self.product.lower()
        return self.here(hop).contact(hop.transport, user, is_secure=is_secure)

    # -- requests

    def start_in_dialog(
        self,
        user: ClientUser,
        dialog: Dialog,
        method: str,
        fields: Fields,
        now: float,
        body: bytes = b"",
    ) -> ClientTransaction:
        """Send a request within a dialog, whose CSeq goes on. `user` hears of its responses."""
        branch = self.new_branch()
        request = dialog.request(method, self.via(dialog.hop, branch), fields, body)
        return self.transactions.start_client(user, request, branch, dialog.hop, now)

    # -- sessions

    def emit(self, event: Event) -> None:
        """Queue an event for the owner."""
        self.events.append(event)

    def add_session(self, session: DialogUsage) -> None:
        """Add a session to the table."""
        self._sessions.setdefault(session.call_id, []).append(session)
        self.session_count += 1
        self.incoming_count += not session.owns_call_id

    def forget_session(self, session: DialogUsage) -> None:
        """Remove a session from the table. Does nothing if it is not there."""
        sessions = self._sessions.get(session.call_id)
        if sessions is not None and session in sessions:
            sessions.remove(session)
            self.session_count -= 1
            self.incoming_count -= not session.owns_call_id
            if not sessions:
                del self._sessions[session.call_id]
            self.saves.gone(session)

    def knows_call(self, call_id: str) -> bool:
        """Whether a session has this Call-ID."""
        return call_id in self._sessions

    def session_for(self, request: Request) -> DialogUsage | None:
        """Find the session of a request with a To tag (RFC 3261 section 12.2.2)."""
        if request.call_id not in self._sessions:
            return None
        return self.session_of(dialog_key(request))

    def session_of(self, key: DialogKey) -> DialogUsage | None:
        """Find the session of a dialog."""
        call_id, local_tag, remote_tag = key
        for session in self._sessions.get(call_id, ()):
            if session.local_tag == local_tag and session.has_dialog(remote_tag):
                return session
        return None

    def remember_ended(self, key: DialogKey, now: float) -> None:
        """Answer a BYE in this dialog, which is over, with 200 while it may be retransmitted."""
        self._ended.add(key)
        self.timers.schedule(now + self.values.timer_f_s, self._forget_ended, key)

    def _forget_ended(self, key: DialogKey, now: float) -> None:
        self._ended.discard(key)

    def has_ended(self, key: DialogKey) -> bool:
        """Whether `remember_ended` was called for this dialog."""
        return key in self._ended

    def sessions(self) -> list[DialogUsage]:
        """Return all sessions."""
        return [session for sessions in self._sessions.values() for session in sessions]
