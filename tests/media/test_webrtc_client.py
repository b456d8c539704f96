"""What becomes of the reports of the WebRTC process, without the process."""

import asyncio

import pytest

from media.webrtc.messages import Described, Failed, IceDtls, IceServers, StateChanged
from media.webrtc_client import WebRtcClient, WebRtcFailed

LOCAL = IceDtls("abcd", "a" * 24, (), "actpass", ())


async def test_each_report_answers_the_request_that_it_is_of() -> None:
    changes: list[StateChanged] = []
    client = WebRtcClient(IceServers(), changes.append)
    one, two = (asyncio.get_running_loop().create_future() for _ in range(2))
    client._answers |= {1: one, 2: two}
    lost = StateChanged("call-1", "lost", "the browser is gone")
    client._received([Described(2, LOCAL, 4000, 4001), lost, Failed(1, "no address")])
    assert (await two).port == 4000
    with pytest.raises(WebRtcFailed, match="no address"):
        await one
    assert changes == [lost]


async def test_an_answer_that_comes_too_late_or_twice_is_dropped() -> None:
    client = WebRtcClient(IceServers(), lambda _change: None)
    one = asyncio.get_running_loop().create_future()
    client._answers[1] = one
    late, first = Failed(7, "too late"), Described(1, LOCAL, 4000, 4001)
    client._received([late, first, Failed(1, "again"), Described(1, LOCAL, 5000, 5001)])
    assert await one == first
