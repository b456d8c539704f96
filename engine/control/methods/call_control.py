"""The methods of the control protocol by which a client moves calls: call.originate and others."""

import re
from typing import Annotated, Any, Final, TypedDict

import msgspec
from msgspec import Meta

from ...call_control.controlled_calls import ControlledCalls, Origination
from ...calls.call import CallView
from ...errors import BadParams
from ...request import Identifier, Params, Target, check_context
from ..connections.peer import Peer
from ..method import Method
from ..params import CallRef

_is_header_name = re.compile(r"(X-[A-Za-z0-9-]{1,60}|User-to-User)\Z", re.I).match
_is_digits = re.compile(r"[0-9A-D*#]{1,64}\Z").match
_is_content_type = re.compile(
    r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}/[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}\Z"
).match
_MAX_BODY_BYTES: Final = 1000  # what UDP carries beside the headers (RFC 3261 section 18.1.1)

HeaderValue = Annotated[str, Meta(max_length=1024)]
Seconds = Annotated[float, Meta(gt=0, le=7 * 86400)]
Milliseconds = Annotated[int, Meta(ge=40, le=5000)]


class Originate(Params):
    """call.originate: `beside` is a leg that it is to be bridged with."""

    to: Target
    trunk: Identifier | None = None
    caller_id: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    ring_s: Annotated[float, Meta(gt=0, le=600)] | None = None
    max_duration_s: Seconds | None = None
    headers: Annotated[dict[str, HeaderValue], Meta(max_length=16)] = msgspec.field(
        default_factory=dict
    )
    context: dict[str, Any] = msgspec.field(default_factory=dict)
    site: Identifier | None = None
    source: Annotated[str, Meta(max_length=64)] | None = None
    beside: Identifier | None = None
    detect: bool | None = None

    def __post_init__(self) -> None:
        for name, value in self.headers.items():
            if _is_header_name(name) is None:
                raise BadParams("headers", f"{name!r} is neither X-… nor User-to-User")
            if not value.isprintable():
                raise BadParams("headers", f"the value of {name} is not printable on one line")
        check_context(self.context)


class Ring(CallRef):
    """call.ring."""

    status: Annotated[int, Meta(ge=180, le=183)] = 180


class Reject(CallRef):
    """call.reject."""

    status: Annotated[int, Meta(ge=400, le=699)] = 603
    reason: Annotated[str, Meta(max_length=128)] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.reason is not None and not (self.reason.isprintable() and self.reason.isascii()):
            raise BadParams("reason", "must be printable ASCII characters on one line")


class Redirect(CallRef, kw_only=True):
    """call.redirect: `to` is a number or sip: URI that the dial policy permits."""

    to: Target


class BridgeRequest(Params, rename={"with_": "with"}, kw_only=True):
    """call.bridge: with `end_together`, when one hangs up so does the other."""

    leg: Identifier
    with_: Identifier
    end_together: bool = True


class SendDtmf(CallRef, kw_only=True):
    """call.send_dtmf: as telephone-events (RFC 4733)."""

    digits: Annotated[str, Meta(min_length=1, max_length=64)]
    duration_ms: Milliseconds = 160
    gap_ms: Milliseconds = 80

    def __post_init__(self) -> None:
        super().__post_init__()
        if _is_digits(self.digits) is None:
            raise BadParams("digits", "must be keys: 0 to 9, A to D, * and #")


class SendInfo(CallRef, kw_only=True):
    """call.send_info."""

    content_type: Annotated[str, Meta(max_length=128)]
    body: Annotated[str, Meta(max_length=_MAX_BODY_BYTES)] = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if _is_content_type(self.content_type) is None:
            raise BadParams("content_type", "must be type/subtype")
        if len(self.body.encode("utf-8", "surrogatepass")) > _MAX_BODY_BYTES:
            raise BadParams("body", f"must have at most {_MAX_BODY_BYTES} bytes")


class BridgedCalls(TypedDict):
    """call.bridge."""

    calls: list[CallView]
    """Both calls."""


class Headers(TypedDict):
    """call.headers."""

    headers: list[tuple[str, str]]
    """Name and value of each header of the INVITE, in their order."""


class CallControlMethods:
    """What a client may do with the calls that it moves."""

    def __init__(self, calls: ControlledCalls) -> None:
        self._calls = calls

    def table(self) -> dict[str, Method]:
        """Method names, with the parameters each takes and what it does."""
        return {
            "call.originate": Method(Originate, self._originate),
            "call.answer": Method(CallRef, self._answer),
            "call.ring": Method(Ring, self._ring),
            "call.reject": Method(Reject, self._reject),
            "call.redirect": Method(Redirect, self._redirect),
            "call.bridge": Method(BridgeRequest, self._bridge),
            "call.unbridge": Method(CallRef, self._unbridge),
            "call.hold": Method(CallRef, self._hold),
            "call.resume": Method(CallRef, self._resume),
            "call.send_dtmf": Method(SendDtmf, self._send_dtmf),
            "call.send_info": Method(SendInfo, self._send_info),
            "call.detect": Method(CallRef, self._detect),
            "call.headers": Method(CallRef, self._headers),
        }

    async def _originate(self, params: Originate, _peer: Peer) -> CallView:
        asked = {name: getattr(params, name) for name in Originate.__struct_fields__}
        return (await self._calls.originate(Origination(**asked))).view()

    async def _answer(self, params: CallRef, _peer: Peer) -> CallView:
        return (await self._calls.answer(params.call, params.leg)).view()

    def _ring(self, params: Ring, _peer: Peer) -> CallView:
        return self._calls.ring(params.call, params.leg, params.status).view()

    def _reject(self, params: Reject, _peer: Peer) -> CallView:
        return self._calls.reject(params.call, params.leg, params.status, params.reason).view()

    def _redirect(self, params: Redirect, _peer: Peer) -> CallView:
        return self._calls.redirect(params.call, params.leg, params.to).view()

    async def _bridge(self, params: BridgeRequest, _peer: Peer) -> BridgedCalls:
        await self._calls.tell_of_recording(params.leg, params.with_)
        first, second = self._calls.bridge(
            params.leg, params.with_, end_together=params.end_together
        )
        return {"calls": [first.view(), second.view()]}

    def _unbridge(self, params: CallRef, _peer: Peer) -> CallView:
        return self._calls.unbridge(params.call, params.leg).view()

    def _hold(self, params: CallRef, _peer: Peer) -> CallView:
        return self._calls.hold(params.call, params.leg).view()

    def _resume(self, params: CallRef, _peer: Peer) -> CallView:
        return self._calls.resume(params.call, params.leg).view()

    def _send_dtmf(self, params: SendDtmf, _peer: Peer) -> CallView:
        return self._calls.send_dtmf(
            params.call, params.leg, params.digits, params.duration_ms, params.gap_ms
        ).view()

    def _send_info(self, params: SendInfo, _peer: Peer) -> CallView:
        body = params.body.encode("utf-8", "surrogateescape")
        return self._calls.send_info(params.call, params.leg, params.content_type, body).view()

    def _detect(self, params: CallRef, _peer: Peer) -> CallView:
        """Replies at once: the verdict is an event."""
        return self._calls.detect(params.call, params.leg).view()

    def _headers(self, params: CallRef, _peer: Peer) -> Headers:
        return {"headers": list(self._calls.headers(params.call, params.leg))}
