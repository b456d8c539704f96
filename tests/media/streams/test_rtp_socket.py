"""The socket of a stream: it knows its leg alone."""

import asyncio
import socket

import pytest

from media.streams.rtp_socket import RtpSocket


async def test_packets_go_between_the_stream_and_its_leg_and_nobody_else() -> None:
    received: asyncio.Queue[bytes] = asyncio.Queue()
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as leg,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger,
    ):
        leg.bind(("127.0.0.1", 0))
        leg.settimeout(20.0)
        host, port = leg.getsockname()
        stream = RtpSocket(host, port, received.put_nowait)
        stream.send(b"lost: it is not open yet")
        await stream.open()
        stream.send(b"to the leg")
        assert leg.recv(100) == b"to the leg"
        stranger.sendto(b"from a stranger", stream.address)
        leg.sendto(b"from the leg", stream.address)
        async with asyncio.timeout(20.0):
            assert await received.get() == b"from the leg"
        stream.close()
        stream.send(b"lost: it is closed")
    assert received.empty()


async def test_an_address_that_is_not_ours_cannot_be_bound() -> None:
    with pytest.raises(OSError):
        await RtpSocket("192.0.2.1", 4000, lambda _packet: None).open()
