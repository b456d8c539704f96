"""An observer sees every message of an endpoint, as it is on the wire, with both addresses."""

import asyncio
import socket
from pathlib import Path

import pytest

from sip.events import Answered, Ended
from sip.hop import Hop
from sip.rate_limit import RateLimit, SourceRates
from sip.transport.tls.contexts import TlsOptions
from tests.support.certificates import Authority
from tests.support.sip.endpoint import ObservedEndpoint, answering, running
from tests.support.waiting import until


class Log:
    """What an observer was shown: direction, first word, the peer, ourselves."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, bytes, Hop, Hop]] = []

    def received(self, data: bytes, source: Hop, local: Hop) -> None:
        """See MessageObserver."""
        self.seen.append(("received", data, source, local))

    def sent(self, data: bytes, target: Hop, local: Hop) -> None:
        """See MessageObserver."""
        self.seen.append(("sent", data, target, local))

    def lines(self) -> list[tuple[str, bytes]]:
        """Direction and the words of each start line that tell it."""
        return [(way, b" ".join(data.split(b"\r\n")[0].split()[:2])) for way, data, *_ in self.seen]


@pytest.mark.parametrize(
    ("transport", "host"), [("udp", "127.0.0.1"), ("tcp", "127.0.0.1"), ("udp", "[::1]")]
)
async def test_both_sides_of_a_call_see_the_same_messages(transport: str, host: str) -> None:
    listen = f"{transport}:{host}:0"
    ours, theirs = Log(), Log()
    alice = ObservedEndpoint(listen, observer=ours)
    bob = answering(ObservedEndpoint(listen, observer=theirs))
    async with running(alice, bob):
        call = await alice.call(f"sip:bob@{host}:{bob.port};transport={transport}")
        await alice.until(Answered)
        await bob.until(Answered)
        alice.endpoint.hangup(call)
        await alice.until(Ended)
        await bob.until(Ended)
        ways = [(way, first.split(b" ")[0 if way == "sent" else -1]) for way, first in ours.lines()]
        assert ways[0] == ("sent", b"INVITE") and ("sent", b"ACK") in ways
        assert [first for way, first in ours.lines() if way == "received"] == [
            b"SIP/2.0 100", b"SIP/2.0 180", b"SIP/2.0 200", b"SIP/2.0 200", b"SIP/2.0 200",
        ]  # fmt: skip
        bytes_at = {
            way: [data for one, data, *_ in ours.seen if one == way] for way, *_ in ours.seen
        }
        mirrored = {"sent": "received", "received": "sent"}
        for way, messages in bytes_at.items():
            assert messages == [data for one, data, *_ in theirs.seen if one == mirrored[way]]
        # Each side's own address is the peer's of the other, once the connection is open.
        assert {peer for _, _, peer, _ in ours.seen} == {local for *_, local in theirs.seen}
        known = {local for *_, local in ours.seen if local.port}
        assert known == {peer for _, _, peer, _ in theirs.seen}
        if transport == "udp":
            assert all(local.port for *_, local in ours.seen)


async def test_messages_by_tls_are_shown_in_clear_with_the_addresses_of_the_connection(
    tmp_path: Path,
) -> None:
    tls = TlsOptions(Authority(tmp_path).certificate("127.0.0.1", "localhost").files)
    ours, theirs = Log(), Log()
    alice = ObservedEndpoint("tls:127.0.0.1:0", observer=ours, tls=tls)
    bob = answering(ObservedEndpoint("tls:127.0.0.1:0", observer=theirs, tls=tls))
    async with running(alice, bob):
        await alice.call(f"sip:bob@127.0.0.1:{bob.port};transport=tls")
        await alice.until(Answered)
        await bob.until(Answered)
    assert ours.lines()[0] == ("sent", b"INVITE sip:bob@127.0.0.1:%d;transport=tls" % bob.port)
    assert {peer.transport for _, _, peer, _ in (*ours.seen, *theirs.seen)} == {"tls"}
    assert {local.transport for *_, local in (*ours.seen, *theirs.seen)} == {"tls"}
    known = {local[:3] for *_, local in ours.seen if local.port}
    assert known == {peer[:3] for _, _, peer, _ in theirs.seen}


async def test_keep_alives_and_what_is_over_the_rate_of_its_source_are_not_shown() -> None:
    log = Log()
    rate = RateLimit(1, 2)
    alice = ObservedEndpoint("udp:127.0.0.1:0", observer=log, rates=SourceRates(rate, rate, rate))
    async with running(alice):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.connect(("127.0.0.1", alice.port))
            for datagram in [b"\r\n\r\n", *[b"OPTIONS garbage\r\n\r\n"] * 6]:
                stranger.send(datagram)
            await until(lambda: alice.endpoint.ua.counters.received == 7)
            await asyncio.sleep(0)
    counters = alice.endpoint.ua.counters
    assert counters.keep_alives + counters.rate_limited >= 4
    assert len(log.seen) == 7 - counters.keep_alives - counters.rate_limited
    assert all(data.startswith(b"OPTIONS garbage") for _, data, *_ in log.seen)
