"""What a registrar grants in its 2xx: for how long, and by which route calls go.

RFC 3261 section 10.2.4 (Contact, Expires), RFC 3608 (Service-Route), RFC 3327 (Path).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ..counters import Counters
from ..errors import ParseError
from ..message.grammar import split_commas
from ..message.headers import Via
from ..message.message import Response, parse_delta_seconds
from ..message.name_addr import NameAddr, parse_name_addr
from ..message.uri import SipUri

LONGEST_S: Final = 86_400
MOST_ROUTES: Final = 8
"""The routes of one Service-Route. No network has as many proxies on the way."""


@dataclass(frozen=True, slots=True)
class Grant:
    """A binding: its seconds, and the Route that calls of this account have, as header values.

    `path` is the way by which calls come to us, which is for people to read.
    """

    expires_s: int
    service_route: tuple[str, ...] = ()
    path: tuple[str, ...] = ()


def read_grant(response: Response, contact: str, asked_s: int, counters: Counters) -> Grant:
    """Read the 2xx to a REGISTER with this Contact, which asked for `asked_s` seconds."""
    return Grant(
        _granted_s(response, contact, asked_s, counters),
        _routes(response, "Service-Route", counters),
        _routes(response, "Path", counters),
    )


def _granted_s(response: Response, contact: str, asked_s: int, counters: Counters) -> int:
    """The granted seconds: of our Contact, else of Expires, else as requested.

    Unreadable values beside them, such as the Contact of another device, are skipped.
    """
    try:
        contacts, faults = response.readable_addresses("Contact")
        counters.add_read_past(faults)
    except ParseError:
        counters.malformed += 1
        contacts = []
    found = []
    for one in _ours(contacts, contact, response.via):
        seconds = _seconds(one.params.get("expires"), counters)
        found += [] if seconds is None else [seconds]
    if found:
        return min(found)
    for value in response.get_all("Expires"):
        seconds = _seconds(value, counters)
        if seconds is not None:
            return seconds
    return asked_s


def _seconds(value: str | None, counters: Counters) -> int | None:
    if value is None:
        return None
    try:
        return min(parse_delta_seconds(value), LONGEST_S)
    except ParseError:
        counters.malformed += 1
        return None


def _ours(contacts: list[NameAddr], contact: str, via: Via) -> list[NameAddr]:
    """Which of the bindings is ours: the one with our user at our address.

    Registrars add parameters, omit port 5060, or put the source address of the request in its
    place, which the Via then has (RFC 3581). Where none is at either, each with our user may be
    ours, and the one that is over first counts.
    """
    ours = parse_name_addr(contact).uri
    assert isinstance(ours, SipUri), "we have written it"
    source_host = via.received or via.host
    source_port = via.rport or via.port or ours.address[1]
    of_user = [
        (one, one.uri.address)
        for one in contacts
        if isinstance(one.uri, SipUri) and one.uri.user == ours.user
    ]
    exact = [one for one, at in of_user if at == ours.address]
    rewritten = [one for one, at in of_user if at == (source_host, source_port)]
    return exact or rewritten or [one for one, _ in of_user]


def _routes(response: Response, name: str, counters: Counters) -> tuple[str, ...]:
    """The values of a header that lists proxies; none of them where one cannot be read."""
    try:
        routes = [one for value in response.get_all(name) for one in split_commas(value) if one]
        for route in routes:
            if not isinstance(parse_name_addr(route).uri, SipUri):
                raise ParseError(f"{name} has a URI that is not a sip: one")
    except ParseError:
        counters.malformed += 1
        return ()
    return tuple(routes) if len(routes) <= MOST_ROUTES else ()
