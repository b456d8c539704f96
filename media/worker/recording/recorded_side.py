"""One side of a recording as sound: its frames in the order in which they were said, decoded.

Frames wait here until nothing older is expected any more, which is the playout buffer of a
recording: what has come by then is in order, and what has not is lost, and concealed.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...codec.codec import CodecError, Decoder, Samples
from ...codec.formats import Format, decoder_of
from ...rtp.rtp import CLOCK_HZ
from ...sound.form import WIDE, WIDE_HZ, decode
from ...sound.resampler import Resampler

_MOST_CONCEALED: Final = CLOCK_HZ // 5  # ticks
_PIECE_S: Final = 0.02  # of what is concealed at once
# So many packets in a row are never lost: the stream has begun anew.
_MOST_LOST: Final = 1000


class Frame(NamedTuple):
    """A packet's payload, or a frame of our own making, on the timeline of a recording.

    `place` is in ticks of 1/8000 s from the start. Frames of one `run` come from one stream without
    a pause, and those with a `sequence` number lack what is missing between two numbers. A `form`
    is one of sound/form.py, or the name of a codec (codec/formats.py). `is_stretched`: it is a tick
    longer than its sound. A packet that is no sound has an empty form.
    """

    side: int
    run: int
    sequence: int | None
    place: int
    payload: bytes
    form: str
    is_stretched: bool = False


class RecordedSide:
    """Sound of one side, at 16 kHz where it has as much and `is_wide`, else at 8 kHz."""

    __slots__ = (
        "_concealed_ticks",
        "_decoder",
        "_downwards",
        "_end",
        "_is_wide",
        "_newest",
        "_waiting",
    )

    def __init__(self, *, is_wide: bool) -> None:
        self._is_wide = is_wide
        self._waiting: list[Frame] = []
        self._newest: Frame | None = None  # that has been decoded
        self._end = 0  # where its sound ends
        self._concealed_ticks = 0  # since then
        self._decoder: Decoder | None = None
        self._downwards: Resampler | None = None

    def add_frame(self, frame: Frame) -> None:
        """Take a frame. One that is older than what was decoded is left out."""
        self._waiting.append(frame)

    def decoded(self, until: int) -> Iterator[tuple[int, Samples, int]]:
        """The sound that begins before the tick `until`: its place in ticks, samples, their rate.

        What is lost by then is concealed as soon as a later frame is there.
        """
        others = {frame.sequence for frame in self._waiting if not frame.form}
        frames = sorted((frame for frame in self._waiting if frame.form), key=lambda one: one.place)
        taken = 0
        for frame in frames:
            is_due = frame.place < until
            if is_due or self._end < until:
                yield from self._concealed(frame, others)
            if not is_due:
                break
            taken += 1
            if self._is_in_time(frame):
                yield from self._decoded(frame)
        self._waiting = frames[taken:]
        newest = self._newest
        if newest is not None and newest.sequence is not None:
            self._waiting += [
                newest._replace(sequence=number, form="")
                for number in others
                if number is not None and 0 < number - newest.sequence < _MOST_LOST
            ]

    def _is_in_time(self, frame: Frame) -> bool:
        newest = self._newest
        return newest is None or frame.run > newest.run or frame.place > newest.place

    def _concealed(
        self, frame: Frame, others: set[int | None]
    ) -> Iterator[tuple[int, Samples, int]]:
        """What stands for packets that are missing before a frame."""
        newest, decoder = self._newest, self._decoder
        if newest is None or decoder is None or not self._follows(frame):
            return
        missing = _missing(newest, frame, others)
        ticks = min(frame.place - self._end, _MOST_CONCEALED - self._concealed_ticks)
        if missing and ticks > 0:
            yield self._end, _made_up(decoder, frame, ticks, one=missing == 1), decoder.rate_hz
            self._end += ticks
            self._concealed_ticks += ticks

    def _follows(self, frame: Frame) -> bool:
        newest = self._newest
        return newest is not None and newest.run == frame.run and newest.form == frame.form

    def _decoded(self, frame: Frame) -> Iterator[tuple[int, Samples, int]]:
        try:
            decoder = self._decoder if self._follows(frame) else self._new_decoder(frame.form)
            samples, rate_hz = self._sound_of(frame, decoder)
        except CodecError:  # as good as lost, or never agreed on
            return
        self._decoder = decoder
        if frame.is_stretched:
            samples = np.concatenate((samples[: rate_hz // CLOCK_HZ], samples))
        self._newest = frame
        self._end = frame.place + len(samples) * CLOCK_HZ // rate_hz
        self._concealed_ticks = 0
        yield frame.place, samples, rate_hz

    def _new_decoder(self, form: str) -> Decoder | None:
        """For another stream, or one that was paused; None where the form is that of no codec.

        Raises CodecError.
        """
        if form == WIDE:
            return None
        codec = Format(form)
        rate_hz = WIDE_HZ if self._is_wide and codec.rate_hz >= WIDE_HZ else CLOCK_HZ
        return decoder_of(codec, rate_hz)

    def _sound_of(self, frame: Frame, decoder: Decoder | None) -> tuple[Samples, int]:
        if decoder is not None:
            return decoder.decode(frame.payload), decoder.rate_hz
        samples: NDArray[np.int16] = decode(frame.payload, WIDE)
        if self._is_wide:
            return samples, WIDE_HZ
        if self._downwards is None:
            self._downwards = Resampler(WIDE_HZ, CLOCK_HZ)
        return self._downwards.resample(samples[: len(samples) // 2 * 2]), CLOCK_HZ


def _missing(before: Frame, frame: Frame, others: set[int | None]) -> int:
    """How many packets were lost between two of one stream; 0 where that is not known."""
    if before.sequence is None or frame.sequence is None:
        return 0
    between = range(before.sequence + 1, frame.sequence)
    if len(between) > _MOST_LOST:
        return 0
    return len(between) - sum(number in others for number in between)


def _made_up(decoder: Decoder, frame: Frame, ticks: int, *, one: bool) -> Samples:
    """What stands for so many ticks before a frame; `one` packet was lost."""
    wanted = ticks * decoder.rate_hz // CLOCK_HZ
    if one:
        return decoder.recover(frame.payload, wanted)[:wanted]
    piece = int(_PIECE_S * decoder.rate_hz)
    pieces = [decoder.conceal(piece) for _ in range(0, wanted, piece)]
    return np.concatenate(pieces)[:wanted]
