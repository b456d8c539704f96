"""What a leg's peer hears of another leg whose packets cannot be passed on as they are."""

from collections.abc import Callable
from typing import Any

from ..codec.codec import Samples
from ..codec.formats import G711
from ..rtp.outgoing_stream import FRAME_S, OutgoingStream
from ..sound.fade import FADE_SAMPLES
from ..sound.form import WIDE, encode
from ..sound.frames import SpeakingSources
from ..sound.g711 import FRAME_SAMPLES
from ..sound.g711 import SILENCE as SILENT_FRAME
from ..sound.mixed_clip import MixedClips
from .clocked_playouts import ClockedPlayouts
from .coding.coded_sound import CodedSound
from .coding.packet_coder import Coded
from .coding.transcoder import Transcoder
from .pauses import must_fill
from .peer_stream import PeerStream
from .sum_playout import TAIL_S, SumPlayout


class CodedPlayout(SumPlayout):
    """Passes between what is relayed as it is, what is coded anew, and what the clock sends.

    A stream is coded by the clock, through a playout buffer; or packet by packet, where one of both
    sides is a process of ours. `relayed` is the stream that is being forwarded at the moment, as it
    is or packet by packet. In `clocked` are those that the clock has to look at in each frame: who
    hears a stream that it codes, or has no source.
    """

    __slots__ = (
        "_clocked",
        "_coding",
        "_is_even",
        "_is_filling",
        "_late_s",
        "_mapped_epoch",
        "hearing",
        "mixed",
        "relayed",
    )

    def __init__(
        self,
        stream: OutgoingStream,
        speaking: SpeakingSources[Any],
        ended: Callable[[int], None],
        clocked: ClockedPlayouts[Any],
    ) -> None:
        super().__init__(stream, speaking, ended)
        self._clocked = clocked
        self._coding = CodedSound(stream, self._send_packet)
        self.hearing: PeerStream | None = None
        self.relayed: PeerStream | None = None
        self.mixed = MixedClips()  # over what is heard
        self._mapped_epoch = -1
        self._is_even = False  # its peer is a process of ours
        self._is_filling = False  # silence is sent as the relayed peer pauses
        self._late_s = 0.0  # what it says is heard so much later, as silence came before it

    def _let_relayed_fall(self, now: float) -> None:
        hearing = self.hearing
        if hearing is None or self.relayed is not hearing or now - self.stream.sent_at > TAIL_S:
            return
        held = hearing.last_sample(self.codec) * FADE_SAMPLES
        self._let_fall(self._coding.end_untouched(self.form) or held)

    def _relay_nobody(self) -> None:
        """No stream is forwarded from here on; the clock sees that there is another source."""
        self.relayed, self._is_filling, self._late_s = None, False, 0.0
        self._coding.coder = None
        if not self._has_source:
            self._clocked.add_playout(self)

    @property
    def _has_source(self) -> bool:
        """Whether anything is to be sent that is not coded anew; nothing also where none may be."""
        is_heard = self._clip is not None or self.relayed is not None or self._is_in_sum
        return is_heard or not self._may_send

    def _fades_in_from(self) -> bytes | None:
        """What would be heard in the place of a peer's first packet; None: that is not faded.

        A peer that has paused goes on as it is: nothing of what it says is lost.
        """
        silence = SILENT_FRAME[self.codec][:FADE_SAMPLES]
        before = self._falling() or self._speaking.ahead(self)
        if before is not None and before != silence:
            return before
        return silence if self._is_new and self.stream.packets_sent else None

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
        relayed = self.hearing if transcoder is None else None
        if not is_heard and must_fill(self.stream, relayed, now) and not self._digits:
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
            self._leave_clock()
        self._send_samples(samples, now)

    def _send_samples(self, samples: Samples, now: float) -> None:
        """Send 20 ms of a stream that is coded anew."""
        packetizer = self._coding.packetizer
        assert packetizer is not None
        if self.mixed or self.tap is not None:
            form = WIDE if len(samples) > FRAME_SAMPLES else "PCMU"
            payload = encode(samples, form)
            self._record(*self._coding.send_frame(payload, form, None, self.mixed, now), now)
        else:
            packetizer.send_samples(samples, now)

    # -- packet by packet -----------------------------------------------------------

    def _code_packet(
        self,
        source: PeerStream,
        codec: str,
        sequence: int,
        timestamp: int,
        payload: bytes,
        now: float,
    ) -> None:
        """Send what a packet brings at once, in the peer's codec."""
        if self._codes_packets_of(source, codec, sequence, now):
            coder = self._coding.coder
            assert coder is not None
            self._send_pieces(coder.put(sequence, timestamp, payload, now))

    def _codes_packets_of(self, source: PeerStream, codec: str, sequence: int, now: float) -> bool:
        """Whether packets of `source` are coded, beginning with this one if need be."""
        if not self._may_send or self._digits:
            self._relay_nobody()
            return False
        coding = self._coding
        is_relayed = self.relayed is source and self._mapped_epoch == source.epoch
        if is_relayed and coding.coder is not None and coding.coder.codec == codec:
            return True
        if sequence != source.highest:
            return False
        self._let_relayed_fall(now)
        self._stop_coding()
        if not coding.begin_packets(codec):
            self._relay_nobody()
            return False
        before = self._fades_in_from()
        if before is not None and coding.packetizer is not None:
            coding.packetizer.fade_from(before, self.codec)
        self._relays(source)
        self._is_filling, self._late_s = False, 0.0
        return True

    def _send_pieces(self, pieces: list[Coded]) -> None:
        for piece in pieces:
            for number, samples in enumerate(piece.frames):
                self._send_samples(samples, piece.begins_at + number * FRAME_S)
            self.stream.sent_at += piece.late_s

    def _relays(self, source: PeerStream) -> None:
        """This is what is heard from now on."""
        self._leave_clock()
        self.relayed = source
        self._mapped_epoch = source.epoch

    def _leave_clock(self) -> None:
        """A peer is heard, and no clip any more."""
        self._speaking.remove_source(self)
        self._clip = self._tail = self._goes_on = None
        self._is_new = False
