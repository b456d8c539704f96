"""By which trunk a call comes in, by nothing but where it comes from."""

import asyncio

import pytest

from config.settings import Trunk
from engine.inbound.trunk_identify import LOOK_UP_AGAIN_S, TRY_AGAIN_S, TrunkIdentifier
from sip.hop import Hop
from sip.transport.resolver import ResolutionFailed, Resolver
from tests.support.virtual_loop import run

NUMERIC = [
    Trunk(name="one", uri="sip:192.0.2.1"),
    Trunk(name="two", uri="sip:192.0.2.2:5070", sources=["198.51.100.0/24", "2001:db8::/32"]),
    Trunk(name="three", uri="sip:192.0.2.2:5080"),
]


def known(trunks: list[Trunk]) -> TrunkIdentifier:
    sources = TrunkIdentifier(trunks, Resolver().resolve)
    asyncio.run(_look_up(sources))
    return sources


async def _look_up(sources: TrunkIdentifier) -> None:
    assert await sources.look_up()


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
        ("2001:db9::5", 5060, None),
        ("fe80::1%eth0", 5060, None),
    ],
)
def test_the_address_says_which_trunk(host: str, port: int, trunk: str | None) -> None:
    assert known(NUMERIC).trunk_of(Hop("udp", host, port)) == trunk


def test_the_transport_does_not_matter() -> None:
    assert known(NUMERIC).trunk_of(Hop("tcp", "192.0.2.1", 33000)) == "one"


def test_names_are_looked_up_again() -> None:
    addresses = iter(["", "192.0.2.7", "192.0.2.8"])

    async def resolve(_uri: str) -> Hop:
        address = next(addresses, "192.0.2.8")
        if not address:
            raise ResolutionFailed("pbx.example has no address")
        return Hop("udp", address, 5060)

    async def main() -> None:
        sources = TrunkIdentifier([Trunk(name="pbx", uri="sip:pbx.example")], resolve)
        await sources.start()
        assert sources.trunk_of(Hop("udp", "192.0.2.7", 5060)) is None
        await asyncio.sleep(LOOK_UP_AGAIN_S + 1)
        assert sources.trunk_of(Hop("udp", "192.0.2.7", 5060)) == "pbx"
        await asyncio.sleep(LOOK_UP_AGAIN_S)
        assert sources.trunk_of(Hop("udp", "192.0.2.7", 5060)) is None
        assert sources.trunk_of(Hop("udp", "192.0.2.8", 5060)) == "pbx"
        sources.stop()

    run(main())
    assert TRY_AGAIN_S < LOOK_UP_AGAIN_S


def test_other_trunks_take_over() -> None:
    sources = known(NUMERIC)
    sources.configure([NUMERIC[0], Trunk(name="new", uri="sip:203.0.113.1")])
    assert sources.trunk_of(Hop("udp", "192.0.2.1", 5060)) == "one"
    assert sources.trunk_of(Hop("udp", "192.0.2.2", 5070)) is None
    assert sources.trunk_of(Hop("udp", "198.51.100.77", 5060)) is None
