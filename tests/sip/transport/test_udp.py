"""The UDP transport on real sockets."""

import asyncio
import errno
import socket

import pytest

from sip.hop import Hop
from sip.transport.udp import UdpTransport


class Net:
    def __init__(self) -> None:
        self.received: list[tuple[bytes, Hop]] = []
        self.batches: list[int] = []
        self.failed: list[tuple[Hop, str]] = []
        self.quoted: list[bytes] = []
        self.something = asyncio.Event()
        self.transport = UdpTransport(
            on_datagram=lambda data, source: self.received.append((data, source)),
            on_batch_end=self.batch_end,
            on_failed=self.fail,
        )

    def batch_end(self) -> None:
        self.batches.append(len(self.received))
        self.something.set()

    def fail(self, hop: Hop, reason: str, quoted: bytes) -> None:
        self.failed.append((hop, reason))
        self.quoted.append(quoted)
        self.something.set()

    async def wait(self) -> None:
        async with asyncio.timeout(40):
            await self.something.wait()
        self.something.clear()


def peer(host: str) -> socket.socket:
    made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    made.bind((host, 0))
    made.settimeout(5)
    return made


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_datagrams_in_both_directions(host: str) -> None:
    net = Net()
    bound = net.transport.open(host, 0)
    with peer(host) as other:
        port = other.getsockname()[1]
        net.transport.send(Hop("udp", host, port), b"hello")
        data, source = other.recvfrom(100)
        assert (data, source[:2]) == (b"hello", bound)
        other.sendto(b"x" * 60_000, bound)
        await net.wait()
        assert net.received == [(b"x" * 60_000, Hop("udp", host, port))]
    net.transport.close()


async def test_many_datagrams_are_read_in_few_bounded_batches() -> None:
    net = Net()
    bound = net.transport.open("127.0.0.1", 0)
    with peer("127.0.0.1") as other:
        for number in range(200):
            other.sendto(b"%d" % number, bound)
        while len(net.received) < 200:
            await net.wait()
    assert [int(data) for data, _ in net.received] == list(range(200))
    sizes = [later - sooner for sooner, later in zip([0, *net.batches], net.batches, strict=False)]
    assert max(sizes) <= 64
    assert len(net.batches) <= 8
    net.transport.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_a_closed_port_is_reported_with_its_address(host: str) -> None:
    net = Net()
    net.transport.open(host, 0)
    with peer(host) as closing:
        port = closing.getsockname()[1]
    net.transport.send(Hop("udp", host, port), b"hello")
    while not net.failed:
        await net.wait()
    assert net.failed == [(Hop("udp", host, port), "Connection refused")]
    assert net.quoted == [b"hello"]
    net.transport.close()


async def test_icmp_error_of_another_peer_does_not_block_a_datagram() -> None:
    net = Net()
    net.transport.open("127.0.0.1", 0)
    with peer("127.0.0.1") as closing:
        dead = closing.getsockname()[1]
    with peer("127.0.0.1") as other:
        for _ in range(10):
            net.transport.send(Hop("udp", "127.0.0.1", dead), b"lost")
            net.transport.send(Hop("udp", "127.0.0.1", other.getsockname()[1]), b"hello")
        assert [other.recv(100) for _ in range(10)] == [b"hello"] * 10
    while len(net.failed) < 10:
        await net.wait()
    net.transport.close()


async def test_datagram_that_cannot_be_sent_is_reported() -> None:
    net = Net()
    net.transport.open("127.0.0.1", 0)
    net.transport.send(Hop("udp", "127.0.0.1", 9), b"x" * 70_000)
    assert net.failed == [(Hop("udp", "127.0.0.1", 9), "Message too long")]
    net.transport.close()
    net.transport.send(Hop("udp", "127.0.0.1", 9), b"after close")
    net.transport.close()


async def test_errors_that_others_cause_are_never_those_of_a_datagram_that_arrives() -> None:
    """More errors at once than a few tries meet, as when many others ask from closed ports."""
    net = Net()
    net.transport.open("127.0.0.1", 0)
    with peer("127.0.0.1") as closing:
        dead = Hop("udp", "127.0.0.1", closing.getsockname()[1])
    with peer("127.0.0.1") as other:
        alive = Hop("udp", "127.0.0.1", other.getsockname()[1])
        for _ in range(50):
            for _ in range(20):
                net.transport.send(dead, b"lost")
            net.transport.send(alive, b"hello")
        assert [other.recv(100) for _ in range(50)] == [b"hello"] * 50
    while len(net.failed) < 100:
        await net.wait()
    assert {hop for hop, _ in net.failed} == {dead}
    assert set(net.quoted) == {b"lost"}
    net.transport.close()


async def test_a_datagram_that_has_no_route_is_reported_whole() -> None:
    net = Net()
    net.transport.open("127.0.0.1", 0)
    net.transport.send(Hop("udp", "192.0.2.1", 9), b"from loopback")
    assert [hop.host for hop, _ in net.failed] == ["192.0.2.1"]
    assert net.quoted == [b"from loopback"]
    net.transport.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_a_full_buffer_drops_the_datagram_and_counts_it(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full:
        """A socket whose buffer is full."""

        def sendto(self, _data: bytes, _address: object) -> int:
            raise OSError(errno.EAGAIN, "try again")

    net = Net()
    net.transport.open(host, 0)
    with monkeypatch.context() as full:
        full.setattr(net.transport, "_socket", Full())
        net.transport.send(Hop("udp", host, 9), b"hello")
    assert net.transport.dropped == 1 and net.failed == []
    net.transport.close()
