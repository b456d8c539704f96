"""A leg whose party is a service at the other end of a WebSocket, such as a voice bot.

To the media worker it is a leg like any other: its RTP comes from the stream host. So everything
that a leg is part of works for it: bridges, recordings, transfers. It answers when the service has
acknowledged `start`.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import structlog

from media.isolation import FAULT
from media.protocol import messages as media_events
from media.protocol.messages import Codec
from media.streams import bot_messages as bot
from media.streams import messages as m
from sip.sdp.offer_answer import NegotiatedAudio

from ...routing.media_policy import MediaPolicy
from ...routing.targets.destination import Destination
from ...routing.targets.stream_target import Handover, StreamFallback
from ..call import Call
from ..dialling import CODECS, Caller
from ..hangup_cause import CLEARING, HangupCause, Result
from ..leg import Leg, LegEnded, Role
from ..legs.leg_listener import LegOwner
from ..legs.sent_keys import DURATION_MS, GAP_MS
from ..services import CallServices
from .leg_codec import stream_codec
from .streams import StreamNotOpened

log = structlog.get_logger()

_RESULTS: Final[dict[m.Failure, Result]] = {
    "unreachable": "unreachable",
    "refused": "declined",
    "no_answer": "no_answer",
    "failed": "failed",
}
# RTP of a stream comes from the stream host alone, and keys by texts.
_OF_HOST: Final = MediaPolicy(rtp="strict", dtmf="info")
FIGURES_S: Final = 0.5
_SHOWN: Final = ("from", "number", "to", "dialled", "trunk", "route", "queue", "site", "context")


class StreamLeg(Leg):
    """The leg of `call` to the service of `destination`. `is_listener`: it hears, and says nothing.

    `of_leg` is the leg whose sound the service gets, as it is told.
    """

    is_listener = False
    hears_secrets = False
    of_leg: str | None = None

    def __init__(
        self,
        leg_id: str,
        role: Role,
        destination: Destination,
        services: CallServices,
        owner: LegOwner,
        call: Call,
    ) -> None:
        super().__init__(
            leg_id=leg_id,
            role=role,
            destination=destination,
            sip=services.sip,
            media=services.media,
            owner=owner,
        )
        assert destination.stream is not None
        self._target = destination.stream
        self._streams = services.streams
        self._call = call
        self._codec: Codec = "PCMU"
        self._closed: asyncio.Future[m.StreamFigures] | None = None
        self._started = False
        self._over_cause = ""

    # -- dialling -----------------------------------------------------------------------------

    async def dial(
        self,
        *,
        caller: Caller,
        ring_s: float,
        codecs: tuple[str, ...] = CODECS,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        """Connect the service. Raises LegEnded where it does not take the stream."""
        if self.hangup_cause is not None:  # hung up before it was dialled
            raise LegEnded(self, self.hangup_cause)
        self._dialled = True
        self.record.started = self._owner.now()
        self._publish("leg.dialing", self)
        self._codec = stream_codec(codecs[0], self._streams.rate_hz(self._target))
        self._closed = asyncio.get_running_loop().create_future()
        outcome = self.expect()
        try:
            async with asyncio.timeout(ring_s):
                await self._streams.open(
                    self, self._target, self._media.endpoint, self._codec, self._about(caller)
                )
                cause = await outcome
                if cause is None:
                    return
        except StreamNotOpened as error:
            self._closed = None
            cause = HangupCause("unavailable", str(error), is_ours=True)
        except TimeoutError:
            cause = HangupCause("no_answer", f"no answer within {ring_s:g} s")
            self._close_stream(cause.phrase)
        self._end(cause)
        raise LegEnded(self, self.hangup_cause or cause)

    def _about(self, caller: Caller) -> dict[str, Any]:
        """What `start` tells the service of the call."""
        call = self._call
        if self.of_leg is None:
            others = (leg.id for leg in call.legs if leg is not self and leg.hangup_cause is None)
            self.of_leg = next(others, None)
        about = {
            "call": call.id,
            "job": call.job_id,
            "leg": self.of_leg,
            "mode": "listen" if self.is_listener else "talk",
            "direction": call.direction,
            "agent": self.destination.agent,
            **{name: call.about.get(name) for name in _SHOWN},
            "parameters": dict(self._target.parameters),
        }
        if about["from"] is None:
            about["from"] = caller.user
        return {name: value for name, value in about.items() if value is not None}

    # -- what it hears --------------------------------------------------------------------------

    def fit(self, others: Sequence[Leg]) -> None:
        """Hear and speak as these legs do, wide where one of them does: they are joined now."""
        audio, rate_hz = self.audio, self._streams.rate_hz(self._target)
        wanted = [stream_codec(one.audio.codec, rate_hz) for one in others if one.audio is not None]
        best = max(wanted, key=("PCMU", "PCMA", "L16/16000").index, default=self._codec)
        if audio is None or best == self._codec or self.hangup_cause is not None:
            return
        self._codec = best
        self._streams.speak_codec(self, self._codec)
        self._connect(_audio_at(audio.host, audio.port, self._codec))

    # -- keys ---------------------------------------------------------------------------------

    @property
    def gets_keys_by_info(self) -> bool:
        """It is told of each key by a text frame."""
        return True

    def check_keys(self) -> None:
        """It takes keys."""

    def send_keys(self, keys: str, *, duration_ms: int = DURATION_MS, gap_ms: int = GAP_MS) -> None:
        """Tell the service of keys that its partner has pressed."""
        for key in keys:
            self._streams.tell_bot(self, "dtmf", digit=key, duration_ms=duration_ms)

    # -- the end ------------------------------------------------------------------------------

    def hang_up(self, cause: HangupCause, reason_header: str = CLEARING) -> None:
        """End the stream from our side. No effect once it has ended."""
        if self.hangup_cause is None:
            self._close_stream(str(cause))
        super().hang_up(cause, reason_header)

    def _close_stream(self, cause: str) -> None:
        self._over_cause = self._over_cause or cause
        self._streams.close(self, cause)

    async def release(self) -> None:
        """Hang up if that has not been done, and wait for what has gone through the stream."""
        if self._dialled:
            self.hang_up(HangupCause("completed", "released"))
        if self._closed is not None:
            try:
                async with asyncio.timeout(FIGURES_S):
                    await asyncio.shield(self._closed)
            except TimeoutError:  # the stream host is being started again
                self._closed_with(m.StreamFigures())
        self._streams.forget(self)
        await super().release()

    def _closed_with(self, figures: m.StreamFigures) -> None:
        """The stream is over, and this has gone through it."""
        if self._closed is not None and not self._closed.done():
            self._closed.set_result(figures)
        if self._started:
            self._started = False
            self._publish(
                "stream.ended",
                self,
                cause=self._over_cause,
                heard_ms=figures.heard_ms,
                dropped_ms=figures.dropped_ms,
                sent_ms=figures.sent_ms,
                lost_ms=figures.lost_ms,
                reconnects=figures.reconnects,
            )

    # -- what the media worker reports -----------------------------------------------------------

    def on_media(self, event: media_events.Event) -> None:
        """See Leg. Where its media fails, its partner goes where they go without the bot."""
        is_up = self.record.answered is not None and self.hangup_cause is None
        if is_up and isinstance(event, media_events.LegFailed):
            log.error("media_of_leg_failed", leg=self.id)
            self._close_stream(FAULT)
            self._lost(FAULT)
        else:
            super().on_media(event)

    # -- what the stream host reports -----------------------------------------------------------

    def on_stream(self, event: m.Event) -> None:
        """Handle one event of the stream."""
        match event:
            case m.StreamReady():
                self._ready(event.host, event.port)
            case m.StreamInterrupted():
                self._publish("stream.interrupted", self, cause=event.reason)
            case m.StreamResumed():
                self._publish("stream.resumed", self, attempts=event.attempts)
            case m.BotAsks():
                self._asked(bot.read_asked(event.request))
            case m.StreamClosed():
                self._closed_with(event.figures)
            case m.StreamEnded():
                self._over(event)
                self._closed_with(event.figures)

    def _ready(self, host: str, port: int) -> None:
        if self.hangup_cause is not None:
            return
        record = self.record
        record.state, record.answered = "answered", self._owner.now()
        self._started = True
        self._settle(None)
        self._media.take_from(host, _OF_HOST, is_even=True)
        self._connect(_audio_at(host, port, self._codec))
        self._publish("leg.answered", self)
        self._publish(
            "stream.started",
            self,
            of_leg=self.of_leg,
            mode="listen" if self.is_listener else "talk",
            rate_hz=self._streams.rate_hz(self._target),
        )

    def _over(self, event: m.StreamEnded) -> None:
        self._over_cause = self._over_cause or event.cause
        if self.record.answered is None:
            failure = event.failure or "refused"
            self._settle(HangupCause(_RESULTS[failure], event.cause))
        elif event.failure is None:
            self._end(HangupCause("completed", event.cause))
        else:
            self._lost(event.cause)

    def _lost(self, reason: str) -> None:
        """The service is gone: its partner goes where the fallback says."""
        fallback = self._target.fallback
        text = None if fallback is None else fallback.text
        self._publish("stream.failed", self, cause=reason, fallback=text)
        if fallback is not None:
            self.fall_back(fallback)
        self._end(HangupCause("failed", reason))

    def fall_back(self, fallback: StreamFallback) -> None:
        """Let the partner be connected with the fallback; without effect where nobody can."""
        if fallback.handover is None and not fallback.announcement:
            return
        self.allow_to_leave()
        if not self._hand_over(fallback):
            self.require_again()

    def _hand_over(self, wanted: StreamFallback) -> bool:
        """Whether it was begun. Where it was not, the bot is told why, once."""
        reasons: list[str] = []

        def on_failed(reason: str) -> None:
            reasons.append(reason)
            self._streams.tell_bot(self, "handover_failed", reason=reason)

        if any(one.handover_requested(self, wanted, on_failed) for one in tuple(self._listeners)):
            return True
        if not reasons:
            on_failed("nothing can be handed over now")
        return False

    def _asked(self, asked: bot.AskedOfEngine) -> None:
        match asked:
            case bot.Dtmf():
                for digit in asked.digits:
                    self.info_digit(digit, DURATION_MS)
            case bot.Hangup():
                phrase = asked.reason or "hung up by the bot"
                self.hang_up(HangupCause("hung_up", phrase))
            case bot.Handover():
                handover = Handover(asked.queue, asked.agent, asked.to, asked.context)
                self._hand_over(StreamFallback(handover))


def _audio_at(host: str, port: int, codec: Codec) -> NegotiatedAudio:
    """What the media worker is told of the stream host."""
    return NegotiatedAudio(
        host=host,
        port=port,
        rtcp_port=port,
        codec=codec,
        payload_type=m.PAYLOAD_TYPES[codec],
        telephone_event_payload_type=None,
        direction="sendrecv",
        ptime_ms=20,
    )
