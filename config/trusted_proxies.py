"""Networks of proxies that say where a client is, and what they say."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

Address = IPv4Address | IPv6Address


class TrustedProxies:
    """The proxies in these networks. What anybody else says of where a client is, is not heard."""

    def __init__(self, networks: Sequence[str]) -> None:
        self._networks = [ip_network(one) for one in networks]

    def has(self, host: str) -> bool:
        """Whether this numeric address is a proxy's."""
        return self._has(plain_address(host))

    def client(self, peer: str, forwarded_for: Sequence[str]) -> Address:
        """The address of who speaks through `peer`: the last one that no trusted proxy has.

        `forwarded_for` are the values of X-Forwarded-For. Anything in it that is no address ends
        the search, for only what a trusted proxy added can be believed.
        """
        address = plain_address(peer)
        chain = [one.strip() for value in forwarded_for for one in value.split(",")]
        while chain and self._has(address):
            try:
                address = plain_address(chain.pop().strip("[]"))
            except ValueError:
                break
        return address

    def _has(self, address: Address) -> bool:
        return any(address in network for network in self._networks)


def plain_address(host: str) -> Address:
    """Without the zone of a link; an IPv4 address that is written as IPv6 is itself."""
    address = ip_address(host.partition("%")[0])
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
