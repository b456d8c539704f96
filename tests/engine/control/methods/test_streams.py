"""The parameters of call.stream and its like, and what they give."""

from typing import Any

import msgspec
import pytest

from engine.call_control.streamed_calls import Begun
from engine.calls.call import Call
from engine.control.connections.peer import Peer
from engine.control.methods.streams import StreamMethods
from engine.errors import BadParams
from engine.routing.targets.stream_target import Handover, StreamFallback, StreamTarget

URL = "wss://bots.example/voice"
PEER = Peer("unix")


class Streamed:
    """Notes what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []

    async def begin(self, *asked: Any) -> Begun:
        self.asked.append(asked)
        return Begun(Call("call-1", None), "leg-2", "leg-1", URL, asked[3], 8000)

    def end(self, *asked: Any) -> list[str]:
        self.asked.append(asked)
        return ["leg-2"]


async def ask(streamed: Streamed, method: str, **params: Any) -> Any:
    made = StreamMethods(streamed).table()[method]  # type: ignore[arg-type]
    result = made.run(made.decoder.decode(msgspec.json.encode(params)), PEER)
    return await result if hasattr(result, "__await__") else result


async def test_a_stream_is_begun_as_it_was_asked_for() -> None:
    streamed = Streamed()
    view = await ask(
        streamed,
        "call.stream",
        leg="leg-1",
        url=URL,
        rate_hz=8000,
        parameters={"menu": "main"},
        fallback={"queue": "sales"},
    )
    assert view == {
        "stream": "leg-2", "call": "call-1", "leg": "leg-1", "url": URL, "mode": "talk",
        "rate_hz": 8000,
    }  # fmt: skip
    target = StreamTarget(URL, 8000, StreamFallback(Handover(queue="sales")), {"menu": "main"})
    assert streamed.asked == [(None, "leg-1", target, "talk")]


@pytest.mark.parametrize(
    ("given", "fallback"),
    [
        ({"agent": "bo"}, StreamFallback(Handover(agent="bo"))),
        ({"to": "+442079460123"}, StreamFallback(Handover(to="+442079460123"))),
        ({"announcement": "Sorry."}, StreamFallback(announcement="Sorry.")),
        ({"hang_up": True}, StreamFallback()),
    ],
)
async def test_each_fallback_is_read(given: dict[str, Any], fallback: StreamFallback) -> None:
    streamed = Streamed()
    await ask(streamed, "call.stream", call="call-1", url=URL, fallback=given)
    assert streamed.asked[0][2].fallback == fallback


async def test_a_tap_listens_and_either_is_ended() -> None:
    streamed = Streamed()
    assert (await ask(streamed, "call.tap", call="call-1", url=URL))["mode"] == "listen"
    assert await ask(streamed, "call.unstream", leg="leg-2") == {"streams": ["leg-2"]}
    assert streamed.asked == [
        ("call-1", None, StreamTarget(URL), "listen"),
        (None, "leg-2"),
    ]


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("call.stream", {"url": URL}),
        ("call.stream", {"call": "a"}),
        ("call.stream", {"call": "a", "leg": "b", "url": URL}),
        ("call.stream", {"call": "a", "url": URL, "rate_hz": 11025}),
        ("call.stream", {"call": "a", "url": URL, "fallback": {}}),
        ("call.stream", {"call": "a", "url": URL, "fallback": {"to": "1", "agent": "bo"}}),
        ("call.stream", {"call": "a", "url": URL, "fallback": {"hang_up": False}}),
        ("call.tap", {"call": "a", "url": URL, "fallback": {"hang_up": True}}),
        ("call.unstream", {}),
    ],
)
async def test_what_cannot_be_is_refused(method: str, params: dict[str, Any]) -> None:
    with pytest.raises((BadParams, msgspec.ValidationError)):
        await ask(Streamed(), method, **params)
