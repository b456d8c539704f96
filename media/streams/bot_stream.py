"""One stream in the stream host: a leg of a media worker by RTP, and a bot by WebSocket.

The RTP side goes on as long as the stream lasts, also while the connection to the bot is lost and
tried again: then the leg hears silence.
"""

import asyncio
import random
from collections.abc import Callable
from time import monotonic
from typing import Any, Final

import numpy as np

from ..protocol.messages import Codec
from ..rtp.outgoing_stream import OutgoingStream
from ..rtp.rtp import HEADER, MARKER_BIT, VERSION_BITS
from ..rtp_socket import RtpSocket
from . import bot_messages as bot
from .asked_budget import AskedBudget
from .bot_connection import BotConnection, BotFault
from .connector import PING_S, Connector, NotConnected
from .heard_audio import HeardAudio
from .leg_codec import FRAME_MS, encode, rate_hz, silence
from .messages import (
    PAYLOAD_TYPES,
    BotAsks,
    Event,
    OpenStream,
    StreamEnded,
    StreamFigures,
    StreamInterrupted,
    StreamReady,
    StreamResumed,
)
from .sample_rate import RateConverter
from .spoken_audio import ReachedMark, SpokenAudio

FIRST_RETRY_S: Final = 0.25
LONGEST_RETRY_S: Final = 4.0
# A connection that lasted this long was good: the tries are counted anew, a while.
# One that does not answer pings is known for that after one and a half PING_S.
_GOOD_S: Final = 2 * PING_S
_MOST_RECONNECTS: Final = 20
# What a bot may send beyond what has room, before the stream ends.
_MOST_OVERFLOW_MS: Final = 600_000
# Frames of a time in which the process was held up that are sent all the same: 200 ms.
_MOST_MISSED: Final = 10
_TOLD_HEARD_EVERY_MS: Final = 1000


class BotStream:
    """Runs one stream; `report` gets what the engine is to know.

    `on_failed` is called where it cannot go on by a defect of ours: it is cancelled then.
    """

    def __init__(
        self,
        order: OpenStream,
        connector: Connector,
        report: Callable[[Event], None],
        on_failed: Callable[[], None],
    ) -> None:
        self._order = order
        self._connector = connector
        self._report = report
        self._rtp = RtpSocket(self._packet_received, on_failed)
        self._heard = HeardAudio(order.codec, order.rate_hz)
        self._spoken = SpokenAudio(order.ahead_ms, order.rate_hz)
        rng = random.SystemRandom()
        self._outgoing = OutgoingStream(
            rng.getrandbits(32), rng.getrandbits(15), rng.getrandbits(32)
        )
        self.speak_codec(order.codec)
        self._connection: BotConnection[bot.BotMessage] | None = None
        self._ending: asyncio.Future[bot.Stop] = asyncio.get_running_loop().create_future()
        self._cause = "the stream is over"
        self._asked = AskedBudget()
        self._overflow_ms = 0
        self._is_overflowing = False
        self._told_heard_ms = 0
        self._is_ready = False
        self._speaks = False
        self._sent_frames = self._dropped_frames = self._reconnects = 0

    @property
    def figures(self) -> StreamFigures:
        """What has gone through so far."""
        connection = self._connection
        sent, dropped = self._sent_frames, self._dropped_frames
        if connection is not None:
            sent, dropped = sent + connection.frames_sent, dropped + connection.frames_dropped
        return StreamFigures(
            heard_ms=self._spoken.heard_ms,
            dropped_ms=self._spoken.dropped_ms,
            sent_ms=sent * FRAME_MS,
            lost_ms=self._heard.lost_ms + dropped * FRAME_MS,
            reconnects=self._reconnects,
        )

    # -- its life -----------------------------------------------------------------------------

    async def run(self) -> None:
        """Connect, and go on until the bot stops, or cannot be reached any more.

        Cancelling it ends the stream, and reports nothing.
        """
        stream = self._order.stream
        try:
            await self._rtp.open(self._order.host)
            self._rtp.connect(self._order.host, self._order.port)
            stop = await self._go_on()
        except NotConnected as error:
            self._report(StreamEnded(stream, error.reason, error.failure, self.figures))
        except OSError as error:
            reason = f"no RTP: {error.strerror}"
            self._report(StreamEnded(stream, reason, "unreachable", self.figures))
        else:
            cause = stop.reason or "the bot has stopped the stream"
            self._report(StreamEnded(stream, cause, None, self.figures))
        finally:
            self._rtp.close()

    def end_with(self, cause: str) -> None:
        """Say why the task is about to be cancelled: the bot is told."""
        self._cause = cause

    async def _go_on(self) -> bot.Stop:
        """Returns what the bot has stopped with. Raises NotConnected."""
        loop = asyncio.get_running_loop()
        tries, retry_s = 0, FIRST_RETRY_S
        while True:
            good_from = loop.time() + _GOOD_S
            try:
                return await self._connected(tries)
            except NotConnected as error:
                failure = error
            except BotFault as fault:
                failure = NotConnected("failed", fault.reason, may_change=fault.may_change)
                if loop.time() >= good_from:
                    tries, retry_s = 0, FIRST_RETRY_S
                if self._reconnects >= _MOST_RECONNECTS:
                    failure.may_change = False
            if not failure.may_change or tries >= self._order.retries:
                if self._is_ready:
                    failure.failure = "failed"
                raise failure
            if self._is_ready and failure.failure == "failed":
                self._report(StreamInterrupted(self._order.stream, failure.reason))
            tries += 1
            await asyncio.sleep(retry_s)
            retry_s = min(2 * retry_s, LONGEST_RETRY_S)

    async def _connected(self, tries: int) -> bot.Stop:
        """One connection. Returns what the bot has stopped with. Raises NotConnected, BotFault."""
        order = self._order
        socket = await self._connector.connect(order.service, order.connect_s)
        connection = BotConnection(
            socket,
            on_audio=self._audio_received,
            on_message=self._message_received,
            read=bot.read_bot_message,
        )
        last_message: str | None = None
        try:
            await connection.greet(self._start(), order.connect_s)
            self._connection = connection
            self._became_ready(tries)
            running = asyncio.ensure_future(connection.run())
            try:
                over: list[asyncio.Future[Any]] = [running, self._ending]
                await asyncio.wait(over, return_when=asyncio.FIRST_COMPLETED)
                if not self._ending.done():
                    running.result()  # it raises: a connection ends by a fault alone
                return await self._ending
            except BaseExceptionGroup as group:
                fault = group.exceptions[0]
                last_message = bot.write_message("error", reason=str(fault))
                raise fault from None
            finally:
                running.cancel()
                await asyncio.wait([running])
        except asyncio.CancelledError:
            heard_ms = self._spoken.heard_ms
            last_message = bot.write_message("stop", cause=self._cause, heard_ms=heard_ms)
            raise
        finally:
            if self._connection is connection:
                self._connection = None
                self._sent_frames += connection.frames_sent
                self._dropped_frames += connection.frames_dropped
            await connection.close(last_message)

    def _start(self) -> str:
        order = self._order
        members = {
            "version": bot.VERSION,
            "stream": order.stream,
            "encoding": "s16le",
            "channels": 1,
            "rate_hz": order.rate_hz,
            "frame_ms": FRAME_MS,
            "ahead_ms": order.ahead_ms,
            "reconnects": self._reconnects + (1 if self._is_ready else 0),
            "heard_ms": self._spoken.heard_ms,
            "queued_ms": self._spoken.queued_ms,
            "is_paused": self._spoken.is_paused,
        }
        return bot.start_message(order.start, members)

    def _became_ready(self, tries: int) -> None:
        stream = self._order.stream
        if self._is_ready:
            self._reconnects += 1
            self._report(StreamResumed(stream, tries))
        else:
            self._is_ready = True
            self._report(StreamReady(stream, *self._rtp.address))

    # -- from the bot -------------------------------------------------------------------------

    def _audio_received(self, data: bytes) -> None:
        dropped = self._spoken.queue_sound(data, monotonic())
        if not dropped:
            self._is_overflowing = False
            return
        self._overflow_ms += dropped * 500 // self._order.rate_hz
        if self._overflow_ms > _MOST_OVERFLOW_MS:
            reason = f"the bot sends too much: {self._overflow_ms // 1000} s had no room"
            raise BotFault(reason, may_change=False)
        if not self._is_overflowing:
            self._is_overflowing = True
            self._tell("overflow", ahead_ms=self._order.ahead_ms, heard_ms=self._spoken.heard_ms)

    def _message_received(self, message: bot.BotMessage) -> None:
        spoken = self._spoken
        match message:
            case bot.Mark():
                self._tell_marks(spoken.mark(message.name))
            case bot.Clear():
                before = spoken.dropped_ms
                self._tell_marks(spoken.clear())
                dropped = spoken.dropped_ms - before
                self._tell("cleared", heard_ms=spoken.heard_ms, dropped_ms=dropped)
            case bot.Pause():
                spoken.is_paused = True
                self._tell("paused", heard_ms=spoken.heard_ms, queued_ms=spoken.queued_ms)
            case bot.Resume():
                spoken.is_paused = False
                self._tell("resumed", heard_ms=spoken.heard_ms, queued_ms=spoken.queued_ms)
            case bot.Stop():
                if not self._ending.done():
                    self._ending.set_result(message)
            case bot.Ready() | bot.Reject():
                self._tell("error", reason="start is acknowledged already")
            case _:
                self._asked.asked(asyncio.get_running_loop().time())
                self._report(BotAsks(self._order.stream, bot.encode_message(message)))

    def tell(self, text: str) -> None:
        """Send the bot a text of the engine."""
        if self._connection is not None:
            self._connection.send_text(text)

    def _tell(self, kind: str, **members: object) -> None:
        self.tell(bot.write_message(kind, **members))

    def _tell_marks(self, marks: list[ReachedMark]) -> None:
        for mark in marks:
            self._tell("mark", name=mark.name, heard_ms=mark.heard_ms, is_cleared=mark.is_cleared)

    # -- between bot and leg ------------------------------------------------------------------

    def speak_codec(self, codec: Codec) -> None:
        """Send the leg this codec from now on."""
        self._codec = codec
        self._to_leg = RateConverter(self._order.rate_hz, rate_hz(codec))
        self._silence = silence(codec)
        self._outgoing.set_clock(rate_hz(codec))

    def tick(self, now: float, missed: int) -> None:
        """Send the leg the next 20 ms of what the bot says, or silence.

        `missed` frames before it were not sent, because the process was held up: what is said
        follows now, so that it is heard no later from then on.
        """
        if not self._is_ready:
            return
        for frames in range(missed, 0, -1):
            if self._spoken.is_speaking and frames <= _MOST_MISSED:
                self._send_frame(now - frames * FRAME_MS / 1000)
            else:
                self._spoken.fall_behind()
        self._send_frame(now)

    def _send_frame(self, now: float) -> None:
        spoken = self._spoken
        frame = spoken.next_frame(now)
        payload = self._silence
        marks: list[ReachedMark] = []
        if frame is not None:
            sound, marks = frame
            samples = np.frombuffer(sound, "<i2").astype(np.int16, copy=False)
            payload = encode(self._to_leg.convert(samples), self._codec)
            payload += self._silence[len(payload) :]
        begins = frame is not None and not self._speaks
        self._speaks = frame is not None
        outgoing = self._outgoing
        marker = outgoing.next_frame(len(payload), now) or begins
        first = VERSION_BITS | PAYLOAD_TYPES[self._codec] | (MARKER_BIT if marker else 0)
        header = HEADER.pack(
            first, outgoing.sequence & 0xFFFF, outgoing.timestamp & 0xFFFFFFFF, outgoing.ssrc
        )
        self._rtp.send(header + payload)
        if marks:
            self._tell_marks(marks)
        if spoken.heard_ms - self._told_heard_ms >= _TOLD_HEARD_EVERY_MS or (
            frame is None and spoken.heard_ms > self._told_heard_ms and not spoken.queued_ms
        ):
            self._told_heard_ms = spoken.heard_ms
            self._tell("heard", heard_ms=spoken.heard_ms, queued_ms=spoken.queued_ms)

    def _packet_received(self, packet: bytes) -> None:
        frames = self._heard.receive(packet)
        if self._connection is not None:
            for frame in frames:
                self._connection.send_frame(frame)
        elif self._is_ready:  # the connection is lost, and tried again
            self._dropped_frames += len(frames)
