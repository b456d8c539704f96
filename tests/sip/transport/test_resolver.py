"""Where URIs lead."""

import asyncio
import socket
from typing import Any

import pytest

from sip.errors import ParseError
from sip.hop import Hop
from sip.message.uri import parse_uri
from sip.transport.resolver import ResolutionFailed, Resolver
from tests.support.virtual_loop import VirtualLoop


def resolve(text: str) -> Hop:
    return asyncio.run(Resolver().resolve(text))


@pytest.mark.parametrize(
    ("uri", "hop"),
    [
        ("sip:a@192.0.2.1", Hop("udp", "192.0.2.1", 5060)),
        ("sip:a@192.0.2.1:5070;transport=tcp", Hop("tcp", "192.0.2.1", 5070)),
        ("sip:[2001:db8::1]", Hop("udp", "2001:db8::1", 5060)),
        ("sip:a@localhost:5099", Hop("udp", "127.0.0.1", 5099)),
    ],
)
def test_uri_resolves_to_hop(uri: str, hop: Hop) -> None:
    assert resolve(uri) == hop


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("tel:+44123", "not a SIP URI"),
        ("sips:a@192.0.2.1", "TLS"),
        ("sip:a@192.0.2.1;transport=sctp", "sctp"),
        ("sip:a@nowhere.invalid", "nowhere.invalid"),
    ],
)
def test_unresolvable_uri(uri: str, reason: str) -> None:
    with pytest.raises(ResolutionFailed, match=reason):
        resolve(uri)


def test_text_that_is_not_a_uri() -> None:
    with pytest.raises(ParseError):
        resolve("alice")


class Names(VirtualLoop):
    """A loop whose name service is a table."""

    def __init__(self, *, silent: bool = False) -> None:
        super().__init__()
        self.silent = silent
        self.asked: list[str] = []

    async def getaddrinfo(self, host: Any, port: Any, **hints: Any) -> Any:
        self.asked.append(host)
        if self.silent:
            await asyncio.sleep(3_600)
        return [
            (socket.AF_INET6, socket.SOCK_DGRAM, 17, "", ("2001:db8::1", 0, 0, 0)),
            (socket.AF_INET, socket.SOCK_DGRAM, 17, "", ("192.0.2.7", 0)),
        ]


@pytest.mark.parametrize(
    ("uri", "near", "hop"),
    [
        ("sip:pbx.example.com", Hop("tcp", "192.0.2.1", 40000), Hop("tcp", "192.0.2.7", 5060)),
        ("sip:pbx.example.com:5070", Hop("udp", "::1", 5060), Hop("udp", "2001:db8::1", 5070)),
        (
            "sip:pbx.example.com;transport=udp",
            Hop("tcp", "192.0.2.1", 40000),
            Hop("udp", "192.0.2.7", 5060),
        ),
        ("sip:192.0.2.3", Hop("tcp", "192.0.2.1", 40000), Hop("tcp", "192.0.2.3", 5060)),
    ],
)
def test_missing_transport_and_family_are_those_of_the_peer(uri: str, near: Hop, hop: Hop) -> None:
    with asyncio.Runner(loop_factory=Names) as runner:
        assert runner.run(Resolver().resolve_uri(parse_uri(uri), near)) == hop


def test_a_name_leads_to_an_address_that_we_can_reach() -> None:
    async def main() -> list[str]:
        resolver, hosts = Resolver(), []
        for prefers_ipv6 in (False, True):
            resolver.prefers_ipv6 = prefers_ipv6
            hosts.append((await resolver.resolve("sip:pbx.example.com")).host)
        return hosts

    with asyncio.Runner(loop_factory=Names) as runner:
        assert runner.run(main()) == ["192.0.2.7", "2001:db8::1"]


def test_the_address_of_a_uri_that_has_another_name() -> None:
    async def main() -> list[str]:
        await Resolver().resolve("sip:a@192.0.2.1;maddr=pbx.example.com")
        loop = asyncio.get_running_loop()
        assert isinstance(loop, Names)
        return loop.asked

    with asyncio.Runner(loop_factory=Names) as runner:
        assert runner.run(main()) == ["pbx.example.com"]


def test_names_are_remembered_for_a_minute() -> None:
    async def main() -> tuple[Hop, list[str]]:
        resolver = Resolver()
        for _ in range(3):
            hop = await resolver.resolve("sip:pbx.example.com")
        await asyncio.sleep(61)
        await resolver.resolve("sip:pbx.example.com")
        loop = asyncio.get_running_loop()
        assert isinstance(loop, Names)
        return hop, loop.asked

    with asyncio.Runner(loop_factory=Names) as runner:
        hop, asked = runner.run(main())
    assert hop == Hop("udp", "192.0.2.7", 5060)
    assert asked == ["pbx.example.com"] * 2


def test_the_memory_is_bounded() -> None:
    async def main() -> int:
        resolver = Resolver()
        for i in range(1_500):
            await resolver.resolve(f"sip:host{i}.example.com")
        return len(resolver._names)

    with asyncio.Runner(loop_factory=Names) as runner:
        assert runner.run(main()) == 1_000


def test_name_service_without_answer_times_out() -> None:
    async def main() -> None:
        await Resolver(timeout_s=5.0).resolve("sip:pbx.example.com")

    loop_factory = lambda: Names(silent=True)  # noqa: E731
    with (
        asyncio.Runner(loop_factory=loop_factory) as runner,
        pytest.raises(ResolutionFailed, match="no answer"),
    ):
        runner.run(main())


def test_a_name_without_an_address_leads_nowhere() -> None:
    class Empty(Names):
        async def getaddrinfo(self, host: Any, port: Any, **hints: Any) -> Any:
            return []

    with (
        asyncio.Runner(loop_factory=Empty) as runner,
        pytest.raises(ResolutionFailed, match=r"pbx\.example\.com has no address"),
    ):
        runner.run(Resolver().resolve("sip:pbx.example.com"))
