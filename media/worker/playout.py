"""What a leg's peer hears: frames of the clock, another leg's peer, or digits, as one stream."""

import socket
from collections.abc import Callable

from ..codec.formats import G711
from ..protocol.messages import Codec, Connect
from ..rtp.outgoing_stream import OutgoingStream
from ..rtp.srtp import SrtpSender
from ..rtp.telephone_event import DigitWriter
from ..sound.clip import SILENCE, Clip
from ..sound.fade import FADE_SAMPLES, crossfade
from ..sound.form import WIDE, encode, form_of
from ..sound.frames import SpeakingSources
from ..sound.g711 import FRAME_SAMPLES, TRANSLATION
from ..sound.g711 import SILENCE as SILENT_FRAME
from ..sound.mixed_clip import MixedClip, MixedClips
from .announcing.saved_source import Saved
from .clocked_playouts import ClockedPlayouts
from .coding.coded_sound import CodedSound
from .coding.transcoder import Transcoder
from .pauses import MIX_GAP_S, has_stopped, lateness_s, must_fill
from .peer_stream import PeerStream
from .sum_playout import TAIL_S, SumPlayout


class Playout(SumPlayout):
    """Decides which source is heard, and sends it. Times are seconds of one monotonic clock.

    `relayed` is the stream that is being forwarded at the moment; while it is None, the peer hears
    the frames of the clock, or nothing when it must not hear anything. `ended` gets the number
    of a finite clip that has come to its end. A peer that may be sent to always has a source: while
    nobody has said which, or the one who is heard sends nothing yet, it gets silence. In `clocked`
    are those for whom that, or a stream to be coded anew, has to be looked at in each frame.

    Inside, sound is in frames of 20 ms: of G.711 in the law `codec`, and also at 16 kHz where the
    peer can hear that. Where the peer wants another codec, or packets of another length, a
    packetizer makes them of these frames.
    """

    __slots__ = (
        "_clocked",
        "_coding",
        "_is_filling",
        "_late_s",
        "_mapped_epoch",
        "_patient",
        "_waiting_since",
        "hearing",
        "is_asking",
        "mixed",
        "relayed",
    )

    def __init__(
        self,
        stream: OutgoingStream,
        speaking: "SpeakingSources[Playout]",
        ended: Callable[[int], None],
        clocked: "ClockedPlayouts[Playout] | None" = None,
    ) -> None:
        super().__init__(stream, speaking, ended)
        self._clocked = ClockedPlayouts[Playout]() if clocked is None else clocked
        self._coding = CodedSound(stream, self._send_packet)
        self.hearing: PeerStream | None = None
        self.is_asking = False  # it hears who presses keys that are for nobody else
        self.relayed: PeerStream | None = None
        self.mixed = MixedClips()  # over what is heard
        self._mapped_epoch = -1
        self._waiting_since = 0.0
        self._patient = False
        self._is_filling = False  # silence is sent as the relayed peer pauses
        self._late_s = 0.0  # what it says is heard so much later, as silence came before it

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
        self.leave_peer(now)
        self._enter_sum(goes_on=goes_on and not self._coding.remembers)

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

    def _let_relayed_fall(self, now: float) -> None:
        hearing = self.hearing
        if hearing is None or self.relayed is not hearing or now - self.stream.sent_at > TAIL_S:
            return
        held = hearing.last_sample(self.codec) * FADE_SAMPLES
        self._let_fall(self._coding.end_untouched(self.form) or held)

    def _relay_nobody(self) -> None:
        """No stream is forwarded from here on; the clock sees that there is another source."""
        self.relayed, self._is_filling, self._late_s = None, False, 0.0
        if not self._has_source:
            self._clocked.add_playout(self)

    @property
    def _has_source(self) -> bool:
        """Whether anything is to be sent that is not coded anew; nothing also where none may be."""
        is_heard = self._clip is not None or self.relayed is not None or self._is_in_sum
        return is_heard or not self._may_send

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
        if self.event_payload_type is None or (is_coded and sequence != source.highest):
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
        if self.relayed is source and sequence == source.highest:
            self.stream.skip(sequence)

    # -- what is coded anew -----------------------------------------------------------------------

    def _must_code(self, codec: str, payload: bytes) -> bool:
        """Whether the packet cannot be passed on as it is."""
        coding = self._coding
        must_code = coding.must_code(codec, payload, is_relayed=self.relayed is not None)
        must_code = must_code or (bool(self.mixed) and codec not in G711)
        if not must_code and coding.transcoder is not None:  # it need not be any more
            self._stop_coding()
        return must_code

    def _code(self, codec: str, now: float) -> Transcoder | None:
        """What codes the stream that is heard anew; None while nothing of it may be sent."""
        self._let_relayed_fall(now)
        self._relay_nobody()
        if not self._may_send or self._digits:
            return None
        self._clocked.add_playout(self)
        return self._coding.begin(codec)

    def _stop_coding(self) -> None:
        self._let_fall(self._coding.stop(self.form))

    def send_due(self, now: float) -> None:
        """The next 20 ms of a stream that is coded anew; silence where there is no source."""
        transcoder = self._coding.transcoder
        if transcoder is not None:
            self._send_coded(now)
        is_heard = self._has_source or (transcoder is not None and transcoder.is_heard)
        if not is_heard and must_fill(self.stream, self.hearing, now) and not self._digits:
            self._break_off()
            self._speak_silence()
        elif is_heard and transcoder is None:
            self._clocked.discard_playout(self)

    def _send_coded(self, now: float) -> None:
        samples, transcoder = self._coding.next_frame(now), self._coding.transcoder
        packetizer = self._coding.packetizer
        if samples is None or transcoder is None or packetizer is None or self._digits:
            return
        if not transcoder.is_heard:
            transcoder.is_heard = True
            if (before := self._fades_in_from()) is not None:
                packetizer.fade_from(before, self.codec)
            self._speaking.remove_source(self)
            self._clip = self._tail = self._goes_on = None
            self._is_new = False
        if self.mixed or self.tap is not None:
            form = WIDE if len(samples) > FRAME_SAMPLES else "PCMU"
            payload = encode(samples, form)
            self._record(*self._coding.send_frame(payload, form, None, self.mixed, now), now)
        else:
            packetizer.send_samples(samples, now)

    # -- what is relayed --------------------------------------------------------------------------

    def _follows(self, source: PeerStream, sequence: int, timestamp: int, now: float) -> bool:
        """Whether `source` is being forwarded, beginning with this packet if need be."""
        if not self._may_send or self._digits:
            self._relay_nobody()
            return False
        if self.relayed is source and self._mapped_epoch == source.epoch:
            return True
        if sequence != source.highest:
            return False
        self._before = self._goes_on or None
        if self._coding.begin_untouched() or self._goes_on is None or self._falling() is None:
            self._before = self._fades_in_from()
        self._speaking.remove_source(self)
        self._clip = self._tail = self._goes_on = None
        self._is_new = False
        self.relayed = source
        if self._is_filling and self._mapped_epoch == source.epoch:
            # It was sent before silence was: nothing of it is left out.
            self._late_s = lateness_s(self.stream, timestamp, now)
        self._is_filling = False
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
