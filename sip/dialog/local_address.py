"""The Via and Contact values that name our own address to peers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ..hop import TRANSPORTS, Transport, default_port
from ..message.uri import DEFAULT_PORT, SipUri, canonical_host, encode_host

_DEFAULT_PORTS: Final = {one.upper(): default_port(one) for one in TRANSPORTS}

Local = Mapping[Transport, tuple[str, int]]


class LocalAddress:
    """Our addresses for the peers of one address family. `local` has them by transport.

    `user` is the default user part of Contact. `sent_by` are all values that our Via can have.
    """

    __slots__ = ("_contacts", "_local", "_vias", "sent_by")

    def __init__(self, local: Local, user: str) -> None:
        self._local = dict(local)
        self._vias: dict[Transport, str] = {}
        self._contacts: dict[Transport, str] = {}
        self.sent_by: set[tuple[str, int]] = set()
        for transport in TRANSPORTS:
            host, port = self._address(transport)
            self.sent_by.add((canonical_host(host.lower()), port))
            sent_by = encode_host(host, port)
            self._vias[transport] = f"SIP/2.0/{transport.upper()} {sent_by};rport;branch="
            self._contacts[transport] = self._contact(transport, user)

    def listens(self, transport: Transport) -> bool:
        """Whether we listen on this transport."""
        return transport in self._local

    def host(self, transport: Transport) -> str:
        """Our host, as Via and Contact name it to peers."""
        return self._address(transport)[0]

    def via(self, transport: Transport, branch: str) -> str:
        """Return the Via for a request."""
        return self._vias[transport] + branch

    def contact(
        self, transport: Transport, user: str | None = None, *, is_secure: bool = False
    ) -> str:
        """Return the Contact for a peer reached over `transport`.

        It is a sips: URI where the request is for one (RFC 3261 section 8.1.1.8).
        """
        if user is None and not is_secure:
            return self._contacts[transport]
        return self._contact(transport, user, is_secure=is_secure)

    def _address(self, transport: Transport) -> tuple[str, int]:
        fallback = next(iter(self._local.values()), ("localhost", DEFAULT_PORT))
        return self._local.get(transport, fallback)

    def _contact(self, transport: Transport, user: str | None, *, is_secure: bool = False) -> str:
        """Name an address that we listen on, with a transport parameter if needed.

        Without a TCP listener we can still open connections, but peers cannot open one to us.
        """
        host, port = self._address(transport)
        if is_secure:
            return f"<{SipUri('sips', host, user, None, port).encode()}>"
        listening = transport if self.listens(transport) else next(iter(self._local), transport)
        # Without the parameter it means UDP (RFC 3263 section 4.1), but over TCP many peers
        # assume TCP.
        is_plain = listening == transport == "udp"
        params: dict[str, str | None] = {} if is_plain else {"transport": listening}
        return f"<{SipUri('sip', host, user, None, port, params).encode()}>"


class LocalAddresses:
    """Our addresses for every peer: those that all share, and those of single trunks.

    `user` is the default user part of Contact.
    """

    def __init__(self, local: Local, user: str) -> None:
        self._user = user
        self.share(local)

    def share(self, local: Local, ipv6: Local | None = None) -> None:
        """Have these for every peer. `ipv6` replaces `local` for IPv6 peers."""
        self._shared = (
            LocalAddress(local, self._user),
            LocalAddress(local if ipv6 is None else ipv6, self._user),
        )
        self._own: dict[str, tuple[LocalAddress, LocalAddress]] = {}
        self._index()

    def give(self, trunk: str, local: Local, ipv6: Local | None = None) -> None:
        """Have these for the peers of one trunk in place of the shared ones."""
        self._own[trunk] = (
            LocalAddress(local, self._user),
            LocalAddress(local if ipv6 is None else ipv6, self._user),
        )
        self._index()

    def take_back(self, trunk: str) -> None:
        """Use the shared ones for the trunk. Does nothing if it has none of its own."""
        self._own.pop(trunk, None)
        self._index()

    def of(self, host: str, trunk: str) -> LocalAddress:
        """Our address of the same family as `host`, because a peer may support one only."""
        ipv4, ipv6 = self._own.get(trunk, self._shared)
        return ipv6 if ":" in host else ipv4

    def has(self, transport: str, host: str, port: int | None) -> bool:
        """Whether a Via with these is one of ours (RFC 3261 section 18.1.2)."""
        if port is None:
            port = _DEFAULT_PORTS.get(transport, DEFAULT_PORT)
        return (canonical_host(host.lower()), port) in self._sent_by

    def _index(self) -> None:
        self._sent_by = {
            one
            for pair in (self._shared, *self._own.values())
            for address in pair
            for one in address.sent_by
        }
