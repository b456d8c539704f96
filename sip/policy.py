"""What a user agent asks its owner about peers: who they are, and where they may lead."""

from typing import Final, Literal, NamedTuple, Protocol

from .hop import Hop
from .message.message import Fields, Request


class Authenticated(NamedTuple):
    """The INVITE is accepted: its credentials are those of the peer that the owner calls so."""

    peer: str


class Challenged(NamedTuple):
    """The INVITE is answered by one 401 with these header fields, and no state is kept."""

    headers: Fields


Admission = Literal["accept", "refuse", "ignore"] | Authenticated | Challenged
"""What becomes of an INVITE that would begin a call. "refuse" is one 403 that keeps no state;
"ignore" is no answer at all."""


SESSION_EXPIRES_S: Final = 1800
"""The session interval that RFC 4028 section 4 recommends."""


class PeerPolicy(Protocol):
    """What the owner knows of peers by their addresses."""

    def is_known(self, host: str) -> bool:
        """Whether this is the address of a configured peer. Others are unknown sources: all of
        them share a small part of our time, and no response to them is larger than its request."""

    def known_name(self, names: tuple[str, ...]) -> str | None:
        """Which of the names of a verified TLS certificate is a configured peer's; None: none."""

    def admits(self, invite: Request, source: Hop, now: float) -> Admission:
        """What becomes of an INVITE from `source` that would begin a call."""

    def session_expires_s(self, peer: Hop, name: str = "") -> int:
        """The session interval to ask a peer for, in seconds (RFC 4028); 0 for none.

        `name` is that of Authenticated, where credentials say who the peer is.
        """

    def may_reach(self, hop: Hop, peer: Hop) -> bool:
        """Whether requests of a dialog with `peer` may be sent to `hop`, as its Contact or
        Record-Route wants. Otherwise they go to `peer`."""

    def may_get_media(self, host: str, peer_host: str) -> bool:
        """Whether RTP may be sent to `host`, as the SDP of a peer at `peer_host` wants, before
        any RTP has come from there."""


class EveryPeer:
    """Knows and admits everybody."""

    def is_known(self, host: str) -> bool:
        """See PeerPolicy."""
        return True

    def known_name(self, names: tuple[str, ...]) -> str | None:
        """See PeerPolicy."""
        return None

    def admits(self, invite: Request, source: Hop, now: float) -> Admission:
        """See PeerPolicy."""
        return "accept"

    def session_expires_s(self, peer: Hop, name: str = "") -> int:
        """See PeerPolicy."""
        return SESSION_EXPIRES_S

    def may_reach(self, hop: Hop, peer: Hop) -> bool:
        """See PeerPolicy."""
        return True

    def may_get_media(self, host: str, peer_host: str) -> bool:
        """See PeerPolicy."""
        return True
