"""Addresses: which are listened on, by which protocols, and what needs them."""

from collections.abc import Iterable, Iterator

from ..all_sections import AllSections
from ..errors import Fault
from ..value_checks.sip_uris import browser_of, host_of, is_sip_uri, uses_tls

EVERYWHERE = ("0.0.0.0", "::")


def check_addresses(settings: AllSections) -> Iterator[Fault]:
    """Media goes to an address that phones can send to."""
    media = settings.media
    if media.address in EVERYWHERE and not media.advertise:
        yield Fault(
            "media.address",
            f"{media.address} is no address that phones can send to; media.advertise says which",
        )


def check_tls(settings: AllSections) -> Iterator[Fault]:
    """Where TLS is listened on there is a certificate; without a listener nobody could answer."""
    listening = [("sip.tls.cert", "sip.listen", settings.sip.listen, settings.sip.tls.cert)]
    for index, trunk in enumerate(settings.trunks):
        own = trunk.tls_cert or settings.sip.tls.cert
        listening.append((f"trunks[{index}].tls_cert", "its listen", trunk.listen, own))
    for key, where, listen, cert in listening:
        secure = [text for text in listen if text.startswith(("tls:", "wss:"))]
        if not cert and secure:
            yield Fault(key, f"needed with a {secure[0].partition(':')[0]}: address in {where}")
    called = [
        (f"agents[{index}].{key}", uri, False)
        for index, agent in enumerate(settings.agents)
        for key, uri in agent.given_uris
    ]
    hosts_with_own: set[str] = set()
    for index, trunk in enumerate(settings.trunks):
        has_own = _has_tls(trunk.listen)
        if has_own:
            hosts_with_own |= trunk.host_names
        key = f"trunks[{index}]"
        if not trunk.hosts:  # the first of them is its uri otherwise
            called.append((f"{key}.uri", trunk.uri, has_own))
        called.append((f"{key}.outbound_proxy", trunk.outbound_proxy, has_own))
        for number, uri in enumerate(trunk.host_uris):
            called.append((f"{key}.hosts[{number}]", uri, has_own))
        for number, uri in enumerate(trunk.route_uris):
            called.append((f"{key}.route[{number}]", uri, has_own))
        if trunk.tls_names and not settings.sip.tls.verify_client:
            yield Fault(
                f"trunks[{index}].tls_names",
                "needs sip.tls.verify_client, or nobody shows a certificate",
            )
    for key, outside in outside_numbers(settings):
        if is_sip_uri(outside):
            called.append((key, outside, host_of(outside) in hosts_with_own))
    for index, host in enumerate(settings.dial.allow_hosts):
        called.append((f"dial.allow_hosts[{index}]", f"sip:{host}", bool(hosts_with_own)))
    if not _has_tls(settings.sip.listen):
        for key, uri, has_own in called:
            if uses_tls(uri) and not has_own:
                yield Fault(key, "needs TLS, and sip.listen has no tls: address to be answered at")


def _has_tls(listen: Iterable[str]) -> bool:
    """Whether one of the addresses is for TLS, browsers aside."""
    return any(text.startswith("tls:") for text in listen)


def listens_to_browsers(settings: AllSections) -> bool:
    """Whether there is an address that browsers can connect to."""
    own = (text for trunk in settings.trunks for text in trunk.listen)
    return any(text.startswith(("ws:", "wss:")) for text in (*settings.sip.listen, *own))


def check_browsers(settings: AllSections) -> Iterator[Fault]:
    """A browser that an agent is reached at can sign in."""
    listens = listens_to_browsers(settings)
    with_token = {right.agent for right in settings.rights if right.token.get_secret_value()}
    for index, agent in enumerate(settings.agents):
        for uri_key, text in agent.given_uris:
            key, name = f"agents[{index}].{uri_key}", browser_of(text)
            if name is None:
                continue
            if name != agent.name:
                yield Fault(key, f"is the browser of another: webrtc:{agent.name} is theirs")
            elif not listens:
                yield Fault(key, "needs a ws: or wss: address in sip.listen")
            elif name not in with_token:
                yield Fault(key, "needs a [[rights]] with this agent and a token, to sign in with")


def check_outside(settings: AllSections) -> Iterator[Fault]:
    """A host or number outside is one that may be called."""
    hosts = {host_of(f"sip:{host}") for host in settings.dial.allow_hosts}
    hosts = hosts.union(*(trunk.host_names for trunk in settings.trunks))
    for key, outside in outside_numbers(settings):
        if is_sip_uri(outside):
            if host_of(outside) not in hosts:
                yield Fault(key, f"host {host_of(outside)!r} is not in dial.allow_hosts")
        elif outside.startswith("+"):
            number = "+" + "".join(filter(str.isdigit, outside))
            if not any(number.startswith(route.prefix) for route in settings.routes):
                yield Fault(key, f"no route takes {number}")


def outside_numbers(settings: AllSections) -> Iterator[tuple[str, str]]:
    """Every number or sip: URI outside that takes calls, and its key."""
    for index, centre in enumerate(settings.centres):
        if centre.number:
            yield f"centres[{index}].number", centre.number
    for index, queue in enumerate(settings.queues):
        for where, step in queue.overflows:
            if step.number:
                yield f"queues[{index}].{where}.number", step.number
    for index, script in enumerate(settings.scripts):
        for nth, one in enumerate(script.steps):
            if one.kind == "transfer" and one.number:
                yield f"scripts[{index}].steps[{nth}].number", one.number
