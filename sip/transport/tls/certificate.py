"""The names that a certificate is of, by the rules of SIP (RFC 5922 sections 7.1 and 7.2)."""

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any

from ...errors import ParseError
from ...message.uri import SipUri, canonical_host, parse_uri

Certificate = Mapping[str, Any]
"""As ssl.SSLObject.getpeercert() returns it."""


def names_of(certificate: Certificate) -> tuple[str, ...]:
    """The SIP domains, and the IP addresses, that the certificate is of, in lower case.

    A sip: URI without a user counts before the DNS names, which are used only where there is no
    such URI. The common name is used only where there is no subjectAltName at all.
    """
    alternatives: Sequence[tuple[str, str]] = certificate.get("subjectAltName", ())
    domains: list[str] = []
    for kind, value in alternatives:
        if kind == "URI":
            domains += _domain_of(value)
    if not domains:
        domains = [_plain(value) for kind, value in alternatives if kind == "DNS"]
    addresses = [canonical_host(_address(v)) for kind, v in alternatives if kind == "IP Address"]
    if not alternatives:
        subject: Sequence[Sequence[tuple[str, str]]] = certificate.get("subject", ())
        domains = [
            _plain(value) for part in subject for kind, value in part if kind == "commonName"
        ]
    return tuple(dict.fromkeys([*domains, *addresses]))


def is_of(certificate: Certificate, name: str) -> bool:
    """Whether the certificate is of this domain or address.

    Names are compared as they are. `*.example.com` is no pattern: it stands for itself alone.
    """
    return canonical_host(_plain(name)) in names_of(certificate)


def _domain_of(uri_text: str) -> list[str]:
    """The domain of a sip: URI. One with a user is of a person, and one of https: of no phone."""
    try:
        uri = parse_uri(uri_text)
    except ParseError:
        return []
    if not isinstance(uri, SipUri) or uri.scheme != "sip" or uri.user is not None:
        return []
    return [_plain(uri.host)]


def _plain(name: str) -> str:
    return name.lower().rstrip(".")


def _address(text: str) -> str:
    """An address as we write it: the TLS library writes IPv6 addresses out."""
    try:
        return str(ipaddress.ip_address(text.strip()))
    except ValueError:
        return text.strip().lower()
