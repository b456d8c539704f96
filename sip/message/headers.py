"""Header field names, and the header fields that identify transactions: Via and CSeq."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import msgspec

from ..errors import ParseError
from .grammar import LWS, encode_params, is_token, parse_integer, parse_params, quote, split_commas
from .uri import encode_host, parse_host_port

#: Compact forms: RFC 3261 7.3.3 and the extensions registered with IANA.
COMPACT_FORMS: Final = {
    "a": "Accept-Contact",
    "b": "Referred-By",
    "c": "Content-Type",
    "d": "Request-Disposition",
    "e": "Content-Encoding",
    "f": "From",
    "i": "Call-ID",
    "j": "Reject-Contact",
    "k": "Supported",
    "l": "Content-Length",
    "m": "Contact",
    "n": "Identity-Info",
    "o": "Event",
    "r": "Refer-To",
    "s": "Subject",
    "t": "To",
    "u": "Allow-Events",
    "v": "Via",
    "x": "Session-Expires",
    "y": "Identity",
}

_KNOWN: Final = (
    "Accept",
    "Accept-Encoding",
    "Accept-Language",
    "Alert-Info",
    "Allow",
    "Authentication-Info",
    "Authorization",
    "Call-ID",
    "Call-Info",
    "Contact",
    "Content-Disposition",
    "Content-Encoding",
    "Content-Language",
    "Content-Length",
    "Content-Type",
    "CSeq",
    "Date",
    "Diversion",
    "Error-Info",
    "Expires",
    "From",
    "History-Info",
    "In-Reply-To",
    "Max-Forwards",
    "MIME-Version",
    "Min-Expires",
    "Min-SE",
    "Organization",
    "P-Asserted-Identity",
    "P-Preferred-Identity",
    "Path",
    "Priority",
    "Privacy",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "Proxy-Require",
    "RAck",
    "Reason",
    "Record-Route",
    "Refer-Sub",
    "Remote-Party-ID",
    "Replaces",
    "Reply-To",
    "Require",
    "Retry-After",
    "Route",
    "RSeq",
    "Server",
    "Service-Route",
    "SIP-ETag",
    "SIP-If-Match",
    "Subject",
    "Subscription-State",
    "Supported",
    "Timestamp",
    "To",
    "Unsupported",
    "User-Agent",
    "Via",
    "Warning",
    "WWW-Authenticate",
)

#: Spellings that peers use. They are tried before the slower conversion to lower case.
CANONICAL_NAMES: Final[dict[str, str]] = {
    spelling: name
    for short, name in [*COMPACT_FORMS.items(), *((name, name) for name in _KNOWN)]
    for spelling in (short, short.lower(), short.upper(), name, name.lower())
}

#: Header fields that a message may have only once, with one value.
SINGLE: Final = frozenset(
    {
        "Call-ID",
        "Content-Length",
        "Content-Type",
        "CSeq",
        "Expires",
        "From",
        "Max-Forwards",
        "To",
    }
)

MAX_CSEQ: Final = 2**31 - 1

#: The start of each branch made by an RFC 3261 element (section 8.1.1.7).
MAGIC_COOKIE: Final = "z9hG4bK"


def known_name(name: str) -> str | None:
    """Return the usual spelling of a known name or compact form; None for other names."""
    return CANONICAL_NAMES.get(name) or CANONICAL_NAMES.get(name.lower())


def canonical_name(name: str) -> str:
    """Return the usual spelling of a known name or compact form. Other names are unchanged."""
    return known_name(name) or name


class Via(msgspec.Struct, frozen=True, gc=False):
    """One Via value (RFC 3261 section 20.42). Treat `params` as read-only.

    `transport` is in upper case, `host` is as in SipUri, parameter values are as written.
    """

    transport: str
    host: str
    port: int | None = None
    params: dict[str, str | None] = {}
    #: Protocol name and version. Elements of another version may send another value.
    protocol: str = "SIP/2.0"

    def __hash__(self) -> int:
        return hash((self.transport, self.host, self.port, self.branch))

    @property
    def branch(self) -> str | None:
        return self.params.get("branch")

    @property
    def received(self) -> str | None:
        """The address the request came from, without brackets."""
        value = self.params.get("received")
        return value.strip("[]") if value else None

    @property
    def wants_rport(self) -> bool:
        """Whether `rport` is present, with or without a value (RFC 3581)."""
        return "rport" in self.params

    @property
    def rport(self) -> int | None:
        """The source port that the server filled in; None if it is missing (RFC 3581)."""
        value = self.params.get("rport")
        if value is None or not (value.isascii() and value.isdigit()) or len(value) > 5:
            return None
        return int(value)

    @property
    def is_rfc3261(self) -> bool:
        """Whether the branch identifies the transaction (17.2.3). The cookie alone does not."""
        branch = self.params.get("branch")
        return (
            branch is not None
            and len(branch) > len(MAGIC_COOKIE)
            and branch[:7].lower() == "z9hg4bk"
        )

    def with_source(self, host: str, port: int) -> Via:
        """Add what a server adds: `received`, and `rport` if asked (RFC 3261 18.2.1, RFC 3581)."""
        params = dict(self.params)
        if "rport" in params:
            params["rport"] = str(port)
            params["received"] = host
        elif host != self.host:
            params["received"] = host
        return Via(self.transport, self.host, self.port, params, self.protocol)

    def encode(self) -> str:
        return (
            f"{self.protocol}/{self.transport} {encode_host(self.host, self.port)}"
            f"{encode_params(self.params)}"
        )

    __str__ = encode


def parse_via(text: str) -> Via:
    """Read one Via value. Raises ParseError."""
    return parse_via_cached(text) if len(text) <= _CACHED_CHARACTERS else _parse_via(text)


def parse_top_via(text: str) -> Via:
    """Read the first value of a Via field. Raises ParseError."""
    return parse_via(split_commas(text)[0] if "," in text else text)


def parse_via_list(text: str) -> list[Via]:
    """Read a comma-separated Via field. Raises ParseError."""
    return [parse_via(element) for element in split_commas(text)]


def _parse_via(text: str) -> Via:
    protocol = "SIP/2.0"
    sent_protocol, _, rest = text.partition(" ")
    if sent_protocol == "SIP/2.0/UDP":
        transport = "UDP"
    elif sent_protocol == "SIP/2.0/TCP":
        transport = "TCP"
    else:
        protocol, transport, rest = _parse_protocol(text)
    sent_by, semicolon, param_text = rest.partition(";")
    if " " in sent_by or "\t" in sent_by:
        sent_by = sent_by.strip(LWS)
        host_text, colon, port_text = sent_by.rpartition(":")
        if colon and "]" not in port_text:
            sent_by = f"{host_text.rstrip(LWS)}:{port_text.lstrip(LWS)}"
    host, port = _parse_sent_by(sent_by)
    return Via(transport, host, port, parse_params(semicolon + param_text, "Via"), protocol)


def _parse_protocol(text: str) -> tuple[str, str, str]:
    parts = text.split("/", 2)
    if len(parts) != 3:
        raise ParseError("Via has no protocol, version and transport")
    name, version = parts[0].strip(LWS), parts[1].strip(LWS)
    words = parts[2].split(None, 1)
    if len(words) != 2 or not all(is_token(word) for word in (name, version, words[0])):
        raise ParseError("Via has no protocol, version and transport")
    return f"{name.upper()}/{version}", words[0].upper(), words[1]


_CACHED_CHARACTERS: Final = 256
_parse_sent_by = lru_cache(maxsize=1024)(parse_host_port)
# Each response repeats the Via of its request.
parse_via_cached = lru_cache(maxsize=512)(_parse_via)


class CSeq(msgspec.Struct, frozen=True, gc=False):
    """Sequence number and method of a request (RFC 3261 20.16)."""

    number: int
    method: str

    def encode(self) -> str:
        return f"{self.number} {self.method}"

    __str__ = encode


def parse_cseq(text: str) -> CSeq:
    """Read a CSeq value. Raises ParseError, also for a number of 2**31 or more (8.1.1.5)."""
    return parse_cseq_cached(text) if len(text) <= _CACHED_CHARACTERS else _parse_cseq(text)


def _parse_cseq(text: str) -> CSeq:
    number, _, method = text.replace("\t", " ").strip(" ").partition(" ")
    method = method.lstrip(" ")
    if not is_token(method):
        raise ParseError("CSeq has no method")
    return CSeq(parse_integer(number, "CSeq", MAX_CSEQ), method)


parse_cseq_cached = lru_cache(maxsize=1024)(_parse_cseq)


def warning(reason: str, code: int = 399) -> tuple[str, str]:
    """Return a Warning field with a text for people (RFC 3261 section 20.43)."""
    return ("Warning", f"{code} - {quote(reason)}")
