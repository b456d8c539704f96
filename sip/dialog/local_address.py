"""The Via and Contact values that name our own address to peers."""

from __future__ import annotations

from collections.abc import Mapping

from ..hop import Transport
from ..message.headers import Via
from ..message.uri import DEFAULT_PORT, SipUri, encode_host, is_same_host

Local = Mapping[Transport, tuple[str, int]]

_TRANSPORTS: tuple[Transport, ...] = ("udp", "tcp")


class LocalAddress:
    """Our addresses for the peers of one address family. `local` has them by transport.

    `user` is the default user part of Contact.
    """

    __slots__ = ("_contacts", "_local", "_sent_by", "_vias")

    def __init__(self, local: Local, user: str) -> None:
        self._local = dict(local)
        self._vias: dict[Transport, str] = {}
        self._contacts: dict[Transport, str] = {}
        self._sent_by: list[tuple[str, int]] = []
        for transport in _TRANSPORTS:
            host, port = self._address(transport)
            self._sent_by.append((host, port))
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

    def contact(self, transport: Transport, user: str | None = None) -> str:
        """Return the Contact for a peer reached over `transport`."""
        return self._contacts[transport] if user is None else self._contact(transport, user)

    def sent(self, via: Via) -> bool:
        """Whether this Via has our address (RFC 3261 section 18.1.2)."""
        port = via.port or DEFAULT_PORT
        return any(port == ours and is_same_host(via.host, host) for host, ours in self._sent_by)

    def _address(self, transport: Transport) -> tuple[str, int]:
        fallback = next(iter(self._local.values()), ("localhost", DEFAULT_PORT))
        return self._local.get(transport, fallback)

    def _contact(self, transport: Transport, user: str) -> str:
        """Name an address that we listen on, with a transport parameter if needed.

        Without a TCP listener we can still open connections, but peers cannot open one to us.
        """
        host, port = self._address(transport)
        listening = transport if self.listens(transport) else next(iter(self._local), transport)
        # Without the parameter it means UDP (RFC 3263 section 4.1), but over TCP many peers
        # assume TCP.
        is_plain = listening == transport == "udp"
        params: dict[str, str | None] = {} if is_plain else {"transport": listening}
        return f"<{SipUri('sip', host, user, None, port, params).encode()}>"
