"""One leg whose speech is mixed: a listener of its stream that has frames for the clock."""

from collections.abc import Callable
from copy import copy
from typing import Final

import numpy as np

from ...codec.codec import Decoder, Samples
from ...codec.formats import Format, decoder_of
from ...sound.fade import risen
from ...sound.form import WIDE_HZ
from ...sound.g711 import SAMPLE_RATE_HZ
from ...sound.resampler import Resampler
from ..coding.playout_buffer import PlayoutBuffer
from ..peer_stream import PeerStream

_FRAMES_A_SECOND: Final = 50


class Speaker:
    """Takes what the peer of one leg says from now on. `on_gone` is told that the leg is closed.

    The first packet is part of the next frame: who hears the sum may have heard by relay what came
    before it, and it `rises` but for them. What comes late or never is made up for by the playout
    buffer.
    """

    __slots__ = ("_buffer", "_on_gone", "_other", "_rises", "_source", "is_wide")

    relayed = None
    """It is never sent on packet by packet (see StreamListener)."""
    is_asking = False

    def __init__(
        self, source: PeerStream, on_gone: "Callable[[Speaker], None]", *, rises: bool = True
    ) -> None:
        self._source: PeerStream | None = source
        self._rises = rises
        self._on_gone = on_gone
        self.is_wide = source.is_wide
        """Whether its frames have 16 kHz."""
        self._buffer = self._new_buffer()
        self._other: Resampler | None = None  # to the other rate, for who hears that
        source.settle()
        source.listeners.append(self)

    def _new_buffer(self) -> PlayoutBuffer:
        rate_hz = WIDE_HZ if self.is_wide else SAMPLE_RATE_HZ

        def make(codec: str) -> Decoder:
            return decoder_of(Format(codec), rate_hz)

        return PlayoutBuffer(rate_hz, make, is_prompt=True)

    @property
    def source(self) -> PeerStream | None:
        """Whose speech it is; None once that leg is closed, or nobody hears it."""
        return self._source

    @property
    def has_begun(self) -> bool:
        """Whether anything of it was part of a frame yet."""
        return self._buffer.has_begun

    @property
    def frame_samples(self) -> int:
        """How many samples a frame of it has."""
        return (WIDE_HZ if self.is_wide else SAMPLE_RATE_HZ) // _FRAMES_A_SECOND

    def begin_anew(self) -> Samples:
        """Forget what has come: it cannot be made sound of. Returns a frame of silence."""
        self._buffer, self._other = self._new_buffer(), None
        return np.zeros(self.frame_samples, np.int16)

    def next_frame(self, now: float) -> Samples:
        """The next 20 ms, at 16 kHz where it `is_wide`."""
        frame = self._buffer.next_frame(now)
        if self._rises and self._buffer.has_begun:
            self._rises = False
            frame = risen(frame, np.zeros(len(frame) // 2, np.int16))
        return frame

    def fitted(self, frame: Samples, *, is_wide: bool) -> Samples:
        """A frame that was taken, at 16 kHz or at 8 kHz. To be asked of each in order."""
        if is_wide == self.is_wide:
            return frame
        if self._other is None:
            self._other = _resampler(is_wide=is_wide)
        return self._other.resample(frame)

    def ahead(self, *, is_wide: bool) -> tuple[list[Samples], Samples]:
        """What has come and was not taken, at 16 or 8 kHz: whole frames, and what is no frame.

        It can be taken all the same.
        """
        sound = self._buffer.ahead()
        if is_wide != self.is_wide:
            resampler = _resampler(is_wide=is_wide) if self._other is None else copy(self._other)
            sound = resampler.resample(sound if is_wide else sound[: len(sound) // 2 * 2])
        size = (WIDE_HZ if is_wide else SAMPLE_RATE_HZ) // _FRAMES_A_SECOND
        whole = len(sound) // size * size
        return np.split(sound[:whole], whole // size) if whole else [], sound[whole:]

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
        if payload:
            self._buffer.put(codec, source.ssrc, sequence, timestamp, payload, now)

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
        """See StreamListener. Who pauses is heard as this noise until sound comes again."""
        self._buffer.put_noise(source.ssrc, sequence, timestamp, payload, now)

    def fill_gap(self, now: float) -> None:
        """See StreamListener. Who says nothing is silent in the sum."""

    def hear_silence(self, now: float) -> None:
        """The leg is closed: what it has said already is said to its end."""
        self.leave()
        self._on_gone(self)


def _resampler(*, is_wide: bool) -> Resampler:
    rates_hz = SAMPLE_RATE_HZ, WIDE_HZ
    return Resampler(*(rates_hz if is_wide else rates_hz[::-1]))
