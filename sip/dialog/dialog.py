"""A dialog: route set, remote target, sequence numbers (RFC 3261 section 12)."""

from collections.abc import Callable
from dataclasses import dataclass, field

from ..errors import ParseError
from ..hop import Hop, is_numeric, numeric_hop
from ..message.grammar import split_commas
from ..message.message import Fields, Message, Request, Response
from ..message.name_addr import parse_name_addr
from ..message.uri import SipUri, Uri, request_uri_of

MayReach = Callable[[Hop, Hop], bool]
"""Whether requests of a dialog may be sent to the first address; the second is the peer's."""


def anywhere(hop: Hop, peer: Hop) -> bool:
    """A MayReach that permits everything."""
    return True


@dataclass(slots=True, kw_only=True, eq=False)
class Dialog:
    """One dialog of ours; the ends are local and remote, whichever side called.

    `local` and `remote` are the From and To values of requests we send, tags included. Where
    `may_reach` does not permit where Contact or Record-Route lead, requests go to `fallback_hop`.
    """

    call_id: str
    local: str
    remote: str
    remote_tag: str
    target: Uri
    routes: list[str]
    local_cseq: int
    remote_cseq: int | None
    fallback_hop: Hop
    may_reach: MayReach = anywhere
    hop: Hop = field(init=False)
    named_hop: SipUri | None = field(init=False)
    request_uri: Uri = field(init=False)
    is_secure: bool = field(init=False)
    """Whether our Contact has to be a sips: URI (RFC 3261 sections 8.1.1.8 and 12.1.1)."""
    _fields: Fields = field(init=False)

    def __post_init__(self) -> None:
        self.retarget(self.target)

    def retarget(self, target: Uri) -> None:
        """Set a new remote target and derive the next hop and request URI (RFC 3261 12.2.1.1)."""
        self.target = target
        # A Contact may wrongly have URI headers; a request URI may not have any.
        next_uri: Uri = parse_name_addr(self.routes[0]).uri if self.routes else target
        self.request_uri, routes = request_uri_and_route(target, self.routes)
        self._fields: Fields = [
            ("Max-Forwards", "70"),
            *(("Route", route) for route in routes),
            ("From", self.local),
            ("To", self.remote),
            ("Call-ID", self.call_id),
        ]
        fallback = self.fallback_hop
        self.is_secure = is_sips(target) or is_sips(next_uri)
        hop = self._beside_fallback(numeric_hop(next_uri, fallback.transport))
        # A peer may name an IPv6 address over IPv4. We may not have that address family.
        same_family = hop is not None and (":" in hop.host) == (":" in fallback.host)
        if hop is None or hop == fallback or not same_family or not self._is_permitted(hop):
            hop = fallback
        self.hop = hop
        self.named_hop: SipUri | None = None
        """The URI of the next hop where it leads elsewhere, or has to be looked up."""
        if isinstance(next_uri, SipUri) and (
            not is_numeric(next_uri.address[0]) or _is_other_way(next_uri, hop)
        ):
            self.named_hop = next_uri

    def _beside_fallback(self, hop: Hop | None) -> Hop | None:
        """The hop as one of the same peer: from our same addresses, and with the same certificate.

        The connection that the dialog was made on is used on, as long as it is up (RFC 5923): a
        peer behind NAT cannot be connected to, and its certificate has its name, not its address.
        """
        fallback = self.fallback_hop
        if hop is None or hop.transport != "tls" or fallback.transport != "tls":
            if hop is None or hop.local == fallback.local:
                return hop
            return hop._replace(local=fallback.local)
        if hop.host == fallback.host:
            return fallback
        return hop._replace(name=fallback.name, local=fallback.local)

    def _is_permitted(self, hop: Hop) -> bool:
        return hop == self.fallback_hop or self.may_reach(hop, self.fallback_hop)

    def answer_to_source(self) -> None:
        """Send to the source of the peer's message, which lacks the Contact of RFC 3261 12.1."""
        if not self.routes:
            self.hop = self.fallback_hop
            self.named_hop = None

    def reroute(self, found: Hop | None) -> bool:
        """Use the resolved next hop. Returns whether it differs from the present one.

        If the name could not be resolved (`found` is None), try the host that the dialog was made
        with, at the port of the name, as RFC 3261 section 18.2.2 does for responses.
        """
        name, fallback = self.named_hop, self.fallback_hop
        if found is None and name is not None:
            params = {key: value for key, value in name.params.items() if key == "transport"}
            there = SipUri(name.scheme, fallback.host, port=name.port, params=params)
            found = numeric_hop(there, fallback.transport)
            if found is not None:
                found = found._replace(name=fallback.name, local=fallback.local)
        elif found is not None:
            is_of_peer = found.transport == "tls" and is_numeric(found.name or found.host)
            found = found._replace(
                name=fallback.name if is_of_peer else found.name, local=fallback.local
            )
        if found is None or found == self.hop or not self._is_permitted(found):
            return False
        self.hop = found
        return True

    def refresh(self, message: Message) -> None:
        """Take the Contact of a target refresh request or its 2xx (RFC 3261 12.2.1.2, 12.2.2)."""
        contact = message.contact
        if contact is not None and contact.uri != self.target:
            self.retarget(contact.uri)

    def request(
        self, method: str, via: str, extra: Fields, body: bytes = b"", number: int | None = None
    ) -> Request:
        """Build a request within the dialog.

        `number` is the CSeq number; an ACK passes that of its INVITE. Without it the next is used.
        """
        if number is None:
            self.local_cseq += 1
            number = self.local_cseq
        fields = [("Via", via), *self._fields, ("CSeq", f"{number} {method}"), *extra]
        return trusted_request(method, self.request_uri, fields, body)

    def continue_from(self, early: "Dialog") -> None:
        """Continue the sequence numbers of the early dialog that this one was before."""
        self.local_cseq = max(self.local_cseq, early.local_cseq)
        self.remote_cseq = early.remote_cseq

    def in_order(self, request: Request) -> bool:
        """Check and store the CSeq number of a received request (RFC 3261 section 12.2.2).

        Returns False if the number is lower than the last one.
        """
        number = request.cseq.number
        if self.remote_cseq is not None and number < self.remote_cseq:
            return False
        self.remote_cseq = number
        return True


def request_uri_and_route(target: Uri, routes: list[str]) -> tuple[Uri, list[str]]:
    """Return the request URI and the Route fields for a target and a route set.

    A strict router, whose URI has no `lr`, expects itself in the request URI and the target at the
    end of the route (RFC 3261 section 12.2.1.1). Raises ParseError for a route that is none.
    """
    first = parse_name_addr(routes[0]).uri if routes else None
    if isinstance(first, SipUri) and "lr" not in first.params:
        strict = SipUri(
            first.scheme, first.host, first.user, first.password, first.port, first.params
        )
        return strict, [*routes[1:], f"<{target.encode()}>"]
    return request_uri_of(target), routes


def dialog_of_uac(
    request: Request, response: Response, hop: Hop, may_reach: MayReach = anywhere
) -> Dialog:
    """Make the dialog from a response to our INVITE (RFC 3261 12.1.2). Raises ParseError."""
    contact = response.contact
    dialog = Dialog(
        call_id=request.call_id,
        local=request.get("From") or "",
        remote=response.get("To") or "",
        remote_tag=response.to.tag or "",
        target=contact.uri if contact is not None else request.uri,
        routes=_route_set(response)[::-1],
        local_cseq=request.cseq.number,
        remote_cseq=None,
        fallback_hop=hop,
        may_reach=may_reach,
    )
    if contact is None:
        dialog.answer_to_source()
    return dialog


def bare_dialog_of_uac(request: Request, response: Response, hop: Hop) -> Dialog:
    """Like `dialog_of_uac`, for a response whose Contact or Record-Route cannot be read."""
    return Dialog(
        call_id=request.call_id,
        local=request.get("From") or "",
        remote=response.get("To") or "",
        remote_tag=response.to.tag or "",
        target=request.uri,
        routes=request.get_all("Route"),
        local_cseq=request.cseq.number,
        remote_cseq=None,
        fallback_hop=hop,
    )


def early_dialog(
    request: Request, response: Response, hop: Hop, may_reach: MayReach = anywhere
) -> Dialog:
    """Make the dialog from a provisional response to our INVITE, readable or not."""
    try:
        return dialog_of_uac(request, response, hop, may_reach)
    except ParseError:
        return bare_dialog_of_uac(request, response, hop)


def dialog_of_uas(
    request: Request, local_tag: str, hop: Hop, may_reach: MayReach = anywhere
) -> Dialog:
    """Make the dialog from a received INVITE (RFC 3261 12.1.1). Raises ParseError."""
    contact = request.contact
    dialog = Dialog(
        call_id=request.call_id,
        local=f"{request.get('To')};tag={local_tag}",
        remote=request.get("From") or "",
        remote_tag=request.from_.tag or "",
        target=contact.uri if contact is not None else request.from_.uri,
        routes=_route_set(request),
        local_cseq=0,
        remote_cseq=request.cseq.number,
        fallback_hop=hop,
        may_reach=may_reach,
    )
    if contact is None:
        dialog.answer_to_source()
    return dialog


def trusted_request(method: str, uri: Uri, fields: Fields, body: bytes = b"") -> Request:
    """Build a request without checks: names must be canonical and values free of line ends."""
    request = Request(method, uri, (), body)
    request._fields = fields
    return request


def _is_other_way(uri: SipUri, hop: Hop) -> bool:
    """Whether the numeric URI of a TLS peer leads elsewhere than to the connection in use."""
    direct = numeric_hop(uri, hop.transport) if hop.transport == "tls" else None
    return direct is not None and direct.host == hop.host and direct.port != hop.port


def is_sips(uri: Uri) -> bool:
    """Whether it is a sips: URI, which nothing but TLS may lead to."""
    return isinstance(uri, SipUri) and uri.scheme == "sips"


def _route_set(message: Message) -> list[str]:
    routes: list[str] = []
    for value in message.get_all("Record-Route"):
        for route in split_commas(value):
            parse_name_addr(route)
            routes.append(route)
    return routes
