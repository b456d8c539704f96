"""Calls of visitors who speak from a web page: what each one-time token is good for.

The gateway asks for a token, and the page shows it in its INVITE (`Authorization: Bearer`, RFC
8898). It begins one call to the queue that it was made for. Until that call is over, the same token
with Replaces takes the call over, as after a reload of the page; it is good for nothing else.
"""

import hashlib
import secrets
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Final

from sip.hop import Hop
from sip.message.message import Request
from sip.transport.web_edge import page_peer

EXPIRES_S: Final = 60.0
MOST_UNUSED: Final = 1000
"""Tokens that are waiting to be used. More are not made."""
_SCHEME: Final = "bearer "


@dataclass(frozen=True, slots=True, kw_only=True)
class PageCall:
    """What the visitor of a page may do: one call to `queue`, from a page of `origin`."""

    site: str
    queue: str
    origin: str
    priority: int = 0
    max_wait_s: float = 3600.0
    name: str = ""
    context: Mapping[str, Any]
    call: str = ""
    """The id that the call will have; "": one that the engine makes."""
    requested_by: str | None = None
    """Which client has asked for it."""


@dataclass(slots=True)
class _Admitted:
    call: PageCall
    peer: str
    expires: float
    call_id: str = ""
    """The SIP Call-ID of the call that it has begun; "": it has begun none."""


class PageCalls:
    """The tokens that hold. Times are seconds on the caller's clock.

    `origin_of` says from which web site a connection was opened, and `peers_up` who has a call.
    """

    def __init__(
        self, origin_of: Callable[[Hop], str], peers_up: Callable[[], AbstractSet[str]]
    ) -> None:
        self._origin_of = origin_of
        self._peers_up = peers_up
        self._admitted: dict[bytes, _Admitted] = {}
        self._by_peer: dict[str, _Admitted] = {}

    def admit(self, call: PageCall, now: float) -> str | None:
        """A new token for one call; None where too many wait to be used."""
        self._forget_expired(now)
        if sum(not one.call_id for one in self._admitted.values()) >= MOST_UNUSED:
            return None
        token = secrets.token_urlsafe(32)
        # The peer is shown in traces and events; nothing can be done with it.
        admitted = _Admitted(call, page_peer(secrets.token_hex(8)), now + EXPIRES_S)
        self._admitted[_digest(token)] = self._by_peer[admitted.peer] = admitted
        return token

    def has_call(self, call_id: str) -> bool:
        """Whether a token begins, or has begun, the call of this id."""
        return any(one.call.call == call_id for one in self._admitted.values())

    def may_call(self, invite: Request, hop: Hop, now: float) -> bool:
        """Whether the token of an INVITE holds; it stays good."""
        return self._found(invite, hop, now) is not None

    def use(self, invite: Request, hop: Hop, now: float) -> str | None:
        """The peer whose call an INVITE begins, or takes over; None where it may not.

        From now on the token begins no other call.
        """
        admitted = self._found(invite, hop, now)
        if admitted is None:
            return None
        admitted.call_id = admitted.call_id or invite.call_id
        return admitted.peer

    def call_of(self, peer: str) -> PageCall | None:
        """What a peer may do; None where it may do nothing."""
        admitted = self._by_peer.get(peer)
        return None if admitted is None else admitted.call

    def _found(self, invite: Request, hop: Hop, now: float) -> _Admitted | None:
        shown = invite.get("Authorization") or ""
        if shown[: len(_SCHEME)].lower() != _SCHEME:
            return None
        admitted = self._admitted.get(_digest(shown[len(_SCHEME) :].strip()))
        if admitted is None or self._origin_of(hop) != admitted.call.origin:
            return None
        if invite.get("Replaces") is not None:
            holds = bool(admitted.call_id) and admitted.peer in self._peers_up()
        else:
            holds = not admitted.call_id and now < admitted.expires
        return admitted if holds else None

    def _forget_expired(self, now: float) -> None:
        up = self._peers_up()
        gone = [
            token
            for token, one in self._admitted.items()
            if now >= one.expires and not (one.call_id and one.peer in up)
        ]
        for token in gone:
            del self._by_peer[self._admitted.pop(token).peer]


def _digest(token: str) -> bytes:
    # Looked up by its hash, so that the time that it takes says nothing of a token.
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
