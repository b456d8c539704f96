"""Recording of a call as WAV: what one leg's peer says on each channel, aligned in time.

The packet path only notes each frame and its place on the recording's timeline. The file is opened,
written and closed in a thread, once a second; the newest second is kept back for packets that come
late. Sizes in the header are right after each write, so that a file cut off by a crash is whole.
"""

import contextlib
import errno
import os
import struct
from pathlib import Path
from typing import BinaryIO, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from ...codec.codec import Samples
from ...codec.formats import G711, Format
from ...rtp.rtp import CLOCK_HZ
from ...sound.form import WIDE, WIDE_HZ, WIDE_TICK_BYTES
from .clock_drift import ClockDrift
from .recorded_side import Frame, RecordedSide
from .wide_sides import WideSides

_HEADER: Final = struct.Struct("<4sI4s4sIHHIIHH4sI")
# The sizes in a header are numbers of 32 bits: some 37 hours in stereo.
_MOST_BYTES: Final = 0xFFFFFFFF - _HEADER.size
_REANCHOR_S: Final = 0.2
MAX_PENDING_FRAMES: Final = 60 * 2 * 50  # a minute that could not be written


class Tap(Protocol):
    """Takes what a leg's peer says, or what it hears."""

    def write(
        self, sequence: int | None, timestamp: int, payload: bytes, form: str, now: float
    ) -> None:
        """A packet with its extended sequence number, or a frame that has none.

        Its RTP timestamp is in ticks of 1/8000 s, `form` its codec or one of sound/form.py, and
        `now` its arrival in seconds.
        """

    def skip(self, sequence: int) -> None:
        """A packet that is no sound: its number is not missing."""


class Track:
    """One side: places frames by RTP timestamp, and by arrival where timestamps start again.

    The clock of the phone is followed tick by tick: nothing that was said is overwritten for it.
    """

    __slots__ = (
        "_anchor",
        "_drift",
        "_frames",
        "_run",
        "_side",
        "_started_at",
        "_timestamp",
        "end",
    )

    def __init__(self, side: int, frames: list[Frame], started_at: float) -> None:
        self._side = side
        self._frames = frames
        self._started_at = started_at
        self._anchor: int | None = None
        self._timestamp = 0
        self._run = 0
        self._drift = ClockDrift()
        self.end = 0
        """Where the newest frame ends, in ticks from the start."""

    def begin_run(self) -> None:
        """What follows is not what was missing of the frames before."""
        self._run += 1

    def write(
        self, sequence: int | None, timestamp: int, payload: bytes, form: str, now: float
    ) -> None:
        """Note a frame. See Tap."""
        arrived = round((now - self._started_at) * CLOCK_HZ)
        anchor = self._anchor
        if anchor is not None:
            ticks = ((timestamp - self._timestamp + 0x80000000) & 0xFFFFFFFF) - 0x80000000
            place = anchor + ticks
        if anchor is None or abs(place - arrived) > _REANCHOR_S * CLOCK_HZ:
            place, step = arrived, 0
            self._drift.begin_anew()
            self.begin_run()
        else:
            step = self._drift.step(arrived - place)
        self._anchor, self._timestamp = place + step, timestamp
        is_stretched = step > 0  # a tick longer, so that there is no hole
        if not is_stretched:
            place += step
        size = len(payload) if form in G711 else _ticks(payload, form)
        self.end = max(self.end, place + size + is_stretched)
        frame = Frame(self._side, self._run, sequence, place, payload, form, is_stretched)
        self._frames.append(frame)

    def skip(self, sequence: int) -> None:
        """See Tap."""
        self._frames.append(Frame(self._side, self._run, sequence, 0, b"", ""))


def _ticks(payload: bytes, form: str) -> int:
    """How long a frame that is not G.711 is, in steps of 1/8000 s."""
    if form == WIDE:
        return len(payload) // WIDE_TICK_BYTES
    codec = Format(form)
    return codec.ticks(payload) * CLOCK_HZ // codec.clock_hz


class Recording:
    """A recording under way. `left` and `right` are the taps of its two sides.

    With `sides` 1 there is the left one alone. `channels` 1 has both in one. `is_wide`: at 16 kHz.
    """

    __slots__ = (
        "_frames",
        "left",
        "path",
        "paused",
        "refused",
        "right",
        "started_at",
        "writer",
        "writing",
    )

    def __init__(
        self,
        path: str,
        started_at: float,
        *,
        sides: int = 2,
        channels: int = 2,
        min_free_bytes: int = 0,
        is_wide: bool = False,
    ) -> None:
        self.path = path
        self.started_at = started_at
        self._frames: list[Frame] = []
        self.left = Track(0, self._frames, started_at)
        self.right = Track(1, self._frames, started_at) if sides == 2 else None
        self.writer = WavWriter(
            path, sides, min(sides, channels), is_wide=is_wide, min_free_bytes=min_free_bytes
        )
        self.refused = False  # the file could not be opened
        self.writing = False  # a write is under way in the thread
        self.paused = False

    @property
    def pending(self) -> int:
        """Frames noted and not yet taken to be written."""
        return len(self._frames)

    def begin_run(self) -> None:
        """It begins, or goes on after a pause."""
        self.left.begin_run()
        if self.right is not None:
            self.right.begin_run()

    def take_frames(self) -> list[Frame]:
        """The frames noted since the last call, for the writer."""
        frames = self._frames.copy()
        self._frames.clear()
        return frames

    def length_samples(self, now: float) -> int:
        """How long it is by now."""
        return max(0, round((now - self.started_at) * CLOCK_HZ))

    def whole_samples(self, now: float) -> int:
        """How long it is if it ends now, with all of each frame that was relayed by now."""
        newest = max(self.left.end, 0 if self.right is None else self.right.end)
        length = self.length_samples(now)
        return length if newest - length > _REANCHOR_S * CLOCK_HZ else max(length, newest)


class WavWriter:
    """Writes frames placed on a timeline; to be used by one thread at a time. Raises OSError.

    Lengths are ticks of 1/8000 s. With `is_wide` the file has 16 kHz, and what comes in G.711 is
    raised to that. It writes on no disk that has less than `min_free_bytes` left.
    """

    __slots__ = (
        "_channels",
        "_file",
        "_kept_back",
        "_min_free_bytes",
        "_path",
        "_rate_hz",
        "_sides",
        "_wide",
        "_window",
        "_written",
    )

    def __init__(
        self,
        path: str,
        sides: int = 2,
        channels: int = 2,
        *,
        is_wide: bool = False,
        min_free_bytes: int = 0,
    ) -> None:
        self._path = Path(path)
        self._file: BinaryIO | None = None
        self._written = 0  # ticks of each channel
        self._channels = channels
        self._rate_hz = WIDE_HZ if is_wide else CLOCK_HZ
        self._kept_back = CLOCK_HZ  # a second
        self._min_free_bytes = min_free_bytes
        self._window = np.zeros((2 * self._kept_back, sides), np.int16)
        self._sides = [RecordedSide(is_wide=is_wide) for _ in range(sides)]
        self._wide = WideSides(sides) if is_wide else None

    @property
    def duration_s(self) -> float:
        """How much of it is in the file."""
        return self._written / CLOCK_HZ

    @property
    def size(self) -> int:
        """How long the file is, in bytes."""
        return 0 if self._file is None else _HEADER.size + self._data_bytes

    @property
    def _data_bytes(self) -> int:
        return self._written * (self._rate_hz // CLOCK_HZ) * 2 * self._channels

    def open(self) -> None:
        """Create the file, and its directory, which is for its owner alone."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._check_room()
        self._file = self._path.open("wb")
        self._file.write(self._header())
        self._file.flush()

    def write(self, frames: list[Frame], length_samples: int, *, last: bool = False) -> None:
        """Place `frames`, and write all but the newest second of `length_samples`; all if `last`.

        What belongs before or after that stretch of the timeline is left out. Where the file could
        not be opened, nothing is written.
        """
        file = self._file
        if file is None:
            return
        until = length_samples if last else length_samples - self._kept_back
        self._reach(length_samples + self._kept_back)
        window, base = self._window, self._written
        for frame in frames:
            self._sides[frame.side].add_frame(frame)
        for number, side in enumerate(self._sides):
            for place, samples, rate_hz in side.decoded(until):
                self._place(number, place - base, samples, rate_hz)
        if until > base:
            count = until - base
            samples = (
                window[:count] if self._wide is None else self._wide.take_samples(window, count)
            )
            file.write(self._mixed(samples).astype("<i2").tobytes())
            self._written = until
            rest = len(window) - count
            window[:rest] = window[count:].copy()
            window[rest:] = 0
            file.seek(0)
            file.write(self._header())
            file.seek(0, 2)
            file.flush()
        if last:
            file.close()
        else:
            self._check_room()

    def abandon(self) -> None:
        """Close the file as it is, after a write that failed. It is whole as far as it goes."""
        if self._file is not None:
            # Closing writes what is buffered, which fails again for the reason known already.
            with contextlib.suppress(OSError):
                self._file.close()
            with contextlib.suppress(OSError):
                self._tell_size()

    def _tell_size(self) -> None:
        """Have the header say how much got into the file: it takes no room on the disk."""
        with self._path.open("r+b", buffering=0) as file:
            data_bytes = os.fstat(file.fileno()).st_size - _HEADER.size
            if data_bytes >= 0:
                self._written = data_bytes // (self._rate_hz // CLOCK_HZ * 2 * self._channels)
                file.write(self._header())

    def discard(self) -> None:
        """Close the file and remove it, after it was opened too late or not wholly."""
        if self._file is not None:
            self.abandon()
            with contextlib.suppress(OSError):
                self._path.unlink()

    def _check_room(self) -> None:
        if self._data_bytes > _MOST_BYTES - (64 << 20):
            raise OSError(errno.EFBIG, "the file is as long as a WAV file can be")
        if self._min_free_bytes:
            found = os.statvfs(self._path.parent)
            free = found.f_bavail * found.f_frsize
            if free < self._min_free_bytes:
                reason = f"only {free >> 20} of {self._min_free_bytes >> 20} MiB are free"
                raise OSError(errno.ENOSPC, reason)

    def _place(self, side: int, at: int, samples: Samples, rate_hz: int) -> None:
        """Put samples at this tick of the window; what lies outside of it is left out."""
        window = self._window
        multiple = rate_hz // CLOCK_HZ
        samples = samples[max(0, -at) * multiple :][: max(0, len(window) - max(0, at)) * multiple]
        at = max(0, at)
        if rate_hz == WIDE_HZ and self._wide is not None:
            self._wide.place(at, side, samples, len(window))
        else:
            window[at : at + len(samples), side] = samples

    def _mixed(self, samples: NDArray[np.int16]) -> NDArray[np.int16]:
        """The samples of each channel: both sides in one where there is one channel for them."""
        if samples.shape[1] == self._channels:
            return samples
        both: NDArray[np.int32] = samples.sum(axis=1, dtype=np.int32)
        return both.clip(-32768, 32767).astype(np.int16)

    def _reach(self, end_samples: int) -> None:
        missing = end_samples - self._written - len(self._window)
        if missing > 0:
            more = np.zeros((missing, self._window.shape[1]), np.int16)
            self._window = np.concatenate((self._window, more))

    def _header(self) -> bytes:
        frame_bytes = 2 * self._channels
        data_bytes = self._data_bytes
        return _HEADER.pack(
            b"RIFF",
            36 + data_bytes,
            b"WAVE",
            b"fmt ",
            16,
            1,
            self._channels,
            self._rate_hz,
            self._rate_hz * frame_bytes,
            frame_bytes,
            16,
            b"data",
            data_bytes,
        )
