"""A SIP user agent without sockets and clock.

Requests that need no state are answered statelessly (RFC 3261 section 8.2.7), so a flood of them
costs no memory.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field

from .auth.digest import Credentials
from .counters import Counters
from .dialog.context import ALLOW, SUPPORTED_OPTIONS, UserAgentContext, dialog_key
from .dialog.extensions.received_refer import answer_notify
from .dialog.extensions.replaces import find_replaced
from .dialog.half_open import HalfOpenCalls, HalfOpenLimits
from .dialog.local_address import Local
from .dialog.next_hop import Lookup
from .dialog.options import OnAnswer, OptionsPing, OptionsTarget
from .dialog.restored import restore_session
from .dialog.session import Session
from .dialog.stateless_answers import StatelessAnswers
from .dialog.uac import Invitation, UacSession
from .dialog.uas import UasSession
from .dialog.unsaved_sessions import Saves
from .errors import ParseError
from .events import Event, ExtensionsRefused
from .hop import WEB_TRANSPORTS, Hop
from .message.body import ignore_optional_body, unsupported_body
from .message.headers import Via, warning
from .message.message import Request, Response, response_to
from .message.parser import MalformedMessage, parse
from .message.reason import reason_text
from .message.uri import DEFAULT_PORT, OtherUri, SipUri
from .policy import Authenticated, Challenged, EveryPeer, PeerPolicy
from .random_ids import BlockRandom
from .rate_limit import IN_DIALOG, RateLimiter, SourceLimits, SourceRates
from .registration.registration import Account, Registration
from .saved import SavedSession
from .transaction.layer import server_key
from .transaction.server import PROCEEDING, TRYING, ServerTransaction
from .transaction.timers import TimerValues

_METHODS = frozenset(ALLOW.split(", "))
_call_id = re.compile(rb"\r\n(?:call-id|i)[ \t]*:[ \t]*([^\s]+)", re.IGNORECASE).search


@dataclass(frozen=True, slots=True)
class Bounds:
    """The most state that peers can make us keep."""

    incoming_sessions: int = 2_000
    transactions: int = 50_000
    half_open: HalfOpenLimits = field(default_factory=HalfOpenLimits)


class UserAgent:
    """A SIP user agent without sockets and without a clock.

    Its state changes from three sources only:

    - the owner: `invite`, `register`, and the methods of the sessions and registrations;
    - the network: `receive`, `transport_failed`, and the answers to `take_lookups`;
    - the clock: `handle_timers`.

    After each of them the shell sends what `take_output` returns, resolves what `take_lookups`
    returns, and gives what `take_events` returns to the owner. It calls `handle_timers` at
    `next_deadline`. Times are seconds on the caller's clock. Everything random comes from `rng`.

    `policy` knows the peers: see PeerPolicy. Datagrams of a source that is over its rate are
    dropped; what comes over TCP was held back by the transport, which asks the same `limits`.
    """

    def __init__(
        self,
        *,
        local: Local,
        timers: TimerValues | None = None,
        product: str = "Ringback",
        rng: random.Random | None = None,
        rates: SourceRates | None = None,
        bounds: Bounds | None = None,
        policy: PeerPolicy | None = None,
    ) -> None:
        self._policy = policy or EveryPeer()
        self._bounds = bounds or Bounds()
        self.limits = SourceLimits(
            rates or SourceRates(), self._policy.is_known, self._policy.known_name
        )
        self.context = UserAgentContext(
            local,
            timers or TimerValues(),
            product,
            rng or BlockRandom(),
            self._policy,
            HalfOpenCalls(self._bounds.half_open),
        )
        self._answers = StatelessAnswers(self.context)
        self._in_dialogs = RateLimiter(IN_DIALOG)

    # -- for the owner

    def invite(self, invitation: Invitation, now: float) -> UacSession:
        """Place a call. Raises ParseError for a bad URI and ValueError for a bad header."""
        return UacSession(self.context, invitation, now)

    def register(self, account: Account, now: float) -> Registration:
        """Register and keep registered until `Registration.stop`. Raises ParseError."""
        return Registration(self.context, account, now)

    def ask_options(self, asked: OptionsTarget, hop: Hop, on_answer: OnAnswer, now: float) -> None:
        """Send one OPTIONS to `hop`. See OptionsPing."""
        OptionsPing(self.context, asked, hop, on_answer, now)

    def restore(self, saved: SavedSession, credentials: Credentials | None) -> Session:
        """Take over a session of an earlier process, to be ended by its `hangup`.

        It emits no event. Raises ParseError where it cannot be read.
        """
        return restore_session(self.context, saved, credentials)

    def clearing_s(self, target: str, now: float) -> float | None:
        """How long to wait at most before `target` is called again; None if it is clear.

        It is not while a cancelled INVITE has no final response, and while a BYE waits for its
        answer because a 2xx crossed the CANCEL: then infinite.
        """
        return self.context.clearing.wait_s(target, now)

    def want_saves(self) -> None:
        """From now on `take_saves` returns the states of sessions to keep."""
        self.context.saves.is_wanted = True

    def take_saves(self) -> Saves:
        """Return the states of the sessions that changed since the last call."""
        return self.context.saves.pop_saves()

    def take_output(self) -> list[tuple[Hop, bytes]]:
        """Return the messages to send, in order."""
        transactions = self.context.transactions
        output = transactions.output
        if output:
            transactions.output = []
            self.context.counters.sent += len(output)
        return output

    def take_lookups(self) -> list[Lookup]:
        """Return the names to resolve."""
        lookups = self.context.lookups
        if lookups:
            self.context.lookups = []
        return lookups

    def take_events(self) -> list[Event]:
        """Return the events since the last call, in order."""
        events = list(self.context.events)
        self.context.events.clear()
        return events

    def take_event(self) -> Event | None:
        """Return the next event; None if there is none."""
        events = self.context.events
        return events.popleft() if events else None

    def next_deadline(self) -> float | None:
        """Return the time at which to call `handle_timers`; None if no timer runs."""
        return self.context.timers.next_deadline()

    def handle_timers(self, now: float) -> None:
        """Fire the timers that are due."""
        self.context.timers.fire_due(now)

    def transport_failed(
        self, hop: Hop, reason: str, now: float, quoted: bytes | None = None
    ) -> None:
        """Handle a message to `hop` that could not be delivered, or a lost connection to it.

        `quoted` is the start of that message, for a datagram: see Transactions.transport_failed.
        """
        counters = self.context.counters
        if quoted is None and hop.transport != "udp":
            for registration in list(self.context.registrations):
                registration.connection_lost(hop, now)
        if self.context.transactions.transport_failed(hop, reason, now, quoted):
            counters.transport_failures += 1
        else:
            counters.unmatched_errors += 1

    def close(self) -> None:
        """Drop all state without sending or emitting anything."""
        context = self.context
        context.saves.clear()
        for session in context.sessions():
            session.finish(None, 0.0)
        context.registrations.clear()
        context.transactions.abandon_all()
        context.transactions.output.clear()
        context.events.clear()
        context.lookups.clear()
        context.timers.clear()

    @property
    def has_events(self) -> bool:
        """Whether `take_events` would return any."""
        return bool(self.context.events)

    @property
    def counters(self) -> Counters:
        """Totals since the start."""
        return self.context.counters

    @property
    def session_count(self) -> int:
        """Sessions that are not terminated."""
        return self.context.session_count

    @property
    def transaction_count(self) -> int:
        """Transactions that are not terminated."""
        return len(self.context.transactions)

    @property
    def dialog_count(self) -> int:
        """Dialogs, early ones included."""
        return sum(session.dialog_count for session in self.context.sessions())

    @property
    def timer_count(self) -> int:
        """Timers that are running."""
        return len(self.context.timers)

    # -- from the network

    def receive(self, data: bytes, source: Hop, now: float) -> bool:
        """Handle one datagram or framed message. No content makes it raise.

        Returns False for what is not even read: a keep-alive, and what is over its source's rate.
        """
        counters = self.context.counters
        counters.received += 1
        if (
            source.transport == "udp"
            and not self.limits.allow(source.host, now)
            and not self._is_of_known_call(data)
        ):
            counters.rate_limited += 1
            return False
        if not data.strip(b"\r\n\0"):
            counters.keep_alives += 1
            return False
        self._answers.received(source, len(data))
        try:
            message = parse(data)
        except ParseError as error:
            counters.malformed += 1
            if isinstance(error, MalformedMessage):
                self._refuse_malformed(error.partial, error, source)
            return True
        try:
            if isinstance(message, Response):
                self._response(message, source, now)
            else:
                self._request(message, source, now)
        except ParseError as error:
            counters.malformed += 1
            if isinstance(message, Request) and message.method != "ACK":
                self._refuse_malformed(message, error, source)
        return True

    def _is_of_known_call(self, data: bytes) -> bool:
        """Whether the message has the Call-ID of a session. Peers cannot guess those we made."""
        found = _call_id(data)
        return found is not None and self.context.knows_call(
            found[1].decode("utf-8", "surrogateescape")
        )

    def _response(self, response: Response, source: Hop, now: float) -> None:
        transaction = None
        # A response for us has exactly one Via, which is ours (RFC 3261 8.1.3.3, 18.1.2).
        if response.has_one_via and self.context.has_sent(response.via):
            transaction = self.context.transactions.client_for(response)
        if transaction is None:
            # No transaction waits for it, so it is dropped (RFC 6026 section 8.9).
            self.context.counters.unmatched_responses += 1
        else:
            before = transaction.hop
            if source != before and {source.transport, before.transport} <= WEB_TRANSPORTS:
                # A page that was loaded again while it rang answers by its new connection.
                self.context.transactions.move(transaction, source)
            transaction.receive(response, now)

    def _request(self, request: Request, source: Hop, now: float) -> None:
        context = self.context
        via = request.via
        if via.wants_rport or via.host != source.host:
            request.replace_top_via(via.with_source(source.host, source.port))
        key = server_key(request)
        transaction = context.transactions.server_for(request, key)
        method = request.method
        if transaction is not None:
            if method != "ACK":
                context.counters.retransmissions_received += 1
            transaction.receive(request, now)
        elif method == "ACK":
            session = context.session_for(request)
            if session is not None:
                session.ack_received(None, request, now)
            else:
                context.counters.unmatched_acks += 1
        else:
            hop = _response_hop(via, source)
            if method == "CANCEL":
                self._cancel(request, key, hop, now)
            elif not self._is_refused(request, hop):
                ignore_optional_body(request)
                if request.to.tag is not None:
                    self._in_dialog(request, key, hop, now)
                elif method == "INVITE":
                    self._incoming(request, key, hop, now)
                elif method == "OPTIONS":
                    self._answers.send(request, 200, hop, context.all_capabilities)
                elif method == "NOTIFY":
                    status, fields = answer_notify(request)
                    self._answers.send(request, status, hop, fields)
                elif method == "REFER":
                    # Only a party of a call may have its partner called somewhere else.
                    self._answers.send(request, 403, hop)
                else:
                    context.counters.unknown_dialog += 1
                    self._answers.send(request, 481, hop)

    def _is_refused(self, request: Request, hop: Hop) -> bool:
        """Check method, URI scheme and Require, in the order of RFC 3261 section 8.2.

        Returns True if the request was refused and answered.
        """
        context = self.context
        if request.method not in _METHODS:
            context.counters.refused_methods += 1
            self._answers.send(request, 405, hop, [("Allow", ALLOW)])
            return True
        uri = request.uri
        # A trunk may write what was dialled as a telephone number (RFC 3966).
        is_number = isinstance(uri, OtherUri) and uri.scheme == "tel"
        if not isinstance(uri, SipUri) and not (is_number and request.method == "INVITE"):
            self._answers.send(request, 416, hop)
            return True
        required = request.get_list("Require")
        unsupported = [option for option in required if option not in SUPPORTED_OPTIONS]
        if unsupported:
            context.counters.missing_extensions += 1
            if request.method == "INVITE" and self._policy.is_known(hop.host):
                context.emit(ExtensionsRefused(request, hop, tuple(unsupported)))
            self._answers.send(request, 420, hop, [("Unsupported", ", ".join(unsupported))])
            return True
        if len(context.transactions) >= self._bounds.transactions:
            context.counters.overloaded += 1
            self._answers.send(request, 503, hop, [("Retry-After", "10")])
            return True
        return False

    def _in_dialog(self, request: Request, key: object, hop: Hop, now: float) -> None:
        session = self.context.session_for(request)
        if session is None:
            if request.method == "BYE" and self.context.has_ended(dialog_key(request)):
                self._answers.send(request, 200, hop)
                return
            self.context.counters.unknown_dialog += 1
            self._answers.send(request, 481, hop)
            return
        # One party of a call must not fill the table of transactions, which all calls share.
        if request.method != "BYE" and not self._in_dialogs.allow(request.call_id, now):
            self.context.counters.overloaded += 1
            self._answers.send(request, 503, hop, [("Retry-After", "10")])
            return
        transaction = self.context.transactions.start_server(request, key, hop)
        try:
            session.request_received(transaction, now)
        except ParseError as error:
            self.context.counters.malformed += 1
            self._refuse(transaction, error, now)

    def _incoming(self, request: Request, key: object, hop: Hop, now: float) -> None:
        context = self.context
        admission = self._policy.admits(request, hop, now)
        if admission == "ignore":
            context.counters.rate_limited += 1
        elif admission == "refuse":
            self._answers.send(request, 403, hop)
        elif isinstance(admission, Challenged):
            self._answers.challenge(request, hop, admission.headers)
        elif context.transactions.is_merged(request):
            self._answers.send(request, 482, hop)
        elif context.incoming_count >= self._bounds.incoming_sessions:
            context.counters.overloaded += 1
            self._answers.send(request, 503, hop, [("Retry-After", "10")])
        elif (supported := unsupported_body(request)) is not None:
            self._answers.send(request, 415, hop, supported)
        elif not request.accepts("application/sdp", context.counters.add_read_past):
            self._answers.send(request, 406, hop, [("Accept", "application/sdp")])
        elif (replaced := find_replaced(context, request))[1]:
            context.counters.unknown_dialog += replaced[1] == 481
            self._answers.send(request, replaced[1], hop)
        elif (place := context.half_open.admit(hop, key, now)) == "no":
            context.counters.overloaded += 1
            self._answers.send(request, 503, hop, [("Retry-After", "1")])
        elif place == "later":
            context.counters.rate_limited += 1
        else:
            transaction = context.transactions.start_server(request, key, hop)
            try:
                peer = admission.peer if isinstance(admission, Authenticated) else ""
                UasSession(context, transaction, now, peer=peer, replaced=replaced[0])
            except ParseError as error:
                context.counters.malformed += 1
                self._refuse(transaction, error, now)

    def _cancel(self, cancel: Request, key: object, hop: Hop, now: float) -> None:
        """Answer CANCEL with 200 or 481, and end its INVITE if still possible (RFC 3261 9.2)."""
        transactions = self.context.transactions
        invite = transactions.invite_for(cancel)
        if invite is None:
            self.context.counters.unknown_dialog += 1
            self._answers.send(cancel, 481, hop)
            return
        user = invite.user
        tag = user.local_tag if isinstance(user, Session) else self._answers.tag(cancel)
        transaction = transactions.start_server(cancel, key, hop)
        transaction.respond(response_to(cancel, 200, to_tag=tag), now)
        if isinstance(user, UasSession) and invite.state is PROCEEDING:
            user.cancel_received(now, reason_text(cancel))

    # -- refusals

    def _refuse(self, transaction: ServerTransaction, error: ParseError, now: float) -> None:
        if transaction.state in (TRYING, PROCEEDING):
            tag = self._answers.tag(transaction.request)
            response = response_to(
                transaction.request, error.status, to_tag=tag, headers=[warning(error.reason)]
            )
            transaction.respond(response, now)

    def _refuse_malformed(self, request: Request, error: ParseError, source: Hop) -> None:
        uri = request.uri
        if isinstance(uri, OtherUri) and not uri.scheme and not _ends_in_version(uri.rest):
            # It may be a damaged response. Two peers that answer such messages would never stop.
            return
        try:
            hop = _response_hop(request.via, source)
            request.replace_top_via(request.via.with_source(source.host, source.port))
        except ParseError:
            return
        self._answers.send(request, error.status, hop, [warning(error.reason)])


def _ends_in_version(line: str) -> bool:
    return line.rstrip().rpartition(" ")[2][:4].upper() == "SIP/"


def _response_hop(via: Via, source: Hop) -> Hop:
    """Return where responses go (RFC 3261 18.2.2, RFC 3581): always to the source host."""
    if source.transport != "udp" or via.wants_rport:
        return source
    return source._replace(port=via.port or DEFAULT_PORT)
