"""The hosts of one trunk: where requests are sent, what they name, and in which order.

`uri` of a trunk is its name: the host in request URIs. `hosts` are where requests are sent, in
place of where `uri` leads. Where `uri` is one of them, or was left out, each host is called by its
own name. An outbound proxy is sent every request, and finds the host by the Route (RFC 3261 8.1.2).
"""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from config.settings import Trunk
from sip.message.uri import SipUri
from sip.registration.registration import RegistrarHost
from sip.transport.dns.records import Srv
from sip.transport.dns.srv_order import in_order

from ..permitted_host import sip_uri


@dataclass(frozen=True, slots=True)
class TrunkHost:
    """One host of a trunk. `name` is the URI by which it is known in events and in `trunk.get`.

    Requests name `domain`, have the values of `route`, and are sent where `sent_to` leads.
    """

    name: str
    domain: SipUri
    sent_to: str
    route: tuple[str, ...] = ()
    priority: int = 1
    weight: int = 1

    def uri_of(self, user: str) -> str:
        """The URI of a user, or of a number, as requests by this host name it."""
        domain = self.domain
        return str(
            SipUri(
                scheme=domain.scheme, user=user, password=None, host=domain.host,
                port=domain.port, params=dict(domain.params), headers={},
            )
        )  # fmt: skip

    def registrar(self, user: str) -> RegistrarHost:
        """How the account of `user` is registered there."""
        return RegistrarHost(
            registrar=str(self.domain),
            aor=str(SipUri("sip", self.domain.host, user)),
            sent_to=self.sent_to,
            route=self.route,
            name=self.name,
        )


def hosts_of(trunk: Trunk) -> tuple[TrunkHost, ...]:
    """The hosts of a trunk, in the order of the configuration; at least one.

    Raises ParseError for a trunk that has no sip: URI.
    """
    domain = sip_uri(trunk.uri)
    proxy = (_loose(trunk.outbound_proxy),) if trunk.outbound_proxy else ()
    route = tuple(trunk.route)
    if not trunk.hosts:
        return (TrunkHost(trunk.uri, domain, trunk.sent_to[0], proxy + route),)
    uris = [sip_uri(uri) for uri in trunk.host_uris]
    is_named_alone = any(uri.address == domain.address for uri in uris)
    found = []
    for text, uri, set_ in zip(trunk.host_uris, uris, trunk.hosts, strict=True):
        via_host = proxy + ((_loose(text),) if proxy and not is_named_alone else ())
        found.append(
            TrunkHost(
                name=text,
                domain=uri if is_named_alone else domain,
                sent_to=trunk.outbound_proxy or text,
                route=via_host + route,
                priority=set_.priority,
                weight=set_.weight,
            )
        )
    return tuple(found)


def in_turn(
    hosts: Iterable[TrunkHost], rng: random.Random, is_down: Callable[[str], bool]
) -> list[TrunkHost]:
    """The hosts in the order in which to try them: by priority, then by chance by weight
    (RFC 2782). Those that are down are left out, unless all are."""
    known = list(hosts)
    drawn = in_order(
        [Srv(one.priority, one.weight, number, "") for number, one in enumerate(known)], rng
    )
    ordered = [known[record.port] for record in drawn]
    return [one for one in ordered if not is_down(one.name)] or ordered


def _loose(uri: str) -> str:
    """The value of Route by which a proxy is asked to send a request on (RFC 3261 16.12)."""
    bare = sip_uri(uri)
    proxy = SipUri(
        bare.scheme, bare.host, bare.user, None, bare.port, {**bare.params, "lr": None}, {}
    )
    return f"<{proxy}>"
