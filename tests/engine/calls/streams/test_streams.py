"""Where streams may go, and how many there may be."""

from typing import Any

import pytest

from config.streams import Streams as StreamSettings
from engine.calls.streams.streams import StreamNotOpened, Streams
from engine.errors import EngineError
from engine.routing.targets.stream_target import StreamTarget
from media.streams.messages import Event, StreamClosed, StreamFigures
from tests.support.scripted_streams import URL, host_of, scripted_streams


class Owner:
    """A leg."""

    def __init__(self, name: str) -> None:
        self.id = name
        self.events: list[Event] = []

    def on_stream(self, event: Event, /) -> None:
        self.events.append(event)


async def opened(streams: Streams, owner: Owner, **target: Any) -> None:
    target = {"url": URL} | target
    await streams.open(owner, StreamTarget(**target), ("127.0.0.1", 4000), "PCMU", {"call": "c"})


@pytest.mark.parametrize(
    ("url", "may"),
    [
        ("wss://bots.example/voice", True),
        ("wss://BOTS.example:443/voice/", True),
        ("wss://bots.example/voice/en?key=1", True),
        ("wss://bots.example./voice", True),
        ("wss://bots.example/voices", False),
        ("wss://bots.example/", False),
        ("ws://bots.example/voice", False),
        ("wss://bots.example:8443/voice", False),
        ("wss://evil.example/voice", False),
        ("wss://bots.example@evil.example/voice", False),
        ("wss://bots.example/voice/../admin", False),
        ("wss://bots.example/voice/%2e%2e/admin", False),
        ("https://bots.example/voice", False),
        ("wss://bots.example/voice#x", False),
        ("nonsense", False),
    ],
)
def test_only_what_is_allowed_may_be_named(url: str, may: bool) -> None:
    streams = scripted_streams()
    if may:
        streams.check(url, field="url")
    else:
        with pytest.raises(EngineError) as refused:
            streams.check(url, field="url")
        assert (refused.value.kind, refused.value.field) == ("refused", "url")


def test_without_a_list_nothing_may_be_named() -> None:
    with pytest.raises(EngineError, match=r"not in streams\.allow") as refused:
        scripted_streams(allow=[]).check(f"{URL}?token=s3cret", field="url")
    assert "s3cret" not in refused.value.message
    assert refused.value.data == {"policy": "streams"}


def test_a_whole_host_may_be_allowed() -> None:
    scripted_streams(allow=["ws://127.0.0.1:8765"]).check("ws://127.0.0.1:8765/a", field="url")


async def test_the_host_is_told_what_the_configuration_says() -> None:
    streams = scripted_streams(
        token="0123456789", ca_file="/ca.pem", rate_hz=24000, ahead_ms=5000, retries=1
    )
    owner = Owner("leg-1")
    await opened(streams, owner)
    (order,) = host_of(streams).opened
    assert order.service.headers == (("Authorization", "Bearer 0123456789"),)
    assert (order.service.ca_file, order.rate_hz) == ("/ca.pem", 24000)
    assert (order.ahead_ms, order.retries, order.host, order.port) == (5000, 1, "127.0.0.1", 4000)
    assert "0123456789" not in repr(order) and "token" not in repr(order.service)
    streams.tell_bot(owner, "dtmf", digit="1")
    assert host_of(streams).told == [("leg-1", {"type": "dtmf", "digit": "1"})]
    host_of(streams).on_event(StreamClosed("leg-1", StreamFigures()))
    host_of(streams).on_event(StreamClosed("leg-2", StreamFigures()))
    assert len(owner.events) == 1
    assert streams.host_pid == 4711
    await streams.stop()
    assert host_of(streams).is_stopped


async def test_no_more_streams_are_opened_than_there_may_be() -> None:
    streams = scripted_streams(max_streams=1)
    streams.check_room()
    first = Owner("leg-1")
    await opened(streams, first, rate_hz=8000)
    assert streams.active == 1
    with pytest.raises(EngineError, match=r"streams\.max_streams"):
        streams.check_room()
    with pytest.raises(StreamNotOpened):
        await opened(streams, Owner("leg-2"))
    streams.close(first, "over")
    streams.forget(first)
    await opened(streams, Owner("leg-2"))
    streams.configure(StreamSettings(max_streams=2))
    streams.check_room()


async def test_a_host_that_cannot_start_leaves_nothing_behind() -> None:
    streams = scripted_streams()
    host_of(streams).works = False
    with pytest.raises(StreamNotOpened, match="cannot start"):
        await opened(streams, Owner("leg-1"))
    assert streams.active == 0
