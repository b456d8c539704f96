"""The playout buffer of a leg that is decoded: packets go in, frames of 20 ms come out.

Packets are put in order, what was lost is concealed, and the wait before a packet is played goes by
how irregularly packets come (`playout_delay`). It changes by a period of the voice at a time, left
out or doubled, so that a sender whose clock drifts is followed for hours.

Sans-IO: `now` is passed in, in seconds of one monotonic clock.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from ...codec.codec import CodecError, Decoder, Samples
from ...codec.comfort_noise import ComfortNoise
from ...codec.concealment import SILENT_AFTER_S
from ...codec.time_scale import lengthened, shortened
from .playout_delay import PlayoutDelay

FRAME_S: Final = 0.02

_FIRST_S: Final = 0.02  # the first packet of a stream waits, which may be a quick one
_MOST_PACKETS: Final = 100  # that wait
_ENOUGH_S: Final = 0.03  # of sound, to find a period in
_NEAR_S: Final = FRAME_S + 0.015  # so much more than wanted is left as it is: a frame, a period
_SHORT_S: Final = 0.004  # and so much less
_FAR_S: Final = 0.1  # with so much more, it is changed quickly and with less care
_TOO_FAR_S: Final = 0.5  # with so much more, packets are left out
_CALM_FRAMES: Final = 10  # from one change to the next
_MOST_CALM_FRAMES: Final = 80  # where no period is found: the search is dear
_HASTY_FRAMES: Final = 3
_CAREFUL: Final = 0.6
_CARELESS: Final = 0.2
_JUMP_S: Final = 2.0  # a timestamp that is this far from where it should be is of another line
_SLACK_S: Final = 0.01  # timestamps of packets in unbroken order need not fit to the sample
_NOISE_CODEC: Final = "PCMU"  # of the clock that a description of noise has (RFC 3389 section 4)
_NOISE_CLOCK_HZ: Final = 8000
_HALF_SEQUENCE: Final = 1 << 15
_HALF_TIMESTAMP: Final = 1 << 31


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A packet that waits: sound, or with no decoder the description of comfort noise."""

    sequence: int
    payload: bytes
    decoder: Decoder | None


class PlayoutBuffer:
    """Frames of `rate_hz` of what one peer says.

    `decoder_of` makes the decoder of a codec, which gives samples of `rate_hz`; it raises
    CodecError. The figures: how many packets came too `late`, were `lost` on the way, or could not
    be decoded (`garbled`), and `concealed_ms`, how much sound was made up in their place.

    With `is_prompt` the first packet is played at once: whoever hears the stream has heard by other
    means what came before it.
    """

    __slots__ = (
        "_calm_frames",
        "_concealed",
        "_decoder",
        "_decoder_of",
        "_decoders",
        "_delay",
        "_frame",
        "_has_begun",
        "_is_prompt",
        "_least_age_s",
        "_least_wait_s",
        "_newest",
        "_next",
        "_next_sequence",
        "_noise",
        "_noise_is_wanted",
        "_parts",
        "_rate_hz",
        "_ready",
        "_ssrc",
        "_unchanged",
        "_waiting",
        "concealed_ms",
        "garbled",
        "late",
        "lost",
    )

    def __init__(
        self, rate_hz: int, decoder_of: Callable[[str], Decoder], *, is_prompt: bool = False
    ) -> None:
        self._rate_hz = rate_hz
        self._is_prompt = is_prompt
        self._frame = int(rate_hz * FRAME_S)
        self._decoder_of = decoder_of
        self._decoders: dict[str, Decoder] = {}
        self._decoder: Decoder | None = None  # of the newest packet
        self._delay = PlayoutDelay()
        self._has_begun = False  # something was decoded
        self._ssrc = -1
        self._waiting: dict[int, _Waiting] = {}  # by timestamp
        # Timestamps do not wrap here.
        self._newest: tuple[int, int] | None = None  # timestamp and sequence number
        self._next: int | None = None  # timestamp of what is decoded next; None before the start
        self._next_sequence = 0
        self._parts: list[Samples] = []  # decoded and not played
        self._ready = 0  # samples of it
        self._concealed = 0  # samples since the last packet that was played
        self._noise: ComfortNoise | None = None
        self._noise_is_wanted = False  # the peer has described it, and pauses
        # Since the last look: how early a packet was there at least, and how long one waited.
        self._least_age_s = self._least_wait_s = math.inf
        self._unchanged = 0  # frames since then
        self._calm_frames = _CALM_FRAMES
        self.late = self.lost = self.garbled = 0
        self.concealed_ms = 0.0

    @property
    def has_begun(self) -> bool:
        """Whether anything was decoded yet; before that, frames are silent."""
        return self._has_begun

    @property
    def is_silent(self) -> bool:
        """Whether nothing came for so long that the frames are empty; False in comfort noise."""
        return (
            not self._waiting
            and not self._noise_is_wanted
            and (self._next is None or self._concealed >= self._rate_hz)
        )

    @property
    def wanted_delay_s(self) -> float:
        """For how long the quickest packets should wait."""
        return self._delay.wanted_s

    # Packets

    def put(
        self, codec: str, ssrc: int, sequence: int, timestamp: int, payload: bytes, now: float
    ) -> None:
        """Take a packet of sound. Numbers count modulo 2^16 and 2^32."""
        decoder = self._use(codec)
        if decoder is not None:
            self._place(ssrc, timestamp, _Waiting(sequence & 0xFFFF, payload, decoder), now)

    def put_noise(
        self, ssrc: int, sequence: int, timestamp: int, payload: bytes, now: float
    ) -> None:
        """Take a packet that describes comfort noise, to be heard until sound comes again."""
        decoder = self._decoder
        if decoder is None or decoder.clock_hz != _NOISE_CLOCK_HZ:
            decoder = self._use(_NOISE_CODEC)
        if decoder is not None:
            self._place(ssrc, timestamp, _Waiting(sequence & 0xFFFF, payload, None), now)

    def _use(self, codec: str) -> Decoder | None:
        """The decoder of the stream from now on; None where there is no such codec."""
        decoder = self._decoders.get(codec)
        if decoder is None:
            try:
                decoder = self._decoders[codec] = self._decoder_of(codec)
            except CodecError:
                self.garbled += 1
                return None
        before = self._decoder
        if before is not None and before.clock_hz != decoder.clock_hz:
            self._restart()
        self._decoder = decoder
        return decoder

    def _place(self, ssrc: int, timestamp: int, packet: _Waiting, now: float) -> None:
        decoder = self._decoder
        assert decoder is not None
        clock_hz, sequence, delay = decoder.clock_hz, packet.sequence, self._delay
        if ssrc != self._ssrc:
            self._ssrc = ssrc
            self._restart()
        stamp, step = timestamp, 1
        if self._newest is not None:
            newest, newest_sequence = self._newest
            ticks = timestamp - newest & 0xFFFFFFFF
            stamp = newest + ticks - (ticks & _HALF_TIMESTAMP) * 2
            step = sequence - newest_sequence & 0xFFFF
            step -= (step & _HALF_SEQUENCE) * 2
            if step == 0 or (stamp == newest and packet.decoder is not None):
                return  # twice, or no time has passed
            jump_s = now - stamp / clock_hz - delay.quickest_s
            if abs(jump_s) > _JUMP_S or (step > 0 and stamp < newest):
                self._restart()
                stamp, step = timestamp, 1
        delay.note(now - stamp / clock_hz)
        if self._newest is None or stamp > self._newest[0]:
            self._newest = stamp, sequence
        following = self._next
        if following is not None and stamp < following:
            slack = _SLACK_S * clock_hz if sequence == self._next_sequence else 0
            if stamp < following - slack:
                self.late += 1
                return
            stamp = following
        if stamp in self._waiting:
            return
        if len(self._waiting) >= _MOST_PACKETS:
            self._waiting.pop(min(self._waiting))
            self.late += 1
        self._waiting[stamp] = packet

    def _restart(self) -> None:
        """The timestamps begin anew; what is decoded is still heard."""
        self._waiting.clear()
        self._newest = self._next = None
        self._noise_is_wanted = False
        self._delay.restart()
        self._look_anew()

    # Frames

    def next_frame(self, now: float) -> Samples:
        """The next 20 ms; silence where nothing has come for long. To be called every 20 ms."""
        while self._ready < self._frame:
            self._add(self._decode_more(now))
        self._unchanged += 1
        if self._unchanged >= _HASTY_FRAMES and self._least_age_s < math.inf:
            self._change_speed(now)
        return self._cut()

    def ahead(self) -> Samples:
        """All that has come and goes on without a hole, without taking it."""
        stamp = self._adjoining()
        while stamp is not None:
            self._add(self._decode(stamp))
            stamp = self._adjoining()
        if len(self._parts) != 1:
            self._parts = [np.concatenate(self._parts)] if self._parts else []
        return self._parts[0] if self._parts else np.zeros(0, np.int16)

    def _adjoining(self) -> int | None:
        """The packet of sound that goes on where the newest that was decoded ends."""
        waiting, following = self._waiting, self._next
        if not waiting:
            return None
        stamp = following if following in waiting else min(waiting)
        assert stamp is not None and self._decoder is not None
        if following is not None and stamp != following:
            slack = _SLACK_S * self._decoder.clock_hz
            if waiting[stamp].sequence != self._next_sequence or stamp - following > slack:
                return None
        return None if waiting[stamp].decoder is None else stamp

    def _cut(self) -> Samples:
        frame, parts = self._frame, self._parts
        if self._ready == frame and len(parts) == 1:
            self._parts, self._ready = [], 0
            return parts[0]
        joined = np.concatenate(parts)
        self._parts, self._ready = [joined[frame:]], self._ready - frame
        return joined[:frame]

    def _add(self, samples: Samples) -> None:
        if len(samples):
            self._parts.append(samples)
            self._ready += len(samples)

    def _decode_more(self, now: float) -> Samples:
        """What follows in the stream, or what stands for it: some samples at least, or a packet."""
        stamp = self._due(now)
        if stamp is None:
            return self._stand_in()
        samples = self._decode(stamp)
        if not self._noise_is_wanted:
            age_s = self._age_s(stamp, now)
            self._least_age_s = min(self._least_age_s, age_s)
            self._least_wait_s = min(self._least_wait_s, age_s + self._ready / self._rate_hz)
        return samples

    def _decode(self, stamp: int) -> Samples:
        """The sound of a packet, or the first of the noise that it describes."""
        packet = self._waiting.pop(stamp)
        missing = packet.sequence - self._next_sequence & 0xFFFF
        if self._next is not None and missing < _HALF_SEQUENCE:
            self.lost += missing
        self._next_sequence = packet.sequence + 1 & 0xFFFF
        if packet.decoder is None:
            self._describe_noise(packet.payload)
            self._next = stamp
            return self._stand_in()
        self._noise_is_wanted = False
        self._has_begun = True
        self._concealed = 0
        try:
            samples = packet.decoder.decode(packet.payload)
        except CodecError:
            self.garbled += 1
            samples = packet.decoder.conceal(self._frame)
        self._next = stamp + len(samples) * packet.decoder.clock_hz // self._rate_hz
        return samples

    def _age_s(self, stamp: int, now: float) -> float:
        """For how long the packet would have waited, had it come as quickly as the quickest."""
        assert self._decoder is not None
        return now - stamp / self._decoder.clock_hz - self._delay.quickest_s

    def _due(self, now: float) -> int | None:
        """The packet that is to be played now; None where that is not there, or not yet due."""
        waiting, following = self._waiting, self._next
        if not waiting:
            return None
        stamp = following if following in waiting else min(waiting)
        assert stamp is not None and self._decoder is not None
        age_s, wanted_s = self._age_s(stamp, now), self._delay.wanted_s
        while age_s > wanted_s + _TOO_FAR_S and len(waiting) > 1:
            del waiting[stamp]
            self.late += 1
            stamp = min(waiting)
            age_s = self._age_s(stamp, now)
        if stamp == following:
            return stamp
        if following is None or waiting[stamp].sequence == self._next_sequence:
            # The beginning, or the end of a pause.
            gap = 0 if following is None else stamp - following
            if following is None:
                wanted_s = -math.inf if self._is_prompt else max(wanted_s, _FIRST_S)
            elif gap <= _SLACK_S * self._decoder.clock_hz:
                wanted_s = -math.inf
            return stamp if age_s >= wanted_s else None
        gap = (stamp - following) * self._rate_hz // self._decoder.clock_hz
        return stamp if self._concealed >= gap or age_s >= wanted_s + _FAR_S else None

    def _stand_in(self) -> Samples:
        """What the frame lacks: comfort noise, or what stands for lost sound; silence at first."""
        decoder, samples = self._decoder, max(0, self._frame - self._ready)
        if self._noise_is_wanted and self._noise is not None:
            return self._noise.make(samples)
        if decoder is None or not self._has_begun or not samples:
            return np.zeros(samples, np.int16)
        following = self._next
        if following is not None and self._waiting:
            stamp = min(self._waiting)
            packet = self._waiting[stamp]
            gap = (stamp - following) * self._rate_hz // decoder.clock_hz - self._concealed
            if packet.sequence != self._next_sequence and 0 < gap < samples:
                samples = gap
            if packet.sequence == self._next_sequence + 1 & 0xFFFF and packet.decoder is decoder:
                return self._concealing(decoder.recover(packet.payload, samples))
        return self._concealing(decoder.conceal(samples))

    def _concealing(self, samples: Samples) -> Samples:
        audible = int(SILENT_AFTER_S * self._rate_hz) - self._concealed
        self._concealed += len(samples)
        self.concealed_ms += max(0, min(audible, len(samples))) * 1000 / self._rate_hz
        return samples

    def _describe_noise(self, payload: bytes) -> None:
        if self._noise is None:
            self._noise = ComfortNoise(self._rate_hz)
        self._noise.describe(payload)
        self._noise_is_wanted = self._has_begun = True

    # The wait

    def _change_speed(self, now: float) -> None:
        """Play a period less or more where packets wait for longer, or less long, than they need.

        That is looked at now and then: packets are longer or shorter than a frame, and so each of
        them waits for another time than the one before it.
        """
        wanted_s = self._delay.wanted_s
        excess_s = self._least_wait_s - wanted_s
        if excess_s > _FAR_S:
            self._play_less(now, _CARELESS)
        elif self._unchanged < self._calm_frames:
            return
        elif excess_s > _NEAR_S:
            self._play_less(now, _CAREFUL)
        elif self._least_age_s < wanted_s - _SHORT_S:
            self._parts = [lengthened(np.concatenate(self._parts), self._rate_hz, alike=_CAREFUL)]
            self._changed_to(len(self._parts[0]))
        self._look_anew()

    def _play_less(self, now: float, alike: float) -> None:
        while self._ready < _ENOUGH_S * self._rate_hz and self._next in self._waiting:
            self._add(self._decode_more(now))
        self._parts = [shortened(np.concatenate(self._parts), self._rate_hz, alike=alike)]
        self._changed_to(len(self._parts[0]))
        while self._ready < self._frame:
            self._add(self._decode_more(now))

    def _changed_to(self, ready: int) -> None:
        """So many samples are ready now. As many as before: there was no period to be found."""
        calm = 2 * self._calm_frames if ready == self._ready else _CALM_FRAMES
        self._calm_frames = min(calm, _MOST_CALM_FRAMES)
        self._ready = ready

    def _look_anew(self) -> None:
        self._least_age_s = self._least_wait_s = math.inf
        self._unchanged = 0
