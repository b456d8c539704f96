"""What SIP asks the engine about peers: who is one, whose calls are taken, where calls may lead."""

from collections.abc import Callable

from sip.hop import Hop
from sip.message.message import Request
from sip.policy import Admission

from ..routing.peers import Peers


class SipPolicy:
    """The PeerPolicy of the engine. `admits` decides on each INVITE that would begin a call.

    `session_expires_s` has the session interval of calls by a trunk, or of those by none.
    """

    def __init__(
        self,
        peers: Peers,
        admits: Callable[[Request, Hop, float], Admission],
        session_expires_s: Callable[[str | None], int],
    ) -> None:
        self._peers = peers
        self._admits = admits
        self._session_expires_s = session_expires_s

    def is_known(self, host: str) -> bool:
        """See PeerPolicy."""
        return self._peers.is_known(host)

    def known_name(self, names: tuple[str, ...]) -> str | None:
        """See PeerPolicy."""
        return self._peers.known_name(names)

    def admits(self, invite: Request, source: Hop, now: float) -> Admission:
        """See PeerPolicy."""
        return self._admits(invite, source, now)

    def session_expires_s(self, peer: Hop, name: str = "") -> int:
        """See PeerPolicy."""
        return self._session_expires_s(name or self._peers.trunk_of(peer))

    def may_reach(self, hop: Hop, peer: Hop) -> bool:
        """See PeerPolicy."""
        return self._peers.may_reach(hop, peer)

    def may_get_media(self, host: str, peer_host: str) -> bool:
        """See PeerPolicy."""
        return self._peers.may_get_media(host, peer_host)
