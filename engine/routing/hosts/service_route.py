"""How a call leaves for a trunk: to which of its hosts, and by which Route headers.

A registrar may want calls to go by its Service-Route (RFC 3608): it follows what is configured.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sip.events import Binding
from sip.hop import Hop
from sip.message.name_addr import parse_name_addr
from sip.message.uri import SipUri

from ..permitted_host import place_of
from .trunk_hosts import TrunkHost


@dataclass(frozen=True, slots=True)
class TrunkRoute:
    """One route to a trunk. Where `named_by` is set, the peer there has named `sent_to`: what that
    leads to is used where its requests may lead there, and otherwise that peer."""

    host: TrunkHost
    sent_to: str
    route: tuple[str, ...]
    named_by: Hop | None = None


def routes_by(hosts: Sequence[TrunkHost], binding: Binding | None) -> list[TrunkRoute]:
    """The routes by these hosts, in their order. With a Service-Route, the host that gave it is
    first: others need not know that route."""
    if binding is None or not binding.service_route:
        return [TrunkRoute(host, host.sent_to, host.route) for host in hosts]
    found = []
    for host in sorted(hosts, key=lambda host: host.name != binding.host):
        if host.name == binding.host:
            found.append(_by_service_route(host, binding))
        else:
            found.append(TrunkRoute(host, host.sent_to, host.route))
    return found


def _by_service_route(host: TrunkHost, binding: Binding) -> TrunkRoute:
    first, *others = binding.service_route
    if not host.route:
        return TrunkRoute(host, str(_uri_of(first)), binding.service_route, binding.hop)
    if place_of(_uri_of(host.route[-1])) == place_of(_uri_of(first)):
        return TrunkRoute(host, host.sent_to, (*host.route, *others))
    return TrunkRoute(host, host.sent_to, (*host.route, *binding.service_route))


def _uri_of(route: str) -> SipUri:
    uri = parse_name_addr(route).uri
    assert isinstance(uri, SipUri)
    return uri
