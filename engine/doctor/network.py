"""Addresses and ports that the configuration names, and the names of trunks in DNS."""

import errno
import ipaddress
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import dns.exception
import dns.resolver

from config.all_sections import AllSections
from config.sections import Media
from config.value_checks.addresses import address_and_port, split_host_port
from sip.message.uri import SipUri, parse_uri
from sip.transport.dns.hosts_file import HostsFile

from .finding import Finding

DNS_S: Final = 3.0
PORTS_OF_A_CALL: Final = 4
_UDP = socket.SOCK_DGRAM


def address_findings(settings: AllSections, *, is_running: bool) -> Iterator[Finding]:
    """Whether each address may be listened on. Those that a running engine has are its own."""
    for key, text, kind, place in _listened_on(settings):
        number = why_not_bound(*split_host_port(place), kind)
        if number is None:
            yield Finding(key, "ok", f"{text} is free.")
        elif number == errno.EADDRINUSE and is_running:
            yield Finding(key, "ok", f"{text} is in use, as an engine runs.")
        else:
            yield Finding(key, "fault", f"{text}: {_words(number)}.", _advice(number, text))


def _listened_on(
    settings: AllSections,
) -> Iterator[tuple[str, str, socket.SocketKind, str]]:
    """Each address: its key, how it is written, the kind of its socket, host and port."""
    listens = [(f"sip.listen[{nth}]", text) for nth, text in enumerate(settings.sip.listen)]
    for index, trunk in enumerate(settings.trunks):
        key = f"trunks[{index}].listen"
        listens += [(f"{key}[{nth}]", text) for nth, text in enumerate(trunk.listen)]
    for key, text in listens:
        transport, _, place = text.partition(":")
        yield key, text, _UDP if transport == "udp" else socket.SOCK_STREAM, place
    for key, text in (("control.tcp", settings.control.tcp),
                      ("metrics.listen", settings.metrics.listen)):  # fmt: skip
        if text:
            yield key, text, socket.SOCK_STREAM, text


def why_not_bound(host: str, port: int, kind: socket.SocketKind) -> int | None:
    """The errno where a socket of this kind cannot be bound there; None where it can."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with closing(socket.socket(family, kind)) as bound:
            if kind != _UDP:
                bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind((host, port))
    except OSError as error:
        return error.errno or errno.EIO
    return None


def _words(number: int) -> str:
    return {
        errno.EADDRINUSE: "it is in use by another program",
        errno.EACCES: "this user may not listen below port 1024",
        errno.EADDRNOTAVAIL: "this machine does not have that address",
    }.get(number, errno.errorcode.get(number, str(number)))


def _advice(number: int, text: str) -> str:
    if number == errno.EADDRINUSE:
        return f"ss -lunpt | grep ':{text.rpartition(':')[2]} ' names the program; or take another."
    if number == errno.EACCES:
        return "Take a port from 1024 on, or add CAP_NET_BIND_SERVICE to the unit."
    return "ip addr shows the addresses there are; 0.0.0.0 is all of them."


# -- the ports of media ---------------------------------------------------------------------------


def port_findings(
    media: Media, max_calls: int, root: Path = Path("/"), *, is_running: bool
) -> Iterator[Finding]:
    """Whether there are enough ports for media, and who else may take some of them."""
    first, last = media.ports
    room = (last - first + 1) // PORTS_OF_A_CALL
    what = f"Ports {first} to {last} are for {room} calls at once"
    if room < max_calls:
        advice = "Have more media.ports, or lower dial.max_calls."
        yield Finding(
            "media.ports", "warning", f"{what}, and dial.max_calls is {max_calls}.", advice
        )
    else:
        yield Finding("media.ports", "ok", f"{what}.")
    yield from _taken_by_the_kernel(first, last, root)
    if is_running:
        return  # it has opened most of them itself
    number = why_not_bound(media.address, 0, _UDP)
    if number is not None:
        what = f"{media.address}: {_words(number)}."
        yield Finding("media.address", "fault", what, _advice(number, media.address))
        return
    taken = [
        port for port in range(first, last + 1)
        if why_not_bound(media.address, port, _UDP) == errno.EADDRINUSE
    ]  # fmt: skip
    if taken:
        what = f"{len(taken)} of the ports are in use, such as {taken[0]}: they are left out."
        yield Finding("media.ports", "note", what, "ss -lunp names who has them.")


def _taken_by_the_kernel(first: int, last: int, root: Path) -> Iterator[Finding]:
    """Ports that the kernel gives to any program that asks for one."""
    try:
        lowest, highest = map(
            int, (root / "proc/sys/net/ipv4/ip_local_port_range").read_text().split()
        )
        reserved = (root / "proc/sys/net/ipv4/ip_local_reserved_ports").read_text().strip()
    except (OSError, ValueError):
        return
    overlap = max(first, lowest), min(last, highest)
    if overlap[0] > overlap[1] or _covers(reserved, *overlap):
        return
    yield Finding(
        "media.ports",
        "note",
        f"Ports {overlap[0]} to {overlap[1]} are also given to programs that ask for any port.",
        f"sysctl -w net.ipv4.ip_local_reserved_ports={first}-{last}",
    )


def _covers(reserved: str, first: int, last: int) -> bool:
    for part in filter(None, reserved.split(",")):
        low, _, high = part.partition("-")
        if int(low) <= first and last <= int(high or low):
            return True
    return False


# -- names ----------------------------------------------------------------------------------------

Ask = Callable[[str, str], list[str]]
"""The answers to a question of DNS: name, type. Raises DNSException; [] where there are none."""


def name_findings(settings: AllSections, ask: Ask | None = None) -> Iterator[Finding]:
    """Whether each name of a trunk has an address, by SRV or A and AAAA."""
    ask = ask or _asking(settings.sip.dns)
    names = dict.fromkeys(host for trunk in settings.trunks for host in _names_of(trunk.sent_to))
    for name in names:
        try:
            found = _addresses_of(name, ask)
        except dns.exception.DNSException as error:
            yield Finding(
                "names",
                "fault",
                f"{name} cannot be looked up: {error}.",
                "See the name servers in /etc/resolv.conf, or name others in sip.dns.",
            )
            continue
        if found:
            yield Finding("names", "ok", f"{name} is at {', '.join(found[:4])}.")
        else:
            yield Finding(
                "names",
                "fault",
                f"{name} has no address: calls to it fail.",
                "Correct the uri or hosts of the trunk, or its records SRV, A and AAAA.",
            )


def _names_of(uris: Iterable[str]) -> Iterator[str]:
    for text in uris:
        uri = parse_uri(text)
        if isinstance(uri, SipUri):
            try:
                ipaddress.ip_address(uri.host.strip("[]"))
            except ValueError:
                yield uri.host


def _addresses_of(name: str, ask: Ask) -> list[str]:
    targets = [
        target for service in ("_sip._udp", "_sip._tcp", "_sips._tcp")
        for target in ask(f"{service}.{name}", "SRV")
    ]  # fmt: skip
    hosts = dict.fromkeys(target.split()[-1] for target in targets) or [name]
    return [address for host in hosts for kind in ("A", "AAAA") for address in ask(host, kind)]


def _asking(name_servers: Iterable[str]) -> Ask:
    """Ask these name servers, else those of /etc/resolv.conf; /etc/hosts goes before them."""
    try:
        resolver = dns.resolver.Resolver()
    except dns.resolver.NoResolverConfiguration:  # each name is a fault then
        resolver = dns.resolver.Resolver(configure=False)
    servers = [address_and_port(text) for text in name_servers]
    if servers:
        resolver.nameservers = [host for host, _port in servers]
        resolver.nameserver_ports = dict(servers)
    resolver.lifetime = DNS_S
    hosts = HostsFile()

    def ask(name: str, kind: str) -> list[str]:
        if kind == "A" and (here := hosts.addresses(name)):
            return list(here)
        try:
            return [str(one) for one in resolver.resolve(name, kind, search=False)]
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []

    return ask
