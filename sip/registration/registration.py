"""Registration client with refresh (RFC 3261 section 10.2)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from ..auth.authorization import Authorization
from ..auth.digest import Credentials
from ..dialog.context import UserAgentContext
from ..dialog.dialog import trusted_request
from ..dialog.next_hop import Lookup
from ..errors import ParseError
from ..events import RegistrationChanged
from ..hop import Hop, numeric_hop
from ..message.message import Fields, Message, Response, parse_delta_seconds
from ..message.name_addr import NameAddr, parse_name_addr
from ..message.uri import SipUri, Uri, parse_uri
from ..transaction.client import ClientTransaction
from ..transaction.timers import Timer
from ..transaction.transaction import FailureCause

RegistrationState = Literal["registering", "registered", "failed", "unregistering", "unregistered"]

_REFRESH_FRACTION = 0.8
_SOONEST_REFRESH_S = 1.0
_MAX_EXPIRES_S = 86_400
_FIRST_RETRY_S = 2.0
_LONGEST_RETRY_S = 120.0
_RECOVER_AGAIN_S = 30.0
"""How long after a REGISTER because of a lost connection the next one may follow."""


@dataclass(frozen=True, slots=True)
class Account:
    """The address of record to register, and the URI of its registrar.

    `hop` is where to send to; None: where the URI leads, looked up for each REGISTER.
    """

    aor: str
    registrar: str
    hop: Hop | None = None
    credentials: Credentials | None = None
    expires_s: int = 300
    contact_user: str | None = None
    trunk: str = ""
    """The trunk whose own addresses and certificate are used, where it has such."""


class Registration:
    """Keeps one binding alive until `stop`.

    Each REGISTER goes where the registrar's URI leads by then; where one address does not answer or
    says 503, to the next one at once (RFC 3263 section 4.3).

    It refreshes after 80 % of the granted time. After a failure it tries again after 2 s and
    doubles the delay up to 2 min. Each delay varies by 20 %, so that many clients do not return
    at the same moment. Each change emits RegistrationChanged, and so does each further failure.
    A failed refresh does not end the existing binding: `failed` then has the seconds that it
    remains valid. When it expires, `failed` is emitted again with 0 seconds.
    """

    def __init__(self, context: UserAgentContext, account: Account, now: float) -> None:
        """Send the first REGISTER. Raises ParseError for the URIs of the account."""
        registrar = parse_uri(account.registrar)
        aor = parse_uri(account.aor)
        if not isinstance(registrar, SipUri) or not isinstance(aor, SipUri):
            raise ParseError("a registration needs sip: URIs")
        self._context = context
        self.account = account
        self.state: RegistrationState = "registering"
        # The request URI names the domain only (RFC 3261 section 10.2).
        self._uri = SipUri(
            registrar.scheme, registrar.host, None, None, registrar.port, registrar.params
        )
        self._user = account.contact_user or aor.user or context.product.lower()
        # The hop that is used, those that may be tried after it, and those that failed.
        self._hop = account.hop or (None if account.trunk else numeric_hop(registrar))
        self._named = None if self._hop is not None else registrar
        self._others: tuple[Hop, ...] = ()
        self._failed_hops: tuple[Hop, ...] = ()
        self._looking_up = False
        self._fields = Message(
            [
                ("From", NameAddr(aor, None, {"tag": context.new_tag()}).encode()),
                ("To", NameAddr(aor).encode()),
            ]
        ).headers()
        self._call_id = context.new_call_id()
        self._cseq = 0
        self._authorization = Authorization(account.credentials, context.rng)
        self._expires_s = account.expires_s
        self._timer: Timer | None = None
        self._bound_until = -math.inf
        self._lapse: Timer | None = None
        self._refresh_at = self._recovered_at = -math.inf
        self._failures = 0
        self._transaction: ClientTransaction | None = None
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
            self._looking_up = False
            self._done(None, "")
            return
        self.state = "unregistering"
        self._expires_s = 0
        # Only one REGISTER may be pending (RFC 3261 section 10.2). This one follows it. It goes
        # where the last one went, as nobody waits for a name service now.
        if self._transaction is None:
            self._looking_up = False
            self._send(now)

    def connection_lost(self, hop: Hop, now: float) -> None:
        """Register again at once: the registrar reaches us by the connection that is lost.

        A registrar may close each connection after its answer. So that happens once in a while
        only.
        """
        if self.state != "registered" or hop != self._hop or self._transaction is not None:
            return
        if self._looking_up:
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
        if self._named is None:
            self._send(now)
            return
        self._looking_up = True
        failed, self._failed_hops = self._failed_hops, ()
        trunk = self.account.trunk
        self._context.lookups.append(Lookup(self._named, None, self._found, failed, trunk))

    def _found(self, hops: tuple[Hop, ...], now: float) -> None:
        """The registrar's name leads to these addresses, or to none."""
        if not self._looking_up:
            return  # stopped meanwhile
        self._looking_up = False
        if hops:
            # A registrar that has our binding keeps it, as long as it is among them.
            is_kept = self.state == "registered" and self._hop in hops
            self._hop = self._hop if is_kept else hops[0]
            self._others = tuple(hop for hop in hops if hop != self._hop)
        if self._hop is not None:
            self._send(now)
        else:
            self._failed(None, f"{self._uri.host} has no address", 0.0, now)

    def _try_next(self, now: float) -> bool:
        """Send the REGISTER to another address of the registrar. False if there is none left."""
        if self._named is None or self._hop is None:
            return False
        self._failed_hops = (*self._failed_hops, self._hop)
        if not self._others:
            return False
        self._hop, *others = self._others
        self._others = tuple(others)
        self._send(now)
        return True

    def _send(self, now: float) -> None:
        context, hop = self._context, self._hop
        assert hop is not None
        self._contact = context.contact(hop, self._user, is_secure=self._uri.scheme == "sips")
        self._cseq += 1
        branch = context.new_branch()
        fields: Fields = [
            ("Via", context.via(hop, branch)),
            ("Max-Forwards", "70"),
            *self._fields,
            ("Call-ID", self._call_id),
            ("CSeq", f"{self._cseq} REGISTER"),
            ("Contact", self._contact),
            ("Expires", str(self._expires_s)),
            *context.request_fields,
            *self._authorization.headers("REGISTER", self._uri.encode()),
        ]
        request = trusted_request("REGISTER", self._uri, fields)
        self._transaction = context.transactions.start_client(self, request, branch, hop, now)

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
        elif status != 503 or not self._try_next(now):
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
        granted_s = self._granted_s(response)
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
            RegistrationChanged(self, "registered", response.status, response.phrase, granted_s)
        )

    def _granted_s(self, response: Response) -> int:
        """Return the granted seconds: of our Contact, else Expires, else as requested (10.2.4).

        Unreadable values beside them, such as the Contact of another device, are skipped.
        """
        counters = self._context.counters
        try:
            contacts, faults = response.readable_addresses("Contact")
            counters.add_read_past(faults)
        except ParseError:
            counters.malformed += 1
            contacts = []
        values = [
            contact.params["expires"] or ""
            for contact in contacts
            if "expires" in contact.params
            and self._is_ours(contact.uri, is_alone=len(contacts) == 1)
        ]
        for value in [*values, *response.get_all("Expires")]:
            try:
                return min(parse_delta_seconds(value), _MAX_EXPIRES_S)
            except ParseError:
                counters.malformed += 1
        return self._expires_s

    def _is_ours(self, uri: Uri, *, is_alone: bool) -> bool:
        """Whether a Contact in the response is our binding.

        Registrars add parameters, omit port 5060, or replace the address by the source address
        of the request. So for a single Contact it is enough that the user part is ours.
        """
        ours = parse_name_addr(self._contact).uri
        if not isinstance(uri, SipUri) or not isinstance(ours, SipUri) or uri.user != ours.user:
            return False
        return is_alone or uri.address == ours.address

    def _lengthen(self, response: Response) -> bool:
        """Adopt the Min-Expires of a 423 (RFC 3261 10.2.8). Returns False if it is not usable."""
        try:
            minimum_s = parse_delta_seconds(response.get("Min-Expires") or "")
        except ParseError:
            return False
        if not self._expires_s < minimum_s <= _MAX_EXPIRES_S:
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
