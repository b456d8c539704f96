"""The methods of the control protocol about streams: call.stream, call.tap and call.unstream."""

from typing import Annotated, Any, Literal, TypedDict

import msgspec
from msgspec import Meta

from ...call_control.streamed_calls import Begun, Mode, StreamedCalls
from ...request import Identifier, Params, one_of
from ...routing.targets.stream_target import Handover, StreamFallback, StreamTarget
from ..connections.peer import Peer
from ..method import Method
from ..params import CallRef

Url = Annotated[str, Meta(min_length=1, max_length=1024)]
Parameters = Annotated[dict[str, Any], Meta(max_length=64)]
Whom = Annotated[str, Meta(min_length=1, max_length=512)]


class FallbackParams(Params):
    """What becomes of a party whose bot is lost: one of these."""

    queue: Identifier | None = None
    agent: Identifier | None = None
    to: Whom | None = None
    announcement: Annotated[str, Meta(min_length=1, max_length=1000)] | None = None
    hang_up: Literal[True] | None = None

    def __post_init__(self) -> None:
        given = {name: getattr(self, name) for name in self.__struct_fields__}
        one_of(("queue", "agent", "to", "announcement", "hang_up"), given)

    def fallback(self) -> StreamFallback:
        """It, as call flows take it."""
        is_handover = self.queue or self.agent or self.to
        handover = Handover(self.queue, self.agent, self.to) if is_handover else None
        return StreamFallback(handover, self.announcement or "")


class TapRequest(CallRef, kw_only=True):
    """call.tap: what the party says goes to the service at `url`, which is heard by nobody."""

    url: Url
    rate_hz: Literal[8000, 16000, 24000] | None = None
    parameters: Parameters = msgspec.field(default_factory=dict)


class StreamRequest(TapRequest, kw_only=True):
    """call.stream: the party talks with the service at `url`."""

    fallback: FallbackParams | None = None


class StreamView(TypedDict):
    """A stream that was begun."""

    stream: str
    """Its id, which is that of the leg of the service."""
    call: str
    """The call."""
    leg: str
    """The leg whose sound the service gets."""
    url: str
    """The service, without the query of its URL."""
    mode: Mode
    """Whether the service is heard."""
    rate_hz: int
    """How many samples a second it gets."""


class EndedStreams(TypedDict):
    """call.unstream."""

    streams: list[str]
    """The streams that were ended."""


class StreamMethods:
    """What a client may do with streams."""

    def __init__(self, streamed: StreamedCalls) -> None:
        self._streamed = streamed

    def table(self) -> dict[str, Method]:
        """Method names, with the parameters each takes and what it does."""
        return {
            "call.stream": Method(StreamRequest, self._stream),
            "call.tap": Method(TapRequest, self._tap),
            "call.unstream": Method(CallRef, self._unstream),
        }

    async def _stream(self, params: StreamRequest, _peer: Peer) -> StreamView:
        fallback = None if params.fallback is None else params.fallback.fallback()
        target = StreamTarget(params.url, params.rate_hz, fallback, params.parameters)
        return _view(await self._streamed.begin(params.call, params.leg, target, "talk"))

    async def _tap(self, params: TapRequest, _peer: Peer) -> StreamView:
        target = StreamTarget(params.url, params.rate_hz, None, params.parameters)
        return _view(await self._streamed.begin(params.call, params.leg, target, "listen"))

    def _unstream(self, params: CallRef, _peer: Peer) -> EndedStreams:
        return {"streams": self._streamed.end(params.call, params.leg)}


def _view(begun: Begun) -> StreamView:
    return {
        "stream": begun.leg,
        "call": begun.call.id,
        "leg": begun.of_leg,
        "url": begun.url,
        "mode": begun.mode,
        "rate_hz": begun.rate_hz,
    }
