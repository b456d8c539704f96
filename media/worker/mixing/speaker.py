"""One leg whose speech is mixed: a listener of its stream that keeps frames for the clock."""

from collections.abc import Callable
from copy import copy

from ...sound.form import WIDE, WIDE_HZ, decode
from ...sound.g711 import SAMPLE_RATE_HZ
from ...sound.resampler import Resampler
from ..peer_stream import PeerStream
from .speech_queue import Samples, SpeechQueue


class Speaker:
    """Takes what the peer of one leg says from now on. `on_gone` is told that the leg is closed."""

    __slots__ = ("_on_gone", "_other", "_put", "_source", "is_wide", "queue")

    relayed = None
    """It is never sent on packet by packet (see StreamListener)."""

    takes_any_codec = False
    """What it mixes is decoded."""

    takes_wide = True
    """Who hears 16 kHz hears it so."""

    def __init__(self, source: PeerStream, on_gone: "Callable[[Speaker], None]") -> None:
        self._source: PeerStream | None = source
        self._on_gone = on_gone
        self.is_wide = source.is_wide
        """Whether its frames have 16 kHz."""
        self.queue = SpeechQueue(2 if self.is_wide else 1)
        self._other: Resampler | None = None  # to the other rate, for who hears that
        self._put: Resampler | None = None  # of packets that have another rate than the frames
        source.settle()
        source.listeners.append(self)

    @property
    def source(self) -> PeerStream | None:
        """Whose speech it is; None once that leg is closed, or nobody hears it."""
        return self._source

    def take(self) -> Samples:
        """The next 20 ms, at 16 kHz where it `is_wide`."""
        return self.queue.take()

    def fitted(self, frame: Samples, *, is_wide: bool) -> Samples:
        """A frame that was taken, at 16 kHz or at 8 kHz. To be asked of each in order."""
        if is_wide == self.is_wide:
            return frame
        if self._other is None:
            self._other = _resampler(is_wide=is_wide)
        return self._other.resample(frame)

    def peek(self, *, is_wide: bool) -> list[Samples]:
        """The whole frames that wait, at 16 kHz or at 8 kHz, without taking them."""
        frames = self.queue.peek()
        if is_wide == self.is_wide:
            return frames
        ahead = _resampler(is_wide=is_wide) if self._other is None else copy(self._other)
        return [ahead.resample(frame) for frame in frames]

    def leave(self) -> None:
        """Take no more of the stream. Idempotent."""
        source, self._source = self._source, None
        if source is not None:
            source.settle()
            source.listeners.remove(self)

    # -- what comes of the stream -----------------------------------------------------------------

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
        """See StreamListener."""
        if not payload:
            return
        samples = decode(payload, codec)
        if (codec == WIDE) != self.is_wide:
            if self._put is None:
                self._put = _resampler(is_wide=self.is_wide)
            whole = len(samples) if self.is_wide else len(samples) // 2 * 2
            samples = self._put.resample(samples[:whole])
        self.queue.put(timestamp, samples)

    def relay_event(
        self,
        source: PeerStream,
        sequence: int,
        timestamp: int,
        marker: bool,
        payload: bytes,
        now: float,
    ) -> None:
        """See StreamListener. Keys are no speech: the engine sends them on where they belong."""

    def relay_nothing(self, source: PeerStream, sequence: int) -> None:
        """See StreamListener."""

    def relay_noise(
        self, source: PeerStream, sequence: int, timestamp: int, payload: bytes, now: float
    ) -> None:
        """See StreamListener. Who pauses is silent in the sum."""

    def fill_gap(self, now: float) -> None:
        """See StreamListener. Who says nothing is silent in the sum."""

    def hear_silence(self, now: float) -> None:
        """The leg is closed: what it has said already is said to its end."""
        self.leave()
        self._on_gone(self)


def _resampler(*, is_wide: bool) -> Resampler:
    rates_hz = SAMPLE_RATE_HZ, WIDE_HZ
    return Resampler(*(rates_hz if is_wide else rates_hz[::-1]))
