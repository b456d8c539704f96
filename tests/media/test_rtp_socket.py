"""The socket towards a leg: it knows that leg alone."""

import asyncio
import socket

import pytest

from media.rtp_socket import RtpSocket


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "::1"])
async def test_packets_are_exchanged_with_the_leg_and_nobody_else(host: str) -> None:
    received: asyncio.Queue[bytes] = asyncio.Queue()
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with (
        socket.socket(family, socket.SOCK_DGRAM) as leg,
        socket.socket(family, socket.SOCK_DGRAM) as stranger,
    ):
        leg.bind((host, 0))
        leg.settimeout(20.0)
        ours = RtpSocket(received.put_nowait, lambda: None)
        ours.send(b"lost: it is not open yet")
        await ours.open(host)
        ours.send(b"lost: nobody is known yet")
        port = ours.address[1]
        stranger.sendto(b"before it is connected", ("::1" if ":" in host else "127.0.0.1", port))
        ours.connect(*leg.getsockname()[:2])
        ours.send(b"to the leg")
        assert leg.recv(100) == b"to the leg"
        stranger.sendto(b"from a stranger", ours.address)
        leg.sendto(b"from the leg", ours.address)
        async with asyncio.timeout(20.0):
            assert await received.get() == b"from the leg"
        ours.close()
        ours.send(b"lost: it is closed")
    assert received.empty()


async def test_an_address_that_is_not_ours_cannot_be_bound() -> None:
    with pytest.raises(OSError):
        await RtpSocket(lambda _packet: None, lambda: None).open("192.0.2.1")


async def test_a_packet_that_cannot_be_dealt_with_is_told_of_and_the_next_one_comes() -> None:
    received: list[bytes] = []
    failures = asyncio.Queue[None]()

    def take(packet: bytes) -> None:
        if packet == b"bad":
            raise ValueError("a fault of ours")
        received.append(packet)

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as leg:
        leg.bind(("127.0.0.1", 0))
        ours = RtpSocket(take, lambda: failures.put_nowait(None))
        await ours.open("127.0.0.1")
        ours.connect(*leg.getsockname())
        for packet in (b"good", b"bad", b"good", b"bad"):
            leg.sendto(packet, ours.address)
        async with asyncio.timeout(20.0):
            for _ in range(2):
                await failures.get()
        ours.close()
    assert received == [b"good", b"good"]
