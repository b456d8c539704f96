"""Packets of a leg whose sound is encoded here: of any codec, and of 10 to 60 ms."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from ...codec.codec import CodecError, Samples
from ...codec.comfort_noise import describe_noise, is_quiet
from ...codec.formats import Format, encoder_of
from ...rtp.outgoing_stream import OutgoingStream
from ...sound import g711
from ...sound.fade import FADE_SAMPLES, going_on, risen, samples_going_on
from ...sound.form import WIDE, decode, encode, form_of, rate_hz
from ...sound.resampler import Resampler

NARROW_HZ: Final = 8000
_FADE_S: Final = 0.01
_QUIET_FRAMES: Final = 15  # of 20 ms, before noise is described in their place
_NOISE_AGAIN_FRAMES: Final = 50
# By how many samples an encoder and a decoder delay the sound, where it is more than none.
_DELAYS: Final = {"G722": 22, "opus": 104}
_SETTLED: Final = 48  # samples of 8 kHz, after which a resampler has forgotten what was before


@dataclass(frozen=True, slots=True)
class PacketFormat:
    """What the peer of a leg is sent: in which codec, how long the packets are, and their type.

    With `noise_payload_type` comfort noise (RFC 3389) takes the place of silence.
    """

    format: Format
    ptime_ms: int
    payload_type: int
    noise_payload_type: int | None = None


class Packetizer:
    """Encodes the frames of 20 ms that one peer hears, and stamps them as they are due.

    They have 8 or 16 kHz, and are encoded at the rate of the codec all the while: a decoder hears
    where that changes.

    `send` gets payload type, marker and payload of each packet, once the stream has its numbers.
    Raises CodecError where the codec does not work here.
    """

    __slots__ = (
        "_before",
        "_begins_at",
        "_clock_hz",
        "_count",
        "_encoder",
        "_lost_share",
        "_packet",
        "_pending",
        "_quiet_frames",
        "_resampler",
        "_send",
        "_sent",
        "_size",
        "_stream",
        "_under",
        "goes_on",
        "rate_hz",
    )  # fmt: skip

    def __init__(
        self,
        packet: PacketFormat,
        stream: OutgoingStream,
        send: Callable[[int, bool, bytes], None],
    ) -> None:
        self._packet = packet
        self._stream = stream
        self._send = send
        self.rate_hz = packet.format.rate_hz
        """Samples a second that are encoded."""
        self._clock_hz = packet.format.clock_hz
        self._sent = np.zeros(0, np.int16)  # the newest packet
        self._under: Samples | None = None  # the newest frame without what is mixed over it
        self.goes_on = False
        """Whether what it has sent is the newest that the peer has heard."""
        self._encoder = encoder_of(packet.format, self.rate_hz)
        self._lost_share = 0.0  # of what is sent
        self._resampler: Resampler | None = None  # of frames of 8 kHz
        self._size = self.rate_hz * packet.ptime_ms // 1000
        self._pending: list[Samples] = []
        self._count = 0
        self._begins_at = 0.0  # when the first of them was due
        self._before: Samples | None = None  # what the next frame is faded with
        self._quiet_frames = 0

    def expect_loss(self, share: float) -> None:
        """See Encoder."""
        self._lost_share = share
        self._encoder.expect_loss(share)

    def send_samples(self, samples: Samples, now: float) -> None:
        """Send a frame of 8 or 16 kHz, due now. Packets go as soon as they are full."""
        self.send_risen(self.risen(self.fitted(samples)), now)

    def fitted(self, samples: Samples) -> Samples:
        """A frame of 20 ms at `rate_hz`, going on from the last that was sent."""
        if len(samples) == self.rate_hz // 50:
            self._resampler = None
            return samples
        return self._upwards(samples)

    def _upwards(self, samples: Samples) -> Samples:
        """Samples of 8 kHz at our rate, going on from the last that was sent."""
        if self.rate_hz == NARROW_HZ:
            return samples
        if self._resampler is None:
            self._resampler = self._going_on_from(self._last(1))
        return self._resampler.resample(samples)

    def _going_on_from(self, sample: Samples) -> Resampler:
        """From 8 kHz to our rate, where this was the sound for a while."""
        resampler = Resampler(NARROW_HZ, self.rate_hz)
        resampler.resample(sample.repeat(_SETTLED))
        return resampler

    def send_risen(self, samples: Samples, now: float, under: Samples | None = None) -> None:
        """Send a frame that is fitted, and has risen out of what was heard before.

        `under` is what it was before something was mixed over it, which goes on.
        """
        self._under, self.goes_on = under, True
        if self._packet.noise_payload_type is not None and self._is_described(samples, now):
            return
        if not self._count:
            self._begins_at = now
        self._pending.append(samples)
        self._count += len(samples)
        while self._count >= self._size:
            joined = self._pending[0] if len(self._pending) == 1 else np.concatenate(self._pending)
            self._emit(joined[: self._size])
            rest = joined[self._size :]
            self._pending, self._count = ([rest] if len(rest) else []), len(rest)
            self._begins_at += self._size / self.rate_hz

    def fade_from(self, before: bytes, codec: str) -> None:
        """The next frame rises out of this: 10 ms in this law of G.711, or wide."""
        self._before = self.continued(before, codec)

    def continued(self, before: bytes, codec: str) -> Samples:
        """These 10 ms, in this law of G.711 or wide, as they would be heard next."""
        if form_of(before, codec, FADE_SAMPLES) != codec:
            return decode(before, WIDE)
        samples = g711.decode(before, codec)
        if not self.goes_on:
            self._resampler = self._going_on_from(samples[:1])
        return self._upwards(samples)

    def forget(self) -> None:
        """What does not fill a packet yet is not sent any more."""
        self._pending, self._count, self._before = [], 0, None

    def falling(self, form: str) -> bytes:
        """What goes on for 10 ms from what was sent, in this form."""
        last = self._last(int(_FADE_S * self.rate_hz))
        if self.rate_hz == rate_hz(form):
            return going_on(encode(last, form), form)
        last = last[:: self.rate_hz // NARROW_HZ]  # of what begins at once the edge is what matters
        return going_on(g711.encode(last, "PCMU"), "PCMU")

    def take_over(self, said: Samples) -> Samples:
        """Go on after a stream that another has encoded, of which the peer has heard this last.

        Our encoder comes to where that one is. Returns what the next frame is to rise out of.
        """
        delay = _DELAYS.get(self._packet.format.name, 0)
        size = self.rate_hz // 50
        on = samples_going_on(said, delay + int(_FADE_S * self.rate_hz), self.rate_hz)
        known = np.concatenate((said, on[:delay]))
        self._encoder = encoder_of(self._packet.format, self.rate_hz)
        self._encoder.expect_loss(self._lost_share)
        for at in range(len(known) % size, len(known), size):
            self._encoder.encode(known[at : at + size])
        self._sent, self._under = said[-size:], None
        return on[delay:]

    def encode_passed_on(self, samples: Samples) -> bytes:
        """The payload of a packet that is not ours but for its sound."""
        samples = self.risen(samples)
        self._sent, self._under = samples, None
        return self._encoder.encode(samples)

    def _last(self, samples: int) -> Samples:
        return (self._sent if self._under is None else self._under)[-samples:]

    def _emit(self, samples: Samples) -> None:
        try:
            payload = self._encoder.encode(samples)
        except CodecError:
            self._stream.errors += 1
            return
        self._sent = samples
        ticks = self._packet.ptime_ms * self._clock_hz // 1000
        marker = self._stream.next_packet(ticks, len(payload), self._begins_at)
        self._send(self._packet.payload_type, marker, payload)

    def risen(self, samples: Samples) -> Samples:
        """A frame at `rate_hz`, out of what was heard before it if that has to fall."""
        before, self._before = self._before, None
        if before is None:
            return samples
        return risen(samples, before[: int(_FADE_S * self.rate_hz)])

    def _is_described(self, samples: Samples, now: float) -> bool:
        """Whether nobody has spoken for so long that the frame is described, not encoded."""
        if not is_quiet(samples):
            if self._quiet_frames > _QUIET_FRAMES:
                self._stream.marker_due = True  # a spurt of speech begins
            self._quiet_frames = 0
            return False
        self._quiet_frames += 1
        if self._quiet_frames <= _QUIET_FRAMES:
            return False
        if (self._quiet_frames - _QUIET_FRAMES) % _NOISE_AGAIN_FRAMES == 1:
            self.forget()
            payload = describe_noise(samples)
            marker = self._stream.next_packet(self._clock_hz // 50, len(payload), now)
            assert self._packet.noise_payload_type is not None
            self._send(self._packet.noise_payload_type, marker, payload)
        return True
