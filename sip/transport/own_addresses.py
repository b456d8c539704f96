"""Our own addresses, as the peers of each transport see them."""

from collections.abc import Callable

from ..hop import Hop


class OwnAddresses:
    """Where messages to and from each peer leave and arrive.

    `of_connection` gives our own end of the connection to a peer; None while there is none.
    """

    def __init__(self, of_connection: Callable[[Hop], tuple[str, int] | None]) -> None:
        self._of_connection = of_connection
        self._bound: dict[tuple[str, bool, str], Hop] = {}

    def add_address(self, hop: Hop) -> None:
        """We listen there. The first address of each transport and family is the one used, for the
        peers of one trunk (`local`) or for all."""
        self._bound.setdefault((hop.transport, ":" in hop.host, hop.local), hop)

    def towards(self, peer: Hop) -> Hop:
        """The address by which `peer` is sent to, or has sent to us.

        Its port is 0 where a connection is only being opened: the kernel has yet to choose.
        """
        is_ipv6 = ":" in peer.host
        bound = self._bound.get((peer.transport, is_ipv6, peer.local))
        if bound is None and peer.local:
            bound = self._bound.get((peer.transport, is_ipv6, ""))
        if peer.transport == "udp":
            if bound is not None:
                return bound
        elif (address := self._of_connection(peer)) is not None:
            return Hop(peer.transport, *address)
        host = bound.host if bound is not None else "::" if is_ipv6 else "0.0.0.0"
        return Hop(peer.transport, host, 0)
