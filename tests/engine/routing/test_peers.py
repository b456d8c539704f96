"""Configured peers: known by nothing but their addresses, which are looked up again."""

import asyncio
from typing import Any

import pytest

from config.sections import Trunk
from engine.routing.peers import LOOK_UP_AGAIN_S, START_LIMIT_S, TRY_AGAIN_S, Peers
from sip.hop import Hop
from sip.transport.resolver import ResolutionFailed
from tests.support.virtual_loop import run


def trunk(name: str, uri: str, **more: Any) -> Trunk:
    return Trunk.model_validate({"name": name, "uri": uri, **more})


NUMERIC = [
    trunk("one", "sip:192.0.2.1"),
    trunk("two", "sip:192.0.2.2:5070", sources=["198.51.100.0/24", "2001:db8::/32"]),
    trunk("three", "sip:192.0.2.2:5080", media=["203.0.113.0/24"]),
]


class Names:
    """Where URIs lead; a name without an entry is not found, one of `stalled` is not answered."""

    def __init__(self, **hosts: tuple[str, ...]) -> None:
        self.hosts = hosts
        self.stalled: set[str] = set()
        self.asked: list[str] = []

    async def hops(self, uri: str) -> tuple[Hop, ...]:
        name = uri.removeprefix("sip:").partition(".")[0]
        self.asked.append(name)
        if name in self.stalled:
            await asyncio.sleep(3_600)
        if name not in self.hosts:
            raise ResolutionFailed(f"{name} has no address")
        return tuple(Hop("udp", host, 5060) for host in self.hosts[name])


def peers(trunks: list[Trunk], *allow_hosts: str, names: Names | None = None) -> Peers:
    return Peers(trunks, allow_hosts, (names or Names()).hops)


@pytest.mark.parametrize(
    ("host", "port", "trunk"),
    [
        ("192.0.2.1", 5060, "one"),
        ("192.0.2.1", 40000, "one"),
        ("192.0.2.2", 5070, "two"),
        ("192.0.2.2", 5080, "three"),
        ("192.0.2.2", 9999, "two"),
        ("198.51.100.77", 5060, "two"),
        ("2001:db8::5", 5060, "two"),
        ("192.0.2.3", 5060, None),
        ("198.51.101.1", 5060, None),
        ("203.0.113.1", 5060, None),
        ("2001:db9::5", 5060, None),
        ("fe80::1%eth0", 5060, None),
    ],
)
def test_the_address_says_which_trunk(host: str, port: int, trunk: str | None) -> None:
    assert peers(NUMERIC).trunk_of(Hop("udp", host, port)) == trunk


def test_the_transport_does_not_matter() -> None:
    assert peers(NUMERIC).trunk_of(Hop("tcp", "192.0.2.1", 33000)) == "one"


@pytest.mark.parametrize(
    ("host", "known"),
    [("192.0.2.2", True), ("198.51.100.9", True), ("192.0.2.50", True), ("192.0.2.60", True),
     ("192.0.2.99", False), ("203.0.113.1", False), ("nowhere", False)],
)  # fmt: skip
def test_trunks_their_sources_and_permitted_hosts_are_known(host: str, known: bool) -> None:
    assert peers(NUMERIC, "192.0.2.50", "192.0.2.60:5070").is_known(host) is known


def test_every_address_of_a_name_counts() -> None:
    names = Names(pbx=("192.0.2.7", "192.0.2.8"), phones=("192.0.2.20",))

    async def main() -> None:
        found = peers([trunk("pbx", "sip:pbx.example")], "phones.example", names=names)
        assert await found.look_up()
        for host in ("192.0.2.7", "192.0.2.8"):
            assert found.trunk_of(Hop("udp", host, 5060)) == "pbx"
        assert found.is_known("192.0.2.20")
        assert found.trunk_of(Hop("udp", "192.0.2.20", 5060)) is None

    run(main())


def test_names_are_looked_up_again() -> None:
    names = Names()

    async def main() -> None:
        found = peers([trunk("pbx", "sip:pbx.example")], names=names)
        await found.start()
        assert found.trunk_of(Hop("udp", "192.0.2.7", 5060)) is None
        names.hosts["pbx"] = ("192.0.2.7",)
        await asyncio.sleep(TRY_AGAIN_S + 1)
        assert found.trunk_of(Hop("udp", "192.0.2.7", 5060)) == "pbx"
        assert found.is_known("192.0.2.7")
        names.hosts["pbx"] = ("192.0.2.8",)
        await asyncio.sleep(LOOK_UP_AGAIN_S)
        assert not found.is_known("192.0.2.7")
        assert found.trunk_of(Hop("udp", "192.0.2.8", 5060)) == "pbx"
        del names.hosts["pbx"]
        await asyncio.sleep(LOOK_UP_AGAIN_S)
        assert found.is_known("192.0.2.8"), "what was known stays known"
        found.stop()

    run(main())


def test_a_name_that_stalls_holds_up_neither_the_start_nor_another_name() -> None:
    names = Names(good=("192.0.2.7",))
    names.stalled.add("stall")

    async def main() -> float:
        trunks = [trunk("stall", "sip:stall.example"), trunk("good", "sip:good.example")]
        found = peers(trunks, names=names)
        await found.start()
        took = asyncio.get_running_loop().time()
        assert found.trunk_of(Hop("udp", "192.0.2.7", 5060)) == "good"
        found.stop()
        return took

    assert run(main()) == START_LIMIT_S


def test_other_trunks_take_over() -> None:
    found = peers(NUMERIC)
    found.configure([NUMERIC[0], trunk("new", "sip:203.0.113.1")], ["192.0.2.50"])
    assert found.trunk_of(Hop("udp", "192.0.2.1", 5060)) == "one"
    assert found.trunk_of(Hop("udp", "203.0.113.1", 5060)) == "new"
    assert found.trunk_of(Hop("udp", "192.0.2.2", 5070)) is None
    assert found.trunk_of(Hop("udp", "198.51.100.77", 5060)) is None
    assert found.is_known("192.0.2.50")


PEER = Hop("udp", "192.0.2.99", 5060)


@pytest.mark.parametrize(
    ("hop", "permitted"),
    [
        # the peer's own host
        (Hop("udp", "192.0.2.99", 40000), True),
        (Hop("tcp", "192.0.2.99", 5060), True),
        (Hop("tcp", "192.0.2.99", 6379), False),
        # another trunk, and its networks
        (Hop("udp", "192.0.2.2", 7000), True),
        (Hop("tcp", "192.0.2.2", 5080), True),
        (Hop("tcp", "192.0.2.2", 22), False),
        (Hop("udp", "198.51.100.1", 7000), True),
        (Hop("tcp", "198.51.100.1", 80), False),
        # dial.allow_hosts
        (Hop("udp", "192.0.2.50", 9), True),
        (Hop("tcp", "192.0.2.50", 5062), False),
        (Hop("tcp", "192.0.2.60", 5070), True),
        (Hop("tcp", "192.0.2.60", 5071), False),
        # anybody else
        (Hop("udp", "192.0.2.200", 5060), False),
        (Hop("tcp", "127.0.0.1", 6379), False),
        # media alone
        (Hop("udp", "203.0.113.1", 5060), False),
    ],
)
def test_dialogs_go_to_peers_only(hop: Hop, permitted: bool) -> None:
    found = peers(NUMERIC, "192.0.2.50", "192.0.2.60:5070;transport=tcp")
    assert found.may_reach(hop, PEER) is permitted


@pytest.mark.parametrize(
    ("host", "permitted"),
    [("192.0.2.99", True), ("192.0.2.1", True), ("198.51.100.1", True), ("203.0.113.77", True),
     ("192.0.2.50", True), ("192.0.2.200", False), ("2001:db8::1", True), ("::1", False)],
)  # fmt: skip
def test_media_goes_to_peers_and_to_the_networks_of_their_media(host: str, permitted: bool) -> None:
    assert peers(NUMERIC, "192.0.2.50").may_get_media(host, PEER.host) is permitted


def test_what_is_remembered_of_unknown_sources_is_bounded() -> None:
    found = peers(NUMERIC)
    for number in range(20_001):
        assert not found.is_known(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    assert len(found._known) <= 10_000


def test_every_host_of_a_trunk_is_the_trunk() -> None:
    several = Trunk.model_validate(
        {
            "name": "carrier",
            "uri": "sip:nowhere.example",
            "hosts": ["one.example:5070", "sbc.example"],
            "outbound_proxy": "proxy.example",
            "route": ["sip:inside.example;lr"],
        }
    )
    names = Names(one=("192.0.2.1",), sbc=("192.0.2.3", "192.0.2.4"), proxy=("192.0.2.9",))

    async def main() -> None:
        known = peers([several], names=names)
        # Neither the name of the trunk nor an inner proxy needs an address.
        assert await known.look_up()
        for host in ("192.0.2.1", "192.0.2.3", "192.0.2.4", "192.0.2.9"):
            assert known.trunk_of(Hop("udp", host, 40_000)) == "carrier"
            assert known.is_known(host)
            assert known.may_get_media(host, "192.0.2.1")
        edge, other = Hop("tcp", "192.0.2.9", 5060), Hop("tcp", "192.0.2.1", 5060)
        assert known.may_reach(other, edge)
        assert known.trunk_of(Hop("udp", "192.0.2.2", 5060)) is None

    run(main())
    assert set(names.asked) == {"nowhere", "one", "sbc", "proxy", "inside"}


def test_hosts_that_are_addresses_are_known_at_once() -> None:
    known = peers([trunk("carrier", "sip:192.0.2.1", hosts=["192.0.2.2:5070", "2001:db8::1"])])
    for host in ("192.0.2.1", "192.0.2.2", "2001:db8::1"):
        assert known.trunk_of(Hop("udp", host, 5060)) == "carrier"
