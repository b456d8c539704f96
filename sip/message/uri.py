"""SIP and SIPS URIs (RFC 3261 section 19.1), and URIs of other schemes as unparsed text.

It is lenient in three cases. Host names may have `_`, which container and test networks use. The
user part may have `#`, which phones send in star codes; `encode` escapes it. An IPv6 address may
have a third colon before an IPv4 address, as the grammar of RFC 3261 wants it (RFC 5118 4.10).
"""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv6Address
from typing import Final, Literal
from urllib.parse import quote, unquote

import msgspec

from ..errors import ParseError
from .grammar import parse_integer

_ESCAPED: Final = r"%[0-9A-Fa-f]{2}"
_MARK: Final = r"\-_.!~*'()"
_user = re.compile(rf"(?:[A-Za-z0-9{_MARK}&=+$,;?/#]++|{_ESCAPED})+").fullmatch
_password = re.compile(rf"(?:[A-Za-z0-9{_MARK}&=+$,]++|{_ESCAPED})*").fullmatch
_param = re.compile(rf"(?:[A-Za-z0-9{_MARK}\[\]/:&+$]++|{_ESCAPED})+").fullmatch
_header = re.compile(rf"(?:[A-Za-z0-9{_MARK}\[\]/?:+$]++|{_ESCAPED})*").fullmatch
_host = re.compile(
    r"(?:[A-Za-z0-9_](?:[A-Za-z0-9_\-]*[A-Za-z0-9_])?\.)*[A-Za-z0-9_](?:[A-Za-z0-9_\-]*[A-Za-z0-9_])?\.?"
).fullmatch
_octet = r"(?:25[0-5]|(?:2[0-4]|[01]?[0-9])?[0-9])"
_ipv4 = re.compile(rf"{_octet}(?:\.{_octet}){{3}}").fullmatch
_third_colon = re.compile(r"(?<!:):::(?=\d+\.\d+\.\d+\.\d+\Z)", re.ASCII).sub
# Characters that need no escape in any part of a URI.
_plain = re.compile(r"[A-Za-z0-9\-_.!~*'()]*+").fullmatch
_scheme = re.compile(r"[A-Za-z][A-Za-z0-9+\-.]*+").fullmatch
_other = re.compile(r"[!#-;=?-~]++").fullmatch

_USER_SAFE: Final = "-_.!~*'()&=+$,;?/"
_PASSWORD_SAFE: Final = "-_.!~*'()&=+$,"
_PARAM_SAFE: Final = "-_.!~*'()[]/:&+$"
_HEADER_SAFE: Final = "-_.!~*'()[]/?:+$"

#: URIs differ if only one of them has such a parameter (RFC 3261 section 19.1.4).
_NEVER_OPTIONAL: Final = ("user", "ttl", "method", "maddr", "transport")

_CACHED_CHARACTERS: Final = 256

# Nearly every URI has these.
_NO_PARAMS: Final[dict[str, str | None]] = {}
_NO_HEADERS: Final[dict[str, str]] = {}

DEFAULT_PORT: Final = 5060
"""The port of a URI or Via that names none (RFC 3261 sections 18.1.1 and 18.2.2)."""
DEFAULT_TLS_PORT: Final = 5061
"""The same for TLS (RFC 3261 section 19.1.2)."""


class SipUri(msgspec.Struct, frozen=True, gc=False):
    """A sip: or sips: URI with its parts unescaped. Treat the dictionaries as read-only.

    `host` is in lower case, and an IPv6 address has no brackets. Parameter names are in lower
    case. The value of a parameter without one is None.
    """

    scheme: Literal["sip", "sips"]
    host: str
    user: str | None = None
    password: str | None = None
    port: int | None = None
    params: dict[str, str | None] = {}
    headers: dict[str, str] = {}

    def __hash__(self) -> int:
        return hash((self.scheme, self.user, self.host, self.port))

    @property
    def address(self) -> tuple[str, int]:
        """The host and port that it points to, `maddr` included."""
        host, port = self.host, DEFAULT_TLS_PORT if self.scheme == "sips" else DEFAULT_PORT
        if self.params:
            host = (self.params.get("maddr") or host).strip("[]")
            if (self.params.get("transport") or "").lower() == "tls":
                port = DEFAULT_TLS_PORT
        return host, self.port or port

    def encode(self) -> str:
        """Return the URI as text, escaped as RFC 3261 section 25.1 requires."""
        text = encode_host(self.host) if self.port is None else encode_host(self.host, self.port)
        if self.user is not None:
            user = _escape(self.user, _USER_SAFE)
            if self.password is not None:
                user = f"{user}:{_escape(self.password, _PASSWORD_SAFE)}"
            text = f"{user}@{text}"
        if self.params:
            for name, value in self.params.items():
                text += ";" + _escape(name, _PARAM_SAFE)
                if value is not None:
                    text += "=" + _escape(value, _PARAM_SAFE)
        if self.headers:
            text += "?" + "&".join(
                f"{_escape(name, _HEADER_SAFE)}={_escape(value, _HEADER_SAFE)}"
                for name, value in self.headers.items()
            )
        return f"{self.scheme}:{text}"

    __str__ = encode

    def matches(self, other: SipUri | OtherUri) -> bool:
        """Compare as RFC 3261 section 19.1.4 says. This is not transitive, so it is not `==`."""
        if not isinstance(other, SipUri):
            return False
        if (self.scheme, self.user, self.password, self.port) != (
            other.scheme,
            other.user,
            other.password,
            other.port,
        ) or not is_same_host(self.host, other.host):
            return False
        for name in self.params.keys() & other.params.keys():
            if (self.params[name] or "").lower() != (other.params[name] or "").lower():
                return False
        if any((name in self.params) != (name in other.params) for name in _NEVER_OPTIONAL):
            return False
        return {name.lower(): value for name, value in self.headers.items()} == {
            name.lower(): value for name, value in other.headers.items()
        }


class OtherUri(msgspec.Struct, frozen=True, gc=False):
    """A URI of another scheme (tel:, urn:, http:). `rest` is the text after the first colon."""

    scheme: str
    rest: str

    def encode(self) -> str:
        return f"{self.scheme}:{self.rest}"

    __str__ = encode

    def matches(self, other: SipUri | OtherUri) -> bool:
        return self == other


Uri = SipUri | OtherUri


def parse_uri(text: str) -> SipUri | OtherUri:
    """Read a URI. Raises ParseError."""
    if len(text) <= _CACHED_CHARACTERS:
        return _parse_cached(text)
    return _parse(text)


def request_uri_of(uri: Uri) -> Uri:
    """Return the URI without headers and method, which a request URI must not have (19.1.1)."""
    if isinstance(uri, OtherUri) or not (uri.headers or "method" in uri.params):
        return uri
    params = {name: value for name, value in uri.params.items() if name != "method"}
    return SipUri(uri.scheme, uri.host, uri.user, uri.password, uri.port, params)


def encode_host(host: str, port: int | None = None) -> str:
    """Return `host[:port]`, with brackets around an IPv6 address."""
    if ":" in host:
        host = f"[{host}]"
    return host if port is None else f"{host}:{port}"


def parse_host_port(text: str) -> tuple[str, int | None]:
    """Read `host [":" port]`. Returns the host as in SipUri. Raises ParseError."""
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and rest[0] != ":"):
            raise ParseError("the IPv6 address is not closed by ]")
        colon, port_text = rest[:1], rest[1:]
        if ":::" in host:
            host = _third_colon("::", host)
        _check_ipv6(host)
    else:
        host, colon, port_text = text.partition(":")
        if _host(host) is None:
            raise ParseError("the host is not a host name or an address")
        last = host.rstrip(".").rpartition(".")[2]
        if last.isdigit():
            _check_ipv4(host)
    if not colon:
        return host.lower(), None
    port = parse_integer(port_text, "the port", 65535)
    if port == 0:
        raise ParseError("the port is 0")
    return host.lower(), port


# Hosts repeat, also where users differ.
_CACHED_HOST: Final = 64
_parse_host_cached = lru_cache(maxsize=1024)(parse_host_port)


def _parse(text: str) -> SipUri | OtherUri:
    scheme, colon, rest = text.partition(":")
    if not colon or _scheme(scheme) is None:
        raise ParseError("the URI has no scheme")
    lowered = scheme.lower()
    if lowered != "sip" and lowered != "sips":
        if _other(rest) is None:
            raise ParseError("the URI has characters that no URI may have")
        return OtherUri(lowered, rest)
    user: str | None = None
    password: str | None = None
    userinfo, at, rest = rest.rpartition("@")
    if at:
        user, colon, secret = userinfo.partition(":")
        if _user(user) is None:
            raise ParseError("the user part of the URI is malformed")
        user = _open(user)
        if colon:
            if _password(secret) is None:
                raise ParseError("the password part of the URI is malformed")
            password = _open(secret)
    params, headers = _NO_PARAMS, _NO_HEADERS
    if "?" in rest:
        rest, _, header_text = rest.partition("?")
        headers = _parse_headers(header_text)
    if ";" in rest:
        rest, *items = rest.split(";")
        params = _parse_params(items)
    host, port = (_parse_host_cached if len(rest) <= _CACHED_HOST else parse_host_port)(rest)
    kind: Literal["sip", "sips"] = "sip" if lowered == "sip" else "sips"
    return SipUri(kind, host, user, password, port, params, headers)


# The messages of a dialog repeat the same few URIs while it is set up; each has a quarter KiB here.
_parse_cached = lru_cache(maxsize=512)(_parse)


def _parse_params(items: list[str]) -> dict[str, str | None]:
    params: dict[str, str | None] = {}
    for item in items:
        name, equals, value = item.partition("=")
        if _param(name) is None or (equals and _param(value) is None):
            raise ParseError("the URI has a malformed parameter")
        # Some proxies duplicate a parameter. The first one counts.
        params.setdefault(_open(name).lower(), _open(value) if equals else None)
    return params


def _parse_headers(text: str) -> dict[str, str]:
    headers: dict[str, str] = {}
    for item in text.split("&"):
        name, equals, value = item.partition("=")
        if not (equals and name) or _header(name) is None or _header(value) is None:
            raise ParseError("the URI has a malformed header")
        name, value = _open(name), _open(value)
        # Two headers of one name are a list, like two header fields (RFC 3261 section 7.3.1).
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _open(text: str) -> str:
    return unquote(text, errors="surrogateescape") if "%" in text else text


def _escape(text: str, safe: str) -> str:
    if _plain(text) is not None:
        return text
    return quote(text, safe=safe, errors="surrogateescape")


def _check_ipv4(host: str) -> None:
    if _ipv4(host) is None:
        raise ParseError("the host is not an IPv4 address")


@lru_cache(maxsize=1024)
def _check_ipv6(host: str) -> None:
    try:
        address = IPv6Address(host)
    except ValueError:
        raise ParseError("the host is not an IPv6 address") from None
    if address.scope_id is not None:
        raise ParseError("an IPv6 address in a URI has no zone")


def is_same_host(one: str, other: str) -> bool:
    """Whether two hosts are the same name or the same address."""
    return canonical_host(one.lower()) == canonical_host(other.lower())


@lru_cache(maxsize=1024)
def canonical_host(host: str) -> str:
    """Return an address in its canonical spelling (RFC 5952). A name is unchanged.

    Old gateways write octets with leading zeros. They are decimal (RFC 3261 section 25.1), but the
    kernel would read them as octal.
    """
    if ":" not in host:
        if _ipv4(host) is None:
            return host
        return ".".join(str(int(octet)) for octet in host.split("."))
    try:
        return str(IPv6Address(host))
    except ValueError:
        return host
