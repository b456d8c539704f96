"""Where a request comes from, behind proxies too, and which addresses count as one."""

from collections.abc import Sequence
from ipaddress import ip_network

import structlog

from config.trusted_proxies import Address, TrustedProxies

log = structlog.get_logger()

# What one visitor has to themselves, and what one provider gives out, by version of IP.
_ONE_VISITOR = {4: 32, 6: 64}
_ONE_NETWORK = {4: 24, 6: 48}


class ClientAddresses:
    """Finds the address of a visitor. `proxies` are the networks whose X-Forwarded-For counts."""

    def __init__(self, proxies: Sequence[str]) -> None:
        self._proxies = TrustedProxies(proxies)
        self._is_told = False

    def of(self, peer: str, forwarded_for: Sequence[str]) -> Address:
        """The address of who asked `peer`. `forwarded_for` are the values of X-Forwarded-For."""
        address = self._proxies.client(peer, forwarded_for)
        is_unheard = bool(forwarded_for) and not self._proxies.has(peer)
        if is_unheard and address.is_private and not self._is_told:
            # Behind a proxy of which nobody has told, all visitors would be one.
            self._is_told = True
            log.warning(
                "X-Forwarded-For is not believed",
                of=str(address),
                hint="web.trusted_proxies names the proxies that say where visitors are",
            )
        return address


def one_visitor(address: Address) -> str:
    """What counts as one address: a whole /64 of IPv6, for each visitor has one."""
    return _within(address, _ONE_VISITOR[address.version])


def one_network(address: Address) -> str:
    """What counts as one network: a /24 of IPv4, a /48 of IPv6."""
    return _within(address, _ONE_NETWORK[address.version])


def _within(address: Address, bits: int) -> str:
    return str(ip_network(f"{address}/{bits}", strict=False))
