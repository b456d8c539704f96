"""What a leg's peer hears: frames of the clock, another leg's peer, or digits, as one stream."""

import socket
from collections.abc import Callable

from ..codec.formats import G711
from ..protocol.messages import Codec, Connect
from ..rtp.outgoing_stream import OutgoingStream
from ..rtp.srtp import SrtpSender
from ..rtp.telephone_event import DigitWriter
from ..sound.clip import SILENCE, Clip
from ..sound.fade import crossfade
from ..sound.form import WIDE, form_of
from ..sound.frames import SpeakingSources
from ..sound.g711 import TRANSLATION
from ..sound.mixed_clip import MixedClip
from .announcing.saved_source import Saved
from .clocked_playouts import ClockedPlayouts
from .coded_playout import CodedPlayout
from .pauses import MIX_GAP_S, has_stopped, lateness_s
from .peer_stream import PeerStream


class Playout(CodedPlayout):
    """Decides which source is heard, and sends it. Times are seconds of one monotonic clock.

    While nothing is `relayed`, the peer hears the frames of the clock, or nothing when it must not
    hear anything. `ended` gets the number of a finite clip that has come to its end. A peer that
    may be sent to always has a source: while nobody has said which, or the one who is heard sends
    nothing yet, it gets silence.

    Inside, sound is in frames of 20 ms: of G.711 in the law `codec`, and also at 16 kHz where the
    peer can hear that. Where the peer wants another codec, or packets of another length, a
    packetizer makes them of these frames.
    """

    __slots__ = ("_patient", "_waiting_since", "is_asking")

    def __init__(
        self,
        stream: OutgoingStream,
        speaking: "SpeakingSources[Playout]",
        ended: Callable[[int], None],
        clocked: "ClockedPlayouts[Playout] | None" = None,
    ) -> None:
        clocked = ClockedPlayouts[Playout]() if clocked is None else clocked
        super().__init__(stream, speaking, ended, clocked)
        self.is_asking = False  # it hears who presses keys that are for nobody else
        self._waiting_since = 0.0
        self._patient = False

    @property
    def sent_codec(self) -> Codec:
        """The codec that the peer gets."""
        return self._coding.codec

    def use(self, connected: socket.socket | None, sender: SrtpSender | None = None) -> None:
        """See PeerSender; what the fast path sent is booked before."""
        self.settle()
        super().use(connected, sender)

    def agree(self, description: Connect, *, may_send: bool, now: float) -> None:
        """Take over codec and payload types, and whether anything may be sent."""
        self.settle()
        self._is_even = description.is_even
        codec: Codec = description.codec if description.codec in G711 else "PCMU"
        form = WIDE if self._coding.is_wide(description) else codec
        if form != self.form:
            self._speaking.set_form(self, form)
        self.codec, self.form = codec, form
        self.payload_type = description.payload_type
        self.event_payload_type = description.telephone_event_payload_type
        self.event_clock_hz = description.telephone_event_clock_hz
        if self._coding.is_other(description):
            self._stop_coding()
            self._before = self._tail = None  # of another codec
            self._relay_nobody()
        may_send = self._coding.agree(description) and may_send
        if may_send != self._may_send:
            self._may_send = may_send
            self._relay_nobody()
            self._is_new = True
            self._waiting_since = now
            if may_send:
                self._speak()
            else:
                self._stop_coding()
                self._hush()

    def report_loss(self, share: float) -> None:
        """The peer has lost this share of what was sent since its last report."""
        self._coding.report_loss(share)

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
        self._hear_clip(play, clip, loop=loop, falls=falls, position=position)

    def save(self) -> Saved:
        """What is heard now, to be heard again later."""
        reached = self._speaking.position(self)
        position = self._position if reached is None else reached
        return Saved(
            self._clip, self.play, self._loop, self._falls, position, self.hearing, self._patient
        )

    def mix(self, clip: MixedClip) -> None:
        """Let the peer hear `clip` over what it hears, until it is over."""
        self.settle()
        self.mixed.add_clip(clip)

    def keep_mixing(self, now: float) -> None:
        """Send silence under what is mixed where the relayed peer pauses; forget what is over."""
        self.mixed.forget_over()
        is_relayed = self.hearing is not None and self._coding.transcoder is None
        pauses = is_relayed and now - self.stream.sent_at >= MIX_GAP_S
        if self.mixed and pauses and self._may_send and self._clip is None and not self._digits:
            self.settle()
            self.relayed = None
            self._speak_silence()

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
        if self._tail is not None and self._goes_on is None:
            self._speak_silence()  # the new peer's first packet may be long in coming
        source.settle()
        source.listeners.append(self)
        self.hearing = source
        self._is_new = self._goes_on is None
        self._waiting_since = now
        self._relay_nobody()

    def hear_silence(self, now: float) -> None:
        """The peer hears silence."""
        self.hear_clip(0, SILENCE, now, loop=True)

    def begin_mix(self, now: float, *, goes_on: bool) -> None:
        """The peer hears the frames of `send_mixed` from now on.

        With `goes_on` they go on where the relayed packets end; otherwise the first rises out of
        what was heard.
        """
        goes_on = goes_on and self._coding.coder is None and not self._coding.remembers
        self.leave_peer(now)
        self._enter_sum(goes_on=goes_on)

    def send_mixed(self, payload: bytes, now: float) -> None:
        """Send a frame of a sum, in the peer's codec."""
        if self._may_send:
            self.send_frame(self._risen(payload), now)

    def leave_peer(self, now: float) -> None:
        """Hear the other leg no longer. What was relayed until just now will fall."""
        hearing = self.hearing
        if hearing is not None:
            hearing.settle()
            hearing.listeners.remove(self)
            self._stop_coding()
            self._let_relayed_fall(now)
            self.hearing = self._goes_on = None
        self._relay_nobody()

    def send_frame(self, payload: bytes, now: float) -> None:
        """Send a frame of the clock, in G.711 or wide."""
        if not self._digits:
            self._send_frame(payload, now)

    def _send_frame(self, payload: bytes, now: float) -> None:
        self.frames_sent += 1
        if self._coding.packetizer is not None:
            before, self._before = self._before, None
            form = form_of(payload, self.codec)
            payload, form = self._coding.send_frame(payload, form, before, self.mixed, now)
            self._record(payload, form, now)
            return
        if self.mixed:
            payload = self.mixed.over(payload, self.codec)
        stream = self.stream
        marker = stream.next_frame(len(payload), now)
        if self.tap is not None:
            self.tap.write(None, stream.timestamp, payload, self.codec, now)
        self._send_packet(self.payload_type, marker, payload)

    def rise_from(self, before: bytes) -> None:
        """The next frame of the clock rises out of this, which has another form."""
        self._before = before

    def send_digits(self, digits: str, duration_ms: int, gap_ms: int) -> bool:
        """Queue DTMF digits; False when the peer takes no telephone-events."""
        if self.event_payload_type is None:
            return False
        self.settle()
        self._relay_nobody()
        if self._digits is None:
            self._digits = DigitWriter()
        self._digits.frame_ticks = self.event_clock_hz // 50
        self._digits.queue_digits(digits, duration_ms=duration_ms, gap_ms=gap_ms)
        return True

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
        if self._must_code(codec, payload):
            if (self._is_even or source.is_even) and self._coding.may_code_packets(codec):
                self._code_packet(source, codec, sequence, timestamp, payload, now)
                return
            transcoder = self._code(codec, now)
            if transcoder is not None:
                transcoder.buffer.put(codec, source.ssrc, sequence, timestamp, payload, now)
            return
        if not self._follows(source, sequence, timestamp, now):
            return
        stream = self.stream
        is_g711 = codec in G711
        length = -1 if is_g711 else self._coding.packet.format.ticks(payload)
        numbers = stream.forward(sequence, timestamp, len(payload), now, length)
        if numbers is not None:
            table = TRANSLATION[codec, self.codec] if is_g711 else None
            if table is not None:
                payload = payload.translate(table)
            before, self._before = self._before, None
            if not is_g711:
                payload = self._coding.passed_on(payload, before)
            elif before is not None:
                payload = crossfade(before, payload, self.codec)
            if self.mixed:
                payload = self.mixed.over(payload, self.codec)
            marker = marker or stream.marker_due
            stream.marker_due = False
            if self.tap is not None:
                self._coding.record_passed_on(self.tap, payload, numbers, now)
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
        clocks_hz = source.event_clock_hz, self.event_clock_hz
        is_coded = self._coding.transcoder is not None or clocks_hz[0] != clocks_hz[1]
        is_skipped = self._coding.coder is not None or (is_coded and sequence != source.highest)
        if self.event_payload_type is None or is_skipped:
            self.relay_nothing(source, sequence)
        elif is_coded:
            transcoder = self._code(self.codec, now)
            if transcoder is not None:
                event = transcoder.event(self.stream, payload, timestamp, clocks_hz, now)
                self._transmit(self.event_payload_type, self.stream.sequence, *event)
        elif self._follows(source, sequence, timestamp, now):
            numbers = self.stream.forward(sequence, timestamp, len(payload), now)
            if numbers is not None:
                self._pass_on(self.event_payload_type, numbers, marker, payload)

    def relay_noise(
        self, source: PeerStream, sequence: int, timestamp: int, payload: bytes, now: float
    ) -> None:
        """Pass a description of noise on to a peer that takes it; make the noise for another."""
        noise_payload_type = self._coding.packet.noise_payload_type
        if noise_payload_type is not None and self._coding.transcoder is None:
            if self._follows(source, sequence, timestamp, now):
                numbers = self.stream.forward(sequence, timestamp, len(payload), now)
                if numbers is not None:
                    self._pass_on(noise_payload_type, numbers, False, payload)
            return
        transcoder = self._code(self.codec, now)
        if transcoder is not None:
            transcoder.buffer.put_noise(source.ssrc, sequence, timestamp, payload, now)

    def _pass_on(
        self, payload_type: int, numbers: tuple[int, int], marker: bool, payload: bytes
    ) -> None:
        """Pass on a packet that is no sound."""
        if self.tap is not None:
            self.tap.skip(numbers[0])
        self._transmit(payload_type, *numbers, marker, payload)

    def relay_nothing(self, source: PeerStream, sequence: int) -> None:
        """A packet of the leg that is heard has no place in this peer's stream."""
        coder = self._coding.coder
        if coder is not None and self.relayed is source:
            self._send_pieces(coder.skip(sequence, source.heard_at))
        elif self.relayed is source and sequence == source.highest:
            self.stream.skip(sequence)

    # -- what is relayed --------------------------------------------------------------------------

    def _follows(self, source: PeerStream, sequence: int, timestamp: int, now: float) -> bool:
        """Whether `source` is being forwarded, beginning with this packet if need be."""
        if not self._may_send or self._digits:
            self._relay_nobody()
            return False
        coder = self._coding.coder
        if self.relayed is source and self._mapped_epoch == source.epoch and coder is None:
            return True
        if sequence != source.highest:
            return False
        self._before = self._goes_on or None
        if self._coding.begin_untouched() or self._goes_on is None or self._falling() is None:
            self._before = self._fades_in_from()
        if self._is_filling and self._mapped_epoch == source.epoch:
            # It was sent before silence was: nothing of it is left out.
            self._late_s = lateness_s(self.stream, timestamp, now)
        self._is_filling = False
        self._relays(source)
        self.stream.follow(sequence, timestamp, now)
        return True

    def fill_gap(self, now: float) -> None:
        """Keep the peer's stream alive with silence when the leg that is heard sends nothing.

        Not while it has said by a description of noise that it pauses: the peer makes that noise.
        """
        hearing = self.hearing
        if (
            hearing is not None
            and not (hearing.is_noise and self.relayed is hearing)
            and has_stopped(hearing, self._waiting_since, self._late_s, now)
            and self._may_send
            and self._coding.transcoder is None
            and self._clip is not SILENCE
            and not (self._patient and hearing.highest < 0)
        ):
            hearing.settle()
            self._is_filling = self.relayed is hearing
            self.stream.sent_at += self._late_s  # the peer has had as much to hear
            self.relayed, self._late_s = None, 0.0
            self._break_off()
            self._speak_silence()

    def close(self) -> None:
        """Send nothing any more."""
        self.leave_peer(self.stream.sent_at)
        self._coding.close()
        self._speaking.remove_source(self)
        self._clip = None
        self._may_send = False
        self._clocked.discard_playout(self)

    def dispose(self) -> None:
        """Forget what knows this closed playout. It can do nothing any more."""
        del self._coding
