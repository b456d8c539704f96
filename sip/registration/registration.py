"""Registration client with refresh (RFC 3261 section 10.2)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from ..auth.authorization import Authorization
from ..auth.digest import Credentials
from ..dialog.context import UserAgentContext
from ..dialog.dialog import request_uri_and_route, trusted_request
from ..dialog.next_hop import Lookup
from ..errors import ParseError
from ..events import Binding, RegistrationChanged
from ..hop import Hop, numeric_hop
from ..message.message import Fields, Message, Response, parse_delta_seconds
from ..message.name_addr import NameAddr
from ..message.uri import SipUri, Uri, parse_uri
from ..transaction.client import ClientTransaction
from ..transaction.timers import Timer
from ..transaction.transaction import FailureCause
from .grant import LONGEST_S, read_grant

SUPPORTED: Final = ("Supported", "path")
"""What a REGISTER says that we know: proxies may put themselves on the way of calls (RFC 3327)."""

RegistrationState = Literal["registering", "registered", "failed", "unregistering", "unregistered"]

_REFRESH_FRACTION = 0.8
_SOONEST_REFRESH_S = 1.0
_FIRST_RETRY_S = 2.0
_LONGEST_RETRY_S = 120.0
SILENT_S: Final = 8.0
"""How long a host may be silent before another one is tried: it has had five REGISTERs."""
_RECOVER_AGAIN_S = 30.0
"""How long after a REGISTER because of a lost connection the next one may follow."""


_ELSEWHERE: Final = frozenset({408, *range(500, 600)})
"""What a host answers that cannot serve now. Another may."""


def _never(_uri: str) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class RegistrarHost:
    """One host of a registrar: the URIs that its REGISTER names, and where it is sent.

    `sent_to` is a URI, "" for that of `registrar`. `route` are the values of Route. `name` is what
    the owner knows the host by, "" for `sent_to`.
    """

    registrar: str
    aor: str
    sent_to: str = ""
    route: tuple[str, ...] = ()
    name: str = ""


@dataclass(frozen=True, slots=True)
class Account:
    """The address of record to register, and the URI of its registrar.

    `hosts` are those of the registrar, best first, where it has several or is not reached at its
    own URI. `hop` is where to send to; None: where the URI leads, looked up for each REGISTER.
    """

    aor: str
    registrar: str
    hop: Hop | None = None
    credentials: Credentials | None = None
    expires_s: int = 300
    contact_user: str | None = None
    trunk: str = ""
    """The trunk whose own addresses and certificate are used, where it has such."""
    hosts: tuple[RegistrarHost, ...] = ()
    is_down: Callable[[str], bool] = _never
    """Whether the host of this name is known to be down: it is tried last."""


class _Host:
    """One host, its URIs read. `hop` is where it was reached last. Raises ParseError."""

    def __init__(self, host: RegistrarHost, tag: str) -> None:
        registrar, aor = _sip_uri(host.registrar), _sip_uri(host.aor)
        # The request URI names the domain only (RFC 3261 section 10.2).
        domain = SipUri(
            registrar.scheme, registrar.host, None, None, registrar.port, registrar.params
        )
        self.name = host.name or host.sent_to or host.registrar
        self.sent_to = _sip_uri(host.sent_to) if host.sent_to else registrar
        self.user = aor.user
        self.is_secure = registrar.scheme == "sips"
        self.uri: Uri
        self.uri, route = request_uri_and_route(domain, list(host.route))
        self.fields = Message(
            [
                *(("Route", value) for value in route),
                ("From", NameAddr(aor, None, {"tag": tag}).encode()),
                ("To", NameAddr(aor).encode()),
            ]
        ).headers()
        self.hop: Hop | None = None


def _sip_uri(text: str) -> SipUri:
    uri = parse_uri(text)
    if not isinstance(uri, SipUri):
        raise ParseError("a registration needs sip: URIs")
    return uri


class Registration:
    """Keeps one binding alive until `stop`.

    Each REGISTER goes where the registrar's URI leads by then; where one address cannot serve (408,
    5xx), to the next one at once (RFC 3263 section 4.3), and then to the next host. One that says
    nothing has SILENT_S while there are others, and the last one 32 s. A binding stays at the host
    that has it.

    It refreshes after 80 % of the granted time. After a failure it tries again after 2 s and
    doubles the delay up to 2 min. Each delay varies by 20 %, so that many clients do not return
    at the same moment. Each change emits RegistrationChanged, and so does each further failure.
    A failed refresh does not end the existing binding: `failed` then has the seconds that it
    remains valid. When it expires, `failed` is emitted again with 0 seconds.
    """

    def __init__(self, context: UserAgentContext, account: Account, now: float) -> None:
        """Send the first REGISTER. Raises ParseError for the URIs of the account."""
        self._context = context
        self.account = account
        self.state: RegistrationState = "registering"
        hosts = account.hosts or (RegistrarHost(account.registrar, account.aor),)
        tag = context.new_tag()
        self._hosts = tuple(_Host(host, tag) for host in hosts)
        self._host = self._hosts[0]
        # The hosts that may be tried after this one; the one whose name is being looked up.
        self._hosts_left: tuple[_Host, ...] = ()
        self._looked_up: _Host | None = None
        # The hop that is used, those that may be tried after it, and those that failed.
        self._hop = account.hop
        if account.hop is None and not account.trunk and not account.hosts:
            self._hop = numeric_hop(self._host.sent_to)
        self._is_fixed = self._hop is not None
        self._others: tuple[Hop, ...] = ()
        self._failed_hops: tuple[Hop, ...] = ()
        self._call_id = context.new_call_id()
        self._cseq = 0
        self._authorization = Authorization(account.credentials, context.rng)
        self._expires_s = account.expires_s
        self._contact = ""
        self._timer: Timer | None = None
        self._bound_until = -math.inf
        self._lapse: Timer | None = None
        self._refresh_at = self._recovered_at = -math.inf
        self._failures = 0
        self._transaction: ClientTransaction | None = None
        self._silence: Timer | None = None
        context.registrations.add(self)
        self._begin(None, now)

    def stop(self, now: float) -> None:
        """Remove the binding. `unregistered` is emitted on the answer or the timeout."""
        if self.state in ("unregistering", "unregistered"):
            return
        registered = self.state == "registered" or self._transaction is not None
        registered = registered or now < self._bound_until
        self._context.timers.cancel(self._timer)
        self._timer = None
        self._stop_lapse()
        if not registered or self._hop is None:
            self._looked_up = None
            self._done(None, "")
            return
        self.state = "unregistering"
        self._expires_s = 0
        # Only one REGISTER may be pending (RFC 3261 section 10.2). This one follows it. It goes
        # where the last one went, as nobody waits for a name service now.
        if self._transaction is None:
            self._looked_up = None
            self._send(now)

    def connection_lost(self, hop: Hop, now: float) -> None:
        """Register again at once: the registrar reaches us by the connection that is lost.

        A registrar may close each connection after its answer. So that happens once in a while
        only.
        """
        if hop == self._hop:
            self._begin_soon(now)

    def host_down(self, host: str, now: float) -> None:
        """Register at another host at once, where there is one: this one is found to be down."""
        if host == self._host.name and len(self._hosts) > 1:
            self._begin_soon(now)

    def _begin_soon(self, now: float) -> None:
        is_busy = self._transaction is not None or self._looked_up is not None
        if self.state != "registered" or is_busy:
            return
        at = max(now, self._recovered_at + _RECOVER_AGAIN_S)
        if self._refresh_at <= at:
            return
        self._recovered_at = self._refresh_at = at
        self._context.timers.cancel(self._timer)
        self._timer = self._context.timers.schedule(at, self._begin)

    def _begin(self, _: object, now: float) -> None:
        """Send a REGISTER to where the registrar is by now."""
        self._timer = None
        if self._is_fixed:
            self._send(now)
            return
        is_bound = self.state == "registered"  # the host that has the binding keeps it
        hosts = sorted(
            self._hosts,
            key=lambda host: (
                self.account.is_down(host.name), is_bound and host is not self._host
            ),
        )  # fmt: skip
        first, *left = hosts
        self._hosts_left = tuple(left)
        self._look_up(first)

    def _look_up(self, host: _Host) -> None:
        self._looked_up = host
        failed, self._failed_hops = self._failed_hops, ()
        self._context.lookups.append(
            Lookup(host.sent_to, None, self._found, failed, self.account.trunk)
        )

    def _found(self, hops: tuple[Hop, ...], now: float) -> None:
        """The name of a host leads to these addresses, or to none."""
        host, self._looked_up = self._looked_up, None
        if host is None:
            return  # stopped meanwhile
        if not hops and host.hop is not None:
            hops = (host.hop,)
        if hops:
            # A registrar that has our binding keeps it, as long as it is among them.
            is_kept = self.state == "registered" and host.hop in hops
            self._host = host
            self._hop = host.hop if is_kept else hops[0]
            self._others = tuple(hop for hop in hops if hop != self._hop)
            self._send(now)
        elif not self._try_next_host():
            self._failed(None, f"{host.sent_to.host} has no address", 0.0, now)

    def _try_next(self, now: float) -> bool:
        """Send the REGISTER to another address or host. False if there is none left."""
        if self._is_fixed or self._hop is None:
            return False
        self._failed_hops = (*self._failed_hops, self._hop)
        if not self._others:
            return self.state != "unregistering" and self._try_next_host()
        self._hop, *others = self._others
        self._others = tuple(others)
        self._send(now)
        return True

    def _try_next_host(self) -> bool:
        if not self._hosts_left:
            return False
        host, *left = self._hosts_left
        self._hosts_left = tuple(left)
        self._look_up(host)
        return True

    def _send(self, now: float) -> None:
        context, host, hop = self._context, self._host, self._hop
        assert hop is not None
        host.hop = hop
        user = self.account.contact_user or host.user or context.product.lower()
        self._contact = context.contact(hop, user, is_secure=host.is_secure)
        self._cseq += 1
        branch = context.new_branch()
        fields: Fields = [
            ("Via", context.via(hop, branch)),
            ("Max-Forwards", "70"),
            *host.fields,
            ("Call-ID", self._call_id),
            ("CSeq", f"{self._cseq} REGISTER"),
            ("Contact", self._contact),
            ("Expires", str(self._expires_s)),
            SUPPORTED,
            *context.request_fields,
            *self._authorization.headers("REGISTER", host.uri.encode()),
        ]
        request = trusted_request("REGISTER", host.uri, fields)
        self._transaction = context.transactions.start_client(self, request, branch, hop, now)
        context.timers.cancel(self._silence)
        self._silence = None
        if self._others or (self._hosts_left and self.state != "unregistering"):
            self._silence = context.timers.schedule(
                now + SILENT_S, self._is_silent, self._transaction
            )

    def _is_silent(self, transaction: ClientTransaction, now: float) -> None:
        """Go on to another address or host where this one has said nothing at all."""
        self._silence = None
        if transaction is self._transaction and transaction.has_no_response:
            self._transaction = None
            self._try_next(now)

    def response_received(
        self, transaction: ClientTransaction, response: Response, now: float
    ) -> None:
        """See ClientUser."""
        status = response.status
        if status < 200 or transaction is not self._transaction:
            return
        self._transaction = None
        if self._authorization.accept_challenge(transaction.request, response):
            self._send(now)
        elif self.state == "unregistering":
            if transaction.request.get("Expires") == "0":
                self._done(status, response.phrase)
            else:
                self._send(now)
        elif status < 300:
            self._registered(response, now)
        elif status == 423 and self._lengthen(response):
            self._send(now)
        elif status not in _ELSEWHERE or not self._try_next(now):
            self._failed(status, response.phrase, response.retry_after_s, now)

    def transaction_failed(
        self, transaction: ClientTransaction, cause: FailureCause, now: float
    ) -> None:
        """See ClientUser."""
        if transaction is not self._transaction:
            return
        self._transaction = None
        if self._try_next(now):
            return
        if self.state == "unregistering":
            self._done(None, cause)
        elif cause == "timeout":
            self._failed(None, "no response", 0.0, now)
        else:
            self._failed(None, self._context.transactions.failure_reason, 0.0, now)

    def _registered(self, response: Response, now: float) -> None:
        grant = read_grant(response, self._contact, self._expires_s, self._context.counters)
        granted_s = grant.expires_s
        self._bound_until = now + granted_s
        self._stop_lapse()
        if granted_s <= 0:
            self._failed(response.status, "the registrar granted no time", 0.0, now)
            return
        self._failures = 0
        self.state = "registered"
        after_s = max(_SOONEST_REFRESH_S, granted_s * _REFRESH_FRACTION)
        self._refresh_at = now + after_s
        self._timer = self._context.timers.schedule(self._refresh_at, self._begin)
        self._context.emit(
            RegistrationChanged(
                self,
                "registered",
                response.status,
                response.phrase,
                granted_s,
                Binding(self._host.name, self._hop, grant.service_route, grant.path),
            )
        )

    def _lengthen(self, response: Response) -> bool:
        """Adopt the Min-Expires of a 423 (RFC 3261 10.2.8). Returns False if it is not usable."""
        try:
            minimum_s = parse_delta_seconds(response.get("Min-Expires") or "")
        except ParseError:
            return False
        if not self._expires_s < minimum_s <= LONGEST_S:
            return False
        self._expires_s = minimum_s
        return True

    def _failed(self, status: int | None, phrase: str, at_least_s: float, now: float) -> None:
        self.state = "failed"
        delay_s = min(_LONGEST_RETRY_S, _FIRST_RETRY_S * 2 ** min(self._failures, 10))
        delay_s *= self._context.rng.uniform(0.8, 1.2)
        self._failures += 1
        self._timer = self._context.timers.schedule(now + max(delay_s, at_least_s), self._begin)
        left_s = self._bound_until - now
        if left_s > 0 and self._lapse is None:
            self._lapse = self._context.timers.schedule(
                self._bound_until, lambda _, at: self._lapsed(status, phrase)
            )
        self._context.emit(
            RegistrationChanged(self, "failed", status, phrase, math.ceil(max(left_s, 0.0)))
        )

    def _lapsed(self, status: int | None, phrase: str) -> None:
        """Report that the binding expired without a refresh."""
        self._lapse = None
        self._context.emit(RegistrationChanged(self, "failed", status, phrase, 0))

    def _stop_lapse(self) -> None:
        self._context.timers.cancel(self._lapse)
        self._lapse = None

    def _done(self, status: int | None, phrase: str) -> None:
        self.state = "unregistered"
        self._stop_lapse()
        self._context.registrations.discard(self)
        self._context.emit(RegistrationChanged(self, "unregistered", status, phrase, 0))
