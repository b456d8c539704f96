"""Where a request comes from, behind proxies too, and which addresses count as one."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import structlog

log = structlog.get_logger()

Address = IPv4Address | IPv6Address

# What one visitor has to themselves, and what one provider gives out, by version of IP.
_ONE_VISITOR = {4: 32, 6: 64}
_ONE_NETWORK = {4: 24, 6: 48}


class ClientAddresses:
    """Finds the address of a visitor. `proxies` are the networks whose X-Forwarded-For counts."""

    def __init__(self, proxies: Sequence[str]) -> None:
        self._proxies = [ip_network(one) for one in proxies]
        self._is_told = False

    def of(self, peer: str, forwarded_for: Sequence[str]) -> Address:
        """The address of who asked `peer`: the last one that no trusted proxy has.

        `forwarded_for` are the values of X-Forwarded-For. Anything in it that is no address ends
        the search, for only what a trusted proxy added can be believed.
        """
        address = _plain(ip_address(peer.partition("%")[0]))
        chain = [one.strip() for value in forwarded_for for one in value.split(",")]
        while chain and self._is_proxy(address):
            try:
                address = _plain(ip_address(chain.pop().strip("[]")))
            except ValueError:
                break
        if chain and address.is_private and not self._is_told:
            # Behind a proxy of which nobody has told, all visitors would be one.
            self._is_told = True
            log.warning(
                "X-Forwarded-For is not believed",
                of=str(address),
                hint="web.trusted_proxies names the proxies that say where visitors are",
            )
        return address

    def _is_proxy(self, address: Address) -> bool:
        return any(address in network for network in self._proxies)


def _plain(address: Address) -> Address:
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def one_visitor(address: Address) -> str:
    """What counts as one address: a whole /64 of IPv6, for each visitor has one."""
    return _within(address, _ONE_VISITOR[address.version])


def one_network(address: Address) -> str:
    """What counts as one network: a /24 of IPv4, a /48 of IPv6."""
    return _within(address, _ONE_NETWORK[address.version])


def _within(address: Address, bits: int) -> str:
    return str(ip_network(f"{address}/{bits}", strict=False))
