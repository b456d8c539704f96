"""Where URIs lead (RFC 3263)."""

import asyncio
import random
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest

from sip.errors import ParseError
from sip.hop import Hop
from sip.message.uri import parse_uri
from sip.transport.dns.hosts_file import HostsFile
from sip.transport.dns.lookups import Lookups
from sip.transport.dns.records import Answer, Kind, NameServiceError, Naptr, Record, Srv
from sip.transport.resolver import Family, ResolutionFailed, Resolver
from tests.support import virtual_loop

T = TypeVar("T")

Zone = dict[tuple[str, str], tuple[Record, ...]]

PBX: Zone = {("pbx.example", "A"): ("192.0.2.7",), ("pbx.example", "AAAA"): ("2001:db8::7",)}


class NameService:
    """Answers from a zone. A name of `silent` is never answered."""

    def __init__(self, zone: Zone, silent: tuple[str, ...] = ()) -> None:
        self.zone = zone
        self.silent = silent
        self.asked: list[tuple[str, str]] = []

    async def ask(self, name: str, kind: Kind, limit_s: float) -> Answer:
        self.asked.append((name, kind))
        if name in self.silent:
            await asyncio.sleep(limit_s)
            raise NameServiceError(f"{name}: no answer from the name service")
        return Answer(self.zone.get((name, kind), ()), 60.0)


def run(main: Coroutine[Any, Any, T]) -> T:
    return virtual_loop.run(main)


def resolver(
    service: NameService, families: tuple[Family, ...] = ("ipv4",), seed: int = 1
) -> Resolver:
    lookups = Lookups(service.ask, HostsFile("/nonexistent"))
    return Resolver(lookups, families=families, rng=random.Random(seed))


def hops(
    text: str,
    zone: Zone | None = None,
    *,
    near: Hop | None = None,
    families: tuple[Family, ...] = ("ipv4",),
    silent: tuple[str, ...] = (),
    seed: int = 1,
) -> list[str]:
    service = NameService(zone or {}, silent)

    async def main() -> list[str]:
        found = await resolver(service, families, seed).hops_of(parse_uri(text), near)
        return [str(hop) for hop in found]

    return run(main())


@pytest.mark.parametrize(
    ("uri", "hop"),
    [
        ("sip:a@192.0.2.1", "udp:192.0.2.1:5060"),
        ("sip:a@192.0.2.1:5070;transport=tcp", "tcp:192.0.2.1:5070"),
        ("sip:[2001:db8::1]", "udp:[2001:db8::1]:5060"),
        ("sip:a@localhost:5099", "udp:127.0.0.1:5099"),
        ("sip:a@192.0.2.1:5060;maddr=pbx.example", "udp:192.0.2.7:5060"),
    ],
)
def test_uri_resolves_to_hop(uri: str, hop: str) -> None:
    assert hops(uri, PBX) == [hop]


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("tel:+44123", "not a SIP URI"),
        ("sips:a@192.0.2.1;transport=udp", "udp is not supported by a sips: URI"),
        ("sip:a@192.0.2.1;transport=sctp", "sctp"),
        ("sip:a@nowhere.example", "nowhere.example has no address"),
    ],
)
def test_unresolvable_uri(uri: str, reason: str) -> None:
    with pytest.raises(ResolutionFailed, match=reason):
        hops(uri)


def test_text_that_is_not_a_uri() -> None:
    with pytest.raises(ParseError):
        run(resolver(NameService({})).hops("alice"))


def test_every_address_of_a_name_is_found() -> None:
    zone: Zone = {("pbx.example", "A"): ("192.0.2.7", "192.0.2.8")}
    assert hops("sip:pbx.example:5070", zone) == ["udp:192.0.2.7:5070", "udp:192.0.2.8:5070"]


def test_a_name_leads_to_addresses_that_we_can_reach() -> None:
    assert hops("sip:pbx.example:5060", PBX) == ["udp:192.0.2.7:5060"]
    assert hops("sip:pbx.example:5060", PBX, families=("ipv6",)) == ["udp:[2001:db8::7]:5060"]
    both = hops("sip:pbx.example:5060", PBX, families=("ipv4", "ipv6"))
    assert both == ["udp:192.0.2.7:5060", "udp:[2001:db8::7]:5060"]


@pytest.mark.parametrize(
    ("uri", "near", "first"),
    [
        ("sip:pbx.example", Hop("tcp", "192.0.2.1", 40000), "tcp:192.0.2.7:5060"),
        ("sip:pbx.example:5070", Hop("udp", "::1", 5060), "udp:[2001:db8::7]:5070"),
        ("sip:pbx.example;transport=udp", Hop("tcp", "192.0.2.1", 4), "udp:192.0.2.7:5060"),
        ("sip:192.0.2.3", Hop("tcp", "192.0.2.1", 40000), "tcp:192.0.2.3:5060"),
    ],
)
def test_missing_transport_and_family_are_those_of_the_peer(
    uri: str, near: Hop, first: str
) -> None:
    assert hops(uri, PBX, near=near, families=("ipv4", "ipv6"))[0] == first


# -- SRV and NAPTR --------------------------------------------------------------------------------

SERVERS: Zone = {
    ("_sip._udp.example", "SRV"): (
        Srv(20, 0, 5062, "backup.example"),
        Srv(10, 60, 5060, "a.example"),
        Srv(10, 40, 5061, "b.example"),
    ),
    ("a.example", "A"): ("192.0.2.1",),
    ("b.example", "A"): ("192.0.2.2",),
    ("backup.example", "A"): ("192.0.2.3",),
}


def test_srv_gives_servers_and_ports_by_priority_and_weight() -> None:
    orders = {tuple(hops("sip:example", SERVERS, seed=seed)) for seed in range(40)}
    a, b, backup = "udp:192.0.2.1:5060", "udp:192.0.2.2:5061", "udp:192.0.2.3:5062"
    assert orders == {(a, b, backup), (b, a, backup)}


def test_a_port_in_the_uri_needs_no_srv() -> None:
    zone = {**SERVERS, ("example", "A"): ("192.0.2.9",)}
    assert hops("sip:example:5060", zone) == ["udp:192.0.2.9:5060"]


def test_srv_records_choose_the_transport_where_nothing_else_does() -> None:
    zone: Zone = {
        ("_sip._tcp.example", "SRV"): (Srv(1, 1, 5080, "a.example"),),
        ("a.example", "A"): ("192.0.2.1",),
    }
    assert hops("sip:example", zone) == ["tcp:192.0.2.1:5080"]
    # The URI names a transport that has no record: it is the host of that name.
    with pytest.raises(ResolutionFailed):
        hops("sip:example;transport=udp", zone)


def test_naptr_chooses_the_transport_and_the_name_of_the_records() -> None:
    zone: Zone = {
        ("example", "NAPTR"): (
            Naptr(50, 50, "s", "SIPS+D2T", "_sips._tcp.example"),
            Naptr(100, 50, "s", "SIP+D2U", "_sip._udp.example"),
            Naptr(90, 50, "S", "sip+d2t", "_sip._tcp.elsewhere.example"),
        ),
        ("_sip._tcp.elsewhere.example", "SRV"): (Srv(1, 1, 5080, "t.example"),),
        ("t.example", "A"): ("192.0.2.20",),
        **SERVERS,
    }
    found = hops("sip:example", zone)
    assert found[0] == "tcp:192.0.2.20:5080"
    assert len(found) == 4  # those over UDP follow


def test_a_domain_without_records_is_a_host() -> None:
    assert hops("sip:pbx.example", PBX) == ["udp:192.0.2.7:5060"]


def test_a_domain_that_offers_no_service_is_not_tried() -> None:
    zone: Zone = {
        ("_sip._udp.example", "SRV"): (Srv(0, 0, 0, ""),),
        ("example", "A"): ("192.0.2.9",),
    }
    with pytest.raises(ResolutionFailed, match="offers no SIP service"):
        hops("sip:example", zone)


def test_a_target_that_is_an_address_is_used() -> None:
    zone: Zone = {("_sip._udp.example", "SRV"): (Srv(0, 0, 5060, "192.0.2.50"),)}
    assert hops("sip:example", zone) == ["udp:192.0.2.50:5060"]


def test_a_server_without_address_is_left_out() -> None:
    zone = {key: value for key, value in SERVERS.items() if key[0] != "a.example"}
    assert hops("sip:example", zone) == ["udp:192.0.2.2:5061", "udp:192.0.2.3:5062"]


def test_a_thousand_records_are_not_all_tried() -> None:
    zone: Zone = {
        ("_sip._udp.example", "SRV"): tuple(
            Srv(number, 0, 5060, f"s{number}.example") for number in range(1_000)
        ),
        **{(f"s{number}.example", "A"): (f"10.0.0.{number % 250}",) for number in range(1_000)},
    }
    assert hops("sip:example", zone) == [f"udp:10.0.0.{number}:5060" for number in range(8)]
    zone = {("example", "A"): tuple(f"10.0.0.{number}" for number in range(250))}
    assert len(hops("sip:example:5060", zone)) == 16


# -- a name service that stalls -------------------------------------------------------------------


def test_name_service_without_answer_times_out() -> None:
    with pytest.raises(ResolutionFailed, match="no answer from the name service"):
        hops("sip:stall.example:5060", silent=("stall.example",))


def test_servers_that_are_not_answered_for_cost_two_seconds_once() -> None:
    silent = ("pbx.example", "_sip._udp.pbx.example", "_sip._tcp.pbx.example")

    class NoServices(NameService):
        async def ask(self, name: str, kind: Kind, limit_s: float) -> Answer:
            if kind in ("SRV", "NAPTR"):
                return await super().ask(name, kind, limit_s)
            return Answer(self.zone.get((name, kind), ()), 1.0)

    async def main() -> list[float]:
        loop, under_test, took = asyncio.get_running_loop(), resolver(NoServices(PBX, silent)), []
        for _ in range(3):
            began = loop.time()
            (hop,) = await under_test.hops("sip:pbx.example")
            assert hop == Hop("udp", "192.0.2.7", 5060)
            took.append(loop.time() - began)
            await asyncio.sleep(10)
        return took

    first, *later = run(main())
    assert first <= 2.0
    assert max(later) <= 2.0


def test_one_name_that_stalls_does_not_delay_another() -> None:
    service = NameService(PBX, ("stall.example",))

    async def main() -> float:
        under_test, loop = resolver(service), asyncio.get_running_loop()
        stalled = [
            asyncio.ensure_future(under_test.hops("sip:stall.example:5060")) for _ in range(10)
        ]
        await asyncio.sleep(0.1)
        began = loop.time()
        await under_test.hops("sip:pbx.example:5060")
        took = loop.time() - began
        results = await asyncio.gather(*stalled, return_exceptions=True)
        assert all(isinstance(result, ResolutionFailed) for result in results)
        return took

    assert run(main()) == 0.0
    assert service.asked.count(("stall.example", "A")) == 1


# -- failover -------------------------------------------------------------------------------------


def test_an_address_that_failed_is_tried_last_for_a_while() -> None:
    zone: Zone = {("pbx.example", "A"): ("192.0.2.7", "192.0.2.8")}

    async def main() -> list[list[str]]:
        under_test, found = resolver(NameService(zone)), []
        first, _ = await under_test.hops("sip:pbx.example:5060")
        under_test.resting.failed(first, asyncio.get_running_loop().time())
        for after_s in (0.0, 31.0):
            await asyncio.sleep(after_s)
            found.append([hop.host for hop in await under_test.hops("sip:pbx.example:5060")])
        return found

    assert run(main()) == [["192.0.2.8", "192.0.2.7"], ["192.0.2.7", "192.0.2.8"]]


TLS_ZONE: Zone = {
    ("_sips._tcp.example", "SRV"): (Srv(1, 1, 5099, "t.elsewhere"),),
    ("t.elsewhere", "A"): ("192.0.2.30",),
    ("example", "A"): ("192.0.2.31",),
}


@pytest.mark.parametrize(
    ("uri", "hop"),
    [
        ("sips:example", Hop("tls", "192.0.2.30", 5099, "example")),
        ("sip:example;transport=tls", Hop("tls", "192.0.2.30", 5099, "example")),
        ("sips:example:5070", Hop("tls", "192.0.2.31", 5070, "example")),
        ("sips:192.0.2.9", Hop("tls", "192.0.2.9", 5061, "192.0.2.9")),
        ("sip:192.0.2.9;transport=TLS", Hop("tls", "192.0.2.9", 5061, "192.0.2.9")),
        ("sips:[2001:db8::1];transport=tcp", Hop("tls", "2001:db8::1", 5061, "2001:db8::1")),
    ],
)
def test_tls_goes_to_the_sips_service_and_expects_the_domain(uri: str, hop: Hop) -> None:
    """Whatever host a domain's records name, its certificate has to be the domain's (RFC 5922)."""

    async def main() -> None:
        assert await resolver(NameService(TLS_ZONE)).hops(uri) == (hop,)

    run(main())


def test_naptr_leads_to_tls_where_there_is_tls() -> None:
    zone: Zone = {
        ("example", "NAPTR"): (
            Naptr(50, 50, "s", "SIPS+D2T", "_sips._tcp.example"),
            Naptr(60, 50, "s", "SIP+D2U", "_sip._udp.example"),
        ),
        ("_sip._udp.example", "SRV"): (Srv(1, 1, 5080, "t.elsewhere"),),
        **TLS_ZONE,
    }

    async def main() -> None:
        asked = resolver(NameService(zone))
        first, second = await asked.hops("sip:example")
        assert first == Hop("tls", "192.0.2.30", 5099, "example")
        assert second == Hop("udp", "192.0.2.30", 5080)
        asked.has_tls = False
        assert await asked.hops("sip:example") == (second,)
        with pytest.raises(ResolutionFailed, match="no tls: address"):
            await asked.hops("sips:example")

    run(main())


def test_a_sips_uri_is_found_by_the_naptr_records_of_tls_alone() -> None:
    zone: Zone = {
        ("example", "NAPTR"): (
            Naptr(10, 10, "s", "SIP+D2U", "_sip._udp.example"),
            Naptr(20, 10, "s", "SIPS+D2T", "_sips._tcp.carrier.example"),
        ),
        ("_sip._udp.example", "SRV"): (Srv(1, 1, 5080, "udp.example"),),
        ("udp.example", "A"): ("192.0.2.40",),
        ("_sips._tcp.carrier.example", "SRV"): (Srv(1, 1, 5098, "edge.carrier.example"),),
        ("edge.carrier.example", "A"): ("192.0.2.41",),
        **TLS_ZONE,
    }

    async def main() -> None:
        asked = resolver(NameService(zone))
        # The certificate has to be of the domain that is called, whatever its records name.
        assert await asked.hops("sips:example") == (Hop("tls", "192.0.2.41", 5098, "example"),)
        # Where the URI names its transport, no NAPTR record is asked for.
        (named,) = await asked.hops("sips:example;transport=tls")
        assert named == Hop("tls", "192.0.2.30", 5099, "example")

    run(main())


def test_dialog_over_tls_goes_on_over_tls() -> None:
    near = Hop("tls", "192.0.2.1", 40000, "pbx.example")
    assert hops("sip:bob@192.0.2.9", near=near) == ["tls:192.0.2.9:5061"]
    assert hops("sip:bob@pbx.example", PBX, near=near) == ["tls:192.0.2.7:5061"]


def test_service_that_names_itself_is_its_host() -> None:
    """The target of an SRV record is a host: its own SRV records are not asked for."""
    zone: Zone = {
        ("_sip._udp.example", "SRV"): (Srv(1, 1, 5080, "example"),),
        ("example", "A"): ("192.0.2.9",),
    }
    assert hops("sip:example", zone) == ["udp:192.0.2.9:5080"]


def test_thousand_services_are_few_addresses() -> None:
    zone: Zone = {
        ("_sip._udp.example", "SRV"): tuple(Srv(n, 1, 5060, f"s{n}.example") for n in range(1_000)),
        **{(f"s{n}.example", "A"): (f"192.0.2.{n}",) for n in range(100)},
    }
    found = hops("sip:example", zone)
    assert found == [f"udp:192.0.2.{n}:5060" for n in range(8)]
