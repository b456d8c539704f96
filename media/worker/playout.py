"""What a leg's peer hears: frames of the clock, another leg's peer, or digits, as one stream."""

import socket
from collections.abc import Callable
from typing import Final

from ..messages import Codec, Connect
from ..rtp.outgoing_stream import OutgoingStream
from ..rtp.rtp import HEADER, MARKER_BIT, VERSION_BITS
from ..rtp.srtp import SrtpSender
from ..rtp.telephone_event import DigitWriter
from ..sound.clip import SILENCE, Clip
from ..sound.fade import FADE_SAMPLES, crossfade
from ..sound.frames import SpeakingSources
from ..sound.g711 import SILENCE as SILENT_FRAME
from ..sound.g711 import TRANSLATION
from ..sound.mixed_clip import MixedClip, MixedClips
from .announcing.saved_source import Saved
from .peer_stream import PeerStream, RecordingTap

# What was relayed is faded out where it was sent until just now: receivers conceal older gaps.
TAIL_S: Final = 0.05
GAP_FILL_S: Final = 0.16  # silence is sent once the relayed peer has sent nothing for this long
MIX_GAP_S: Final = 0.035  # the same while something is mixed over it, which must not pause


class Playout:
    """Decides which source is heard, and sends it. Times are seconds of one monotonic clock.

    `relayed` is the stream that is being forwarded at the moment; while it is None, the peer hears
    the frames of the clock, or nothing when it must not hear anything. `ended` gets the number
    of a finite clip that has come to its end.
    """

    __slots__ = (
        "_before",
        "_clip",
        "_digits",
        "_ended",
        "_falls",
        "_goes_on",
        "_is_new",
        "_last_mixed",
        "_left",
        "_loop",
        "_mapped_epoch",
        "_may_send",
        "_patient",
        "_play",
        "_position",
        "_send",
        "_speaking",
        "_tail",
        "_tail_after",
        "_waiting_since",
        "codec",
        "event_payload_type",
        "hearing",
        "mixed",
        "payload_type",
        "relayed",
        "sender",
        "socket_fd",
        "stream",
        "tap",
    )

    def __init__(
        self,
        stream: OutgoingStream,
        speaking: "SpeakingSources[Playout]",
        ended: Callable[[int], None],
    ) -> None:
        self.stream = stream
        self._speaking = speaking
        self._ended = ended
        self._send: Callable[[bytes], int] = len  # until there is a socket
        self.socket_fd = -1
        self.sender: SrtpSender | None = None
        self.codec: Codec = "PCMU"
        self.payload_type = 0
        self.event_payload_type: int | None = None
        self.tap: RecordingTap | None = None
        """Where what the peer hears is recorded; None where it is not."""
        self._may_send = False
        self.hearing: PeerStream | None = None
        self.relayed: PeerStream | None = None
        self.mixed = MixedClips()  # over what is heard
        self._mapped_epoch = -1
        self._waiting_since = 0.0
        self._patient = False
        self._clip: Clip | None = None
        self._loop = False
        self._position = 0
        self._left: tuple[Clip, int] | None = None
        self._play = 0
        self._falls = False
        self._before: bytes | None = None  # what the first relayed packet is faded with
        # The last sample of a relayed sound, held for as long as it takes to fall, and how many
        # packets were sent before the fall.
        self._tail: bytes | None = None
        self._tail_after = 0
        self._is_new = False  # the peer that is heard has not been relayed yet
        self._last_mixed = b""  # the last sample of a sum
        self._goes_on = False  # the next peer that is heard is the one who was in the sum
        self._digits: DigitWriter | None = None  # from the first digit to be sent on

    @property
    def dialling(self) -> bool:
        """Whether digits are being sent."""
        return bool(self._digits)

    @property
    def may_send(self) -> bool:
        """Whether anything may be sent to the peer."""
        return self._may_send

    @property
    def play(self) -> int:
        """The number of the finite source that is heard; 0 where it has ended, or none is."""
        return self._play

    def use(self, connected: socket.socket | None, sender: SrtpSender | None = None) -> None:
        """Send on a socket that is connected to the peer; with None what is sent is lost.

        With `sender`, SRTP is sent.
        """
        self.settle()
        self._send = len if connected is None else connected.send
        self.sender = sender
        if connected is not None and sender is not None:
            self._send = _protected(sender.protect, connected.send)
        self.socket_fd = -1 if connected is None else connected.fileno()

    def agree(self, description: Connect, *, may_send: bool, now: float) -> None:
        """Take over codec and payload types, and whether anything may be sent."""
        self.settle()
        if description.codec != self.codec:
            self._speaking.set_codec(self, description.codec)
        self.codec = description.codec
        self.payload_type = description.payload_type
        self.event_payload_type = description.telephone_event_payload_type
        if may_send != self._may_send:
            self._may_send = may_send
            self.relayed = None
            self._is_new = True
            self._waiting_since = now
            if may_send:
                self._speak()
            else:
                self._hush()

    def settle(self) -> None:
        """Book what the fast path sent here."""
        if self.hearing is not None:
            self.hearing.settle()

    def hear_clip(
        self,
        play: int,
        clip: Clip,
        now: float,
        *,
        loop: bool,
        falls: bool = False,
        position: int | None = None,
    ) -> None:
        """From the next frame on the peer hears `clip`, faded in while what it heard fades out.

        With `falls` a finite clip fades out at its end, where it may be cut off. A loop that is
        heard again, as music after an announcement, goes on where it was left, unless `position`
        says from which sample on the clip is heard.
        """
        self.leave_peer(now)
        self._remember_loop()
        self._play = play
        self._clip = clip
        self._loop = loop
        self._falls = falls
        if position is None:
            position = self._left[1] if self._left and loop and self._left[0] is clip else 0
        self._position = position
        self._speak()

    def save(self) -> Saved:
        """What is heard now, to be heard again later."""
        reached = self._speaking.position(self)
        position = self._position if reached is None else reached
        return Saved(
            self._clip, self._play, self._loop, self._falls, position, self.hearing, self._patient
        )

    def mix(self, clip: MixedClip) -> None:
        """Let the peer hear `clip` over what it hears, until it is over."""
        self.settle()
        self.mixed.add(clip)

    def keep_mixing(self, now: float) -> None:
        """Send silence under what is mixed where the relayed peer pauses; forget what is over."""
        self.mixed.forget_over()
        pauses = self.hearing is not None and now - self.stream.sent_at >= MIX_GAP_S
        if self.mixed and pauses and self._may_send and self._clip is None and not self._digits:
            self.settle()
            self.relayed = None
            self._clip, self._loop, self._position = SILENCE, True, 0
            self._speak()

    def hear_peer(self, source: PeerStream, now: float, *, patient: bool = False) -> None:
        """The peer hears another leg's peer from its next packet on; till then, what it heard.

        That is for GAP_FILL_S at most, or with `patient` for as long as the first packet takes.
        """
        if self._patient and not patient:  # the wait that is bounded begins now
            self._waiting_since = now
        self._patient = patient
        if self.hearing is source:
            return
        self.leave_peer(now)
        self._play = 0
        if self._tail is not None:  # the new peer's first packet may be long in coming
            self._clip, self._loop, self._position = SILENCE, True, 0
            self._speak()
        source.settle()
        source.listeners.append(self)
        self.hearing = source
        self._is_new = not self._goes_on
        self._goes_on = False
        self._waiting_since = now

    def hear_silence(self, now: float) -> None:
        """The peer hears silence."""
        self.hear_clip(0, SILENCE, now, loop=True)

    def begin_mix(self, now: float, *, goes_on: bool) -> None:
        """The peer hears the frames of `send_mixed` from now on.

        With `goes_on` they go on where the relayed packets end; otherwise the first rises out of
        what was heard.
        """
        self.leave_peer(now)
        self._remember_loop()
        self._before = None if goes_on else self._falling() or self._speaking.ahead(self)
        self._speaking.remove_source(self)
        self._clip, self._loop, self._play = None, False, 0

    def let_fall(self) -> None:
        """What was relayed until now does not go on: it falls in the first frame of the sum."""
        self._before = self._falling()

    def send_mixed(self, payload: bytes, now: float) -> None:
        """Send a frame of a sum, in the peer's codec."""
        if self._may_send:
            if self._before is not None:
                payload = crossfade(self._before, payload, self.codec)
                self._before = None
            self._last_mixed = payload[-1:]
            self.send_frame(payload, now)

    def end_mix(self, now: float, *, falls: bool) -> None:
        """The peer hears no sum any more, and another source at once.

        Without `falls` that is the peer who was alone in the sum, and goes on.
        """
        self._goes_on = not falls
        self._before = None
        if falls and self._last_mixed and now - self.stream.sent_at <= TAIL_S:
            self._tail = self._last_mixed * FADE_SAMPLES
            self._tail_after = self.stream.packets_sent
        self._last_mixed = b""

    def _remember_loop(self) -> None:
        """A loop that is heard again goes on where it was left."""
        if self._loop and self._clip is not None and self._clip is not SILENCE:
            position = self._speaking.position(self)
            self._left = self._clip, self._position if position is None else position

    def leave_peer(self, now: float) -> None:
        """Hear the other leg no longer. What was relayed until just now will fall."""
        hearing = self.hearing
        if hearing is not None:
            hearing.settle()
            hearing.listeners.remove(self)
            self.hearing = None
            if self.relayed is hearing and now - self.stream.sent_at <= TAIL_S:
                self._tail = hearing.last_sample(self.codec) * FADE_SAMPLES
                self._tail_after = self.stream.packets_sent
        self.relayed = None

    def _falling(self) -> bytes | None:
        """What the next sound is faded with after a relayed one; None where that has fallen."""
        return self._tail if self._tail_after == self.stream.packets_sent else None

    def _speak(self) -> None:
        if self._clip is not None and self._may_send:
            before = self._falling() or self._speaking.ahead(self)
            if before is None and self._clip is not SILENCE:
                before = SILENT_FRAME[self.codec][:FADE_SAMPLES]
            self._speaking.add_source(
                self,
                self._clip,
                self.codec,
                loop=self._loop,
                position=self._position,
                before=before,
                falls=self._falls,
            )

    def _hush(self) -> None:
        position = self._speaking.remove_source(self)
        if position is not None:
            self._position = position

    def clip_ended(self) -> None:
        """The finite clip had its last frame: silence follows, and the engine hears of it."""
        play = self._play
        self._clip, self._loop, self._position = SILENCE, True, 0
        self._speak()
        if play:
            self._ended(play)

    def send_frame(self, payload: bytes, now: float) -> None:
        """Send a frame of the clock."""
        if self._digits:
            return
        if self.mixed:
            payload = self.mixed.over(payload, self.codec)
        stream = self.stream
        marker = stream.next_frame(len(payload), now)
        if self.tap is not None:
            self.tap.write(stream.timestamp, payload, self.codec, now)
        self._transmit(self.payload_type, stream.sequence, stream.timestamp, marker, payload)

    def send_digits(self, digits: str, duration_ms: int, gap_ms: int) -> bool:
        """Queue DTMF digits; False when the peer takes no telephone-events."""
        if self.event_payload_type is None:
            return False
        self.settle()
        self.relayed = None
        if self._digits is None:
            self._digits = DigitWriter()
        self._digits.queue_digits(digits, duration_ms=duration_ms, gap_ms=gap_ms)
        return True

    def send_digit_frame(self, now: float) -> None:
        """The next frame of the digits under way."""
        frame = self._digits.next_frame() if self._digits is not None else None
        if frame is None or self.event_payload_type is None or not self._may_send:
            return
        payload, begins = frame
        if begins:
            self.stream.next_frame(len(payload), now)
        else:
            self.stream.repeat_timestamp(len(payload))
        stream = self.stream
        self._transmit(self.event_payload_type, stream.sequence, stream.timestamp, begins, payload)

    def relay_audio(
        self,
        source: PeerStream,
        sequence: int,
        timestamp: int,
        marker: bool,
        payload: bytes,
        codec: str,
        now: float,
    ) -> None:
        """Forward an audio packet of the leg that is heard. `sequence` is extended."""
        if not self._follows(source, sequence, timestamp, now):
            return
        stream = self.stream
        numbers = stream.forward(sequence, timestamp, len(payload), now)
        if numbers is not None:
            table = TRANSLATION[codec, self.codec]
            if table is not None:
                payload = payload.translate(table)
            if self._before is not None:
                payload = crossfade(self._before, payload, self.codec)
                self._before = None
            if self.mixed:
                payload = self.mixed.over(payload, self.codec)
            marker = marker or stream.marker_due
            stream.marker_due = False
            if self.tap is not None:
                self.tap.write(numbers[1], payload, self.codec, now)
            self._transmit(self.payload_type, *numbers, marker, payload)

    def relay_event(
        self,
        source: PeerStream,
        sequence: int,
        timestamp: int,
        marker: bool,
        payload: bytes,
        now: float,
    ) -> None:
        """Forward a telephone-event packet, if this peer takes any."""
        if self.event_payload_type is None:
            self.relay_nothing(source, sequence)
        elif self._follows(source, sequence, timestamp, now):
            numbers = self.stream.forward(sequence, timestamp, len(payload), now)
            if numbers is not None:
                self._transmit(self.event_payload_type, *numbers, marker, payload)

    def relay_nothing(self, source: PeerStream, sequence: int) -> None:
        """A packet of the leg that is heard has no place in this peer's stream."""
        if self.relayed is source and sequence == source.highest:
            self.stream.skip(sequence)

    def _follows(self, source: PeerStream, sequence: int, timestamp: int, now: float) -> bool:
        """Whether `source` is being forwarded, beginning with this packet if need be."""
        if not self._may_send or self._digits:
            self.relayed = None
            return False
        if self.relayed is source and self._mapped_epoch == source.epoch:
            return True
        if sequence != source.highest:
            return False
        self._before = self._fades_in_from()
        self._speaking.remove_source(self)
        self._clip = None
        self._tail = None
        self._is_new = False
        self.relayed = source
        self._mapped_epoch = source.epoch
        self.stream.follow(sequence, timestamp, now)
        return True

    def _fades_in_from(self) -> bytes | None:
        """What would be heard in the place of a peer's first packet; None: that is not faded.

        A peer that has paused goes on as it is: nothing of what it says is lost.
        """
        silence = SILENT_FRAME[self.codec][:FADE_SAMPLES]
        before = self._falling() or self._speaking.ahead(self)
        if before is not None and before != silence:
            return before
        return silence if self._is_new and self.stream.packets_sent else None

    def _transmit(
        self, payload_type: int, sequence: int, timestamp: int, marker: bool, payload: bytes
    ) -> None:
        first = VERSION_BITS | payload_type | (MARKER_BIT if marker else 0)
        stream = self.stream
        header = HEADER.pack(first, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, stream.ssrc)
        try:
            self._send(header + payload)
        except OSError:  # the peer's port is closed, or the kernel's buffer is full
            stream.failed()

    def fill_gap(self, now: float) -> None:
        """Keep the peer's stream alive with silence when the leg that is heard sends nothing."""
        hearing = self.hearing
        if (
            hearing is not None
            and now - hearing.heard_at >= GAP_FILL_S
            and now - self._waiting_since >= GAP_FILL_S
            and self._may_send
            and self._clip is not SILENCE
            and not (self._patient and hearing.highest < 0)
        ):
            hearing.settle()
            self.relayed = None
            self._clip, self._loop, self._position = SILENCE, True, 0
            self._speak()

    def close(self) -> None:
        """Send nothing any more."""
        self.leave_peer(self.stream.sent_at)
        self._speaking.remove_source(self)
        self._clip = None
        self._may_send = False


def _protected(
    protect: Callable[[bytes], bytes], send: Callable[[bytes], int]
) -> Callable[[bytes], int]:
    return lambda packet: send(protect(packet))
