"""Recording of a call: stereo WAV, what one leg's peer says on each channel, aligned in time.

The packet path only notes each frame and its place on the recording's timeline. The file is opened,
written and closed in a thread, once a second; the newest second is kept back for packets that come
late. Sizes in the header are right after each write, so that a file cut off by a crash is whole.
"""

import contextlib
import struct
from pathlib import Path
from typing import BinaryIO, Final, Protocol, TypeAlias

import numpy as np

from ..rtp.rtp import CLOCK_HZ
from ..sound import g711

_CHANNELS: Final = 2
_HEADER: Final = struct.Struct("<4sI4s4sIHHIIHH4sI")
_KEPT_BACK_SAMPLES: Final = CLOCK_HZ
_REANCHOR_SAMPLES: Final = CLOCK_HZ // 5
MAX_PENDING_FRAMES: Final = 60 * 2 * 50  # a minute that could not be written

# Channel, place in samples from the start, payload, codec.
Frame: TypeAlias = tuple[int, int, bytes, str]


class Tap(Protocol):
    """Takes what a leg's peer says."""

    def write(self, timestamp: int, payload: bytes, codec: str, now: float) -> None:
        """A frame of G.711 with its RTP timestamp; `now` is its arrival in seconds."""


class Track:
    """One channel: places frames by RTP timestamp, and by arrival where timestamps start again."""

    __slots__ = ("_anchor", "_channel", "_frames", "_started_at", "_timestamp")

    def __init__(self, channel: int, frames: list[Frame], started_at: float) -> None:
        self._channel = channel
        self._frames = frames
        self._started_at = started_at
        self._anchor: int | None = None
        self._timestamp = 0

    def write(self, timestamp: int, payload: bytes, codec: str, now: float) -> None:
        """Note a frame."""
        arrived = round((now - self._started_at) * CLOCK_HZ)
        anchor = self._anchor
        if anchor is not None:
            ticks = ((timestamp - self._timestamp + 0x80000000) & 0xFFFFFFFF) - 0x80000000
            place = anchor + ticks
        if anchor is None or abs(place - arrived) > _REANCHOR_SAMPLES:
            place = arrived
        self._anchor, self._timestamp = place, timestamp
        self._frames.append((self._channel, place, payload, codec))


class Recording:
    """A recording under way. `left` and `right` are the taps of its two legs."""

    __slots__ = ("_frames", "left", "path", "refused", "right", "started_at", "writer", "writing")

    def __init__(self, path: str, started_at: float) -> None:
        self.path = path
        self.started_at = started_at
        self._frames: list[Frame] = []
        self.left = Track(0, self._frames, started_at)
        self.right = Track(1, self._frames, started_at)
        self.writer = WavWriter(path)
        self.refused = False  # the file could not be opened
        self.writing = False  # a write is under way in the thread

    @property
    def pending(self) -> int:
        """Frames noted and not yet taken to be written."""
        return len(self._frames)

    def take_frames(self) -> list[Frame]:
        """The frames noted since the last call, for the writer."""
        frames = self._frames.copy()
        self._frames.clear()
        return frames

    def length_samples(self, now: float) -> int:
        """How long it is by now."""
        return max(0, round((now - self.started_at) * CLOCK_HZ))


class WavWriter:
    """Writes frames placed on a timeline; to be used by one thread at a time. Raises OSError."""

    __slots__ = ("_file", "_path", "_window", "_written")

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._file: BinaryIO | None = None
        self._written = 0  # samples of each channel
        self._window = np.zeros((2 * _KEPT_BACK_SAMPLES, _CHANNELS), np.int16)

    def open(self) -> None:
        """Create the file, and its directory, which is for its owner alone."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
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
        until = length_samples if last else length_samples - _KEPT_BACK_SAMPLES
        self._reach(length_samples + _KEPT_BACK_SAMPLES)
        window, base = self._window, self._written
        for channel, place, payload, codec in frames:
            at = place - base
            if at >= 0 and at + len(payload) <= len(window):
                window[at : at + len(payload), channel] = g711.decode(payload, codec)
        if until > base:
            count = until - base
            file.write(window[:count].astype("<i2").tobytes())
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

    def abandon(self) -> None:
        """Close the file as it is, after a write that failed."""
        if self._file is not None:
            # Closing writes what is buffered, which fails again for the reason known already.
            with contextlib.suppress(OSError):
                self._file.close()

    def discard(self) -> None:
        """Close the file and remove it, after it was opened too late or not wholly."""
        if self._file is not None:
            self.abandon()
            with contextlib.suppress(OSError):
                self._path.unlink()

    def _reach(self, end_samples: int) -> None:
        missing = end_samples - self._written - len(self._window)
        if missing > 0:
            more = np.zeros((missing, _CHANNELS), np.int16)
            self._window = np.concatenate((self._window, more))

    def _header(self) -> bytes:
        frame_bytes = 2 * _CHANNELS
        data_bytes = self._written * frame_bytes
        return _HEADER.pack(
            b"RIFF",
            36 + data_bytes,
            b"WAVE",
            b"fmt ",
            16,
            1,
            _CHANNELS,
            CLOCK_HZ,
            CLOCK_HZ * frame_bytes,
            frame_bytes,
            16,
            b"data",
            data_bytes,
        )
