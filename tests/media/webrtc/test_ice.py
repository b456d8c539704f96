"""A path of ICE before there is a way. The way itself: test_session.py."""

import pytest

from media.webrtc.ice import IcePath
from media.webrtc.messages import Candidate, IceDtls, IceServers

ODD = Candidate("1", 1, "udp", 1, "192.0.2.7", 9, "of another kind")
REMOTE = IceDtls("abcd", "a" * 24, (("sha-256", "AA"),), "active", (ODD,))


async def test_before_there_is_a_way_nothing_is_sent() -> None:
    heard: list[bytes] = []
    servers = IceServers(stun="stun:192.0.2.3", turn="turn:192.0.2.3", turn_secret="s")
    path = IcePath(servers, 0.0, is_offerer=True, on_datagram=heard.append)
    with pytest.raises(ConnectionError):
        path.send_now(b"sound")
    path.data_received(b"early", 1)
    assert heard == [b"early"]
    with pytest.raises(ConnectionError):  # nothing was gathered, and there is no such candidate
        await path.reach(REMOTE)
    await path.close()
