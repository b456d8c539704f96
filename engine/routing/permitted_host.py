"""The hosts at which sip: URIs may be called, with ports and transports (dial.allow_hosts)."""

from dataclasses import dataclass
from typing import Final

from sip.errors import ParseError
from sip.hop import named_transport
from sip.message.uri import SipUri, canonical_host, parse_uri

SIP_PORT: Final = 5060
SIPS_PORT: Final = 5061
_FIRST_PHONE_PORT: Final = 1024
_DISCARD_PORT: Final = 9  # RFC 863: nobody reads there

# Parameters of a URI that have the peer call somebody else, or send the call elsewhere: RFC 3261
# section 19.1.1, RFC 3966, RFC 4904 (trunk groups), RFC 4694 (ported numbers).
_STEERING: Final = frozenset(
    {
        "maddr", "ttl", "method", "phone-context", "tgrp", "trunk-context", "rn", "rn-context",
        "npdi", "cic", "cic-context", "ext", "postd", "otg", "dtg",
    }
)  # fmt: skip
_HARMLESS_AT_TRUNK: Final = frozenset({"transport", "user", "lr", "isub"})


def sip_uri(text: str) -> SipUri:
    """A URI that has to be a sip: one. Raises ParseError."""
    uri = parse_uri(text)
    if not isinstance(uri, SipUri):
        raise ParseError(f"{text!r} is not a sip: URI")
    return uri


def place_of(uri: SipUri) -> tuple[str | None, str, int, str]:
    """The user, host, port and transport that a URI leads to: the same for all its spellings."""
    host, port = uri.address
    return uri.user, canonical_host(host), port, transport_of(uri)


def transport_of(uri: SipUri) -> str:
    """The transport that a URI is sent by where no record of its domain says another."""
    return named_transport(uri) or "udp"


def is_sip_port(transport: str, port: int) -> bool:
    """Whether this is the usual port of SIP by this transport."""
    return port == (SIPS_PORT if transport == "tls" else SIP_PORT)


def steering_parameter(uri: SipUri, trunk: SipUri | None = None) -> str | None:
    """A parameter of the URI that could change who is called, if it has one.

    At a `trunk` a parameter that is not known, and that the trunk's own URI does not have, counts.
    """
    if trunk is None:
        return next((name for name in uri.params if name in _STEERING), None)
    known = _HARMLESS_AT_TRUNK | trunk.params.keys()
    return next((name for name in uri.params if name not in known), None)


@dataclass(frozen=True, slots=True)
class PermittedHost:
    """One entry of dial.allow_hosts: a host, or a host with a port and a transport.

    A host alone permits UDP to the ports that phones have, TCP to 5060 and TLS to 5061: services
    that are no phones listen elsewhere, and must not read what a request has in it. A transport
    without a port permits any port.
    """

    host: str
    port: int | None = None
    transport: str | None = None

    @classmethod
    def read(cls, text: str) -> "PermittedHost":
        """Read an entry, which the configuration has checked."""
        uri = sip_uri(
            f"sip:x@[{text}]" if text.count(":") > 1 and "[" not in text else f"sip:x@{text}"
        )
        return cls(uri.host, uri.port, (uri.params.get("transport") or "").lower() or None)

    def permits(self, uri: SipUri, transport: str) -> bool:
        """Whether a URI that is sent by `transport` may be called."""
        if uri.host != self.host or self.transport not in (None, transport):
            return False
        port = uri.address[1]
        if self.port is not None:
            return port == self.port
        if is_sip_port(transport, port) or self.transport == transport:
            return True
        return transport == "udp" and (port >= _FIRST_PHONE_PORT or port == _DISCARD_PORT)
